import { loadConfig } from "../config/load-config.ts";
import { AREAS, type Area } from "../doctor/areas.ts";
import { Doctor } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { silentLogger } from "../shared/logger.ts";
import { productVersion } from "../shared/version.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { DOCTOR } from "./commands/doctor.ts";
import type { CommandIo } from "./io.ts";

const COLUMNS = { level: 5, subject: 16, check: 18 } as const;

export async function doctorCommand(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseCommandLine(DOCTOR, args);
  if (values.help === true) {
    io.out(helpOf(DOCTOR));
    return EXIT.ok;
  }
  const only = (values.only ?? AREAS).flatMap((text) => text.split(","));
  const unknown = only.find((word) => !AREAS.some((area) => area === word));
  if (values.config === undefined || unknown !== undefined) {
    const problem =
      unknown === undefined
        ? "Expected --config FILE"
        : `Expected ${AREAS.join(", ")} for --only but received ${JSON.stringify(unknown)}`;
    io.err(`${problem}.\n\n${helpOf(DOCTOR)}`);
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
