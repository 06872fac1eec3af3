import { readFileSync } from "node:fs";
import { offeredFiles } from "../../src/cli/push/offered-files.ts";
import { passed } from "./passed-part.ts";
import { DeliveryRig } from "./delivery-rig.ts";

/**
 * Takes one bank as the daemon does, from the offer to the end of its probation, and ends by SIGKILL after the step of
 * writing that the test names. Arguments: state folder, folder of backbones, configured bank, offered bank, file with the
 * envelope, number of the step (counted from 1).
 */
const [stateFolder = "", modelsFolder = "", configured = "", bank = "", envelope = "", step = ""] =
  process.argv.slice(2);
let steps = 0;
const rig = new DeliveryRig({
  ...{ stateFolder, modelsFolder, configured, offered: await offeredFiles(bank, null) },
  onWriteStep: (name) => {
    if (++steps !== Number(step)) return;
    process.stdout.write(name);
    process.kill(process.pid, "SIGKILL");
  },
});
rig.delivery.start();
rig.delivery.receive(readFileSync(envelope));
while (rig.state.delivery?.stage !== "committed") {
  if (rig.state.delivery?.stage === "probation") rig.delivery.outcome(passed());
  await new Promise((resolve) => setTimeout(resolve, 5));
}
process.stdout.write("committed");
process.exit(0);
