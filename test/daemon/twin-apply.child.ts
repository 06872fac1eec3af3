import { ConfigKeeper } from "../../src/daemon/config-keeper.ts";
import { DocumentGate } from "../../src/daemon/document-gate.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";
import { Trial } from "../../src/daemon/trial.ts";
import { NOTHING_STORED, TwinFile } from "../../src/daemon/twin-file.ts";
import { Twin } from "../../src/daemon/twin.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";

/**
 * Takes one document as the daemon does, and ends by SIGKILL after the step of writing that the test names. Arguments: text
 * of the configuration, its file, the envelope in base64, the number of the step (counted from 1), `trial` or `live`.
 */
const [text = "", file = "", envelope = "", step = "", kind = ""] = process.argv.slice(2);
const source = { text, file, env: {} };
const effective = effectiveConfig(source);
const { config } = effective.loaded;
let steps = 0;
const onWriteStep = (): void => {
  if (++steps === Number(step)) process.kill(process.pid, "SIGKILL");
};
const gate = new DocumentGate({
  stateFolder: config.stateFolder,
  allowUnsigned: () => false,
  clock: systemClock,
  logger: silentLogger,
  onWriteStep,
});
const proved = { criteria: [], needsConfirmation: false, withinS: 1, clock: systemClock };
const name = "line1/st1";
const twin = new Twin({
  name,
  target: `test/${name}`,
  file: new TwinFile(config.stateFolder, name, onWriteStep),
  stored: effective.twins.get(name) ?? NOTHING_STORED,
  leftOut: effective.leftOut.get(name) ?? null,
  gate,
  keeper: new ConfigKeeper(source, effective, () => undefined),
  trialOf: () => (kind === "trial" ? new Trial(proved) : null),
  clock: systemClock,
  logger: silentLogger,
});
twin.listen({
  report: ({ status }) => {
    if (status === "ok" || status === "rejected") process.stdout.write(`${status} `);
  },
  answerTry: () => undefined,
});
twin.start();
twin.receive(Buffer.from(envelope, "base64"));
