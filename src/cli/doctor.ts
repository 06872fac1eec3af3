import { parseArgs } from "node:util";
import { loadConfig } from "../config/load-config.ts";
import { AREAS, Doctor, type Area } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { silentLogger } from "../shared/logger.ts";
import { productVersion } from "../shared/version.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald doctor --config FILE [--only AREA]… [--json]

Looks at everything that a station needs and says, line by line, what is right, what is wrong and what to do.
Exit code 0 when no line is fail, 7 otherwise. A daemon that runs is not disturbed: what it holds is left to it.
Without one, an empty message is published to each topic of the stations, to see whether the broker lets them.

  --config FILE   the daemon's configuration
  --only AREA     ${AREAS.join(", ")}; may be repeated
  --json          one JSON document instead of lines`;

const COLUMNS = { level: 5, subject: 16, check: 18 } as const;

export async function doctorCommand(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      config: { type: "string" },
      only: { type: "string", multiple: true },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    io.out(HELP);
    return EXIT.ok;
  }
  const only = (values.only ?? AREAS).flatMap((text) => text.split(","));
  const unknown = only.find((word) => !AREAS.some((area) => area === word));
  if (values.config === undefined || unknown !== undefined) {
    const problem =
      unknown === undefined
        ? "Expected --config FILE"
        : `Expected ${AREAS.join(", ")} for --only but received ${JSON.stringify(unknown)}`;
    io.err(`${problem}.\n\n${HELP}`);
    return EXIT.usage;
  }
  return await examine(values.config, new Set(only as Area[]), values.json === true, io);
}

async function examine(file: string, areas: ReadonlySet<Area>, json: boolean, io: CommandIo): Promise<number> {
  const { config } = await loadConfig(file, process.env);
  const findings: Finding[] = [];
  const doctor = new Doctor({
    config,
    areas,
    nodeVersion: process.versions.node,
    credentialsFolder: process.env["CREDENTIALS_DIRECTORY"] ?? null,
    logger: silentLogger,
    wallMs: Date.now,
    onFinding: (finding) => {
      findings.push(finding);
      if (!json) for (const line of linesOf(finding)) io.out(line);
    },
    signal: io.signal,
  });
  await doctor.run();
  if (io.signal.aborted) return EXIT.interrupted;
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level).length;
  const [ok, warn, fail] = [count("ok"), count("warn"), count("fail")];
  if (json) io.out(JSON.stringify({ nominald: productVersion(), ok, warn, fail, findings }, null, 2));
  else io.out(`${ok} ok, ${warn} warn, ${fail} fail`);
  return fail === 0 ? EXIT.ok : EXIT.unhealthy;
}

function linesOf({ level, subject, check, found, remedy }: Finding): string[] {
  const head = `${level.padEnd(COLUMNS.level)} ${subject.padEnd(COLUMNS.subject)} ${check.padEnd(COLUMNS.check)} `;
  return [`${head}${found}`, ...(remedy === null ? [] : [`${" ".repeat(head.length)}→ ${remedy}`])];
}
