/** Debian packages: said first, installed by apt-get, and looked for again afterwards. */
import { ask, findProgram, run, say, SetupError } from "./processes.mjs";
import { missingRequirements } from "./requirements.mjs";

/** The machine lacks something that this script may not or cannot install: a person has to. */
export const EXIT_MACHINE_LACKS = 5;

/** Installs what a purpose lacks. With `dryRun` it only says so. @returns whether nothing is (or would be) missing */
export function installDebianPackages(purpose, dryRun) {
  const rows = missingRequirements(purpose);
  if (rows.length === 0) {
    return true;
  }
  const packages = rows.flatMap((row) => row.packages);
  say(`this machine lacks something of these Debian packages:`);
  for (const row of rows) {
    say(`  ${row.packages.join(" ")}\n    for: ${row.why}`);
  }
  if (dryRun) {
    return false;
  }
  const aptGet = privilegedAptGet(packages);
  const words = ["install", "--no-install-recommends", ...packages];
  say(`installing them: ${[...aptGet, ...words].join(" ")}`);
  install(aptGet, words, packages);
  const still = missingRequirements(purpose);
  if (still.length > 0) {
    const names = still.map((row) => `  ${row.packages.join(" ")} (${row.why})`).join("\n");
    throw new SetupError(
      `apt-get succeeded, but these still lack a part that nominald looks for:\n${names}`,
      EXIT_MACHINE_LACKS,
    );
  }
  return true;
}

/** @returns the words that start apt-get with the right to install, without waiting for a password nobody can type */
function privilegedAptGet(packages) {
  const byHand = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (findProgram("apt-get") === undefined) {
    throw new SetupError(
      "expected apt-get on this machine to install the above, found none. " +
        `Install what corresponds to these Debian packages, then run this again:\n  ${packages.join(" ")}`,
      EXIT_MACHINE_LACKS,
    );
  }
  const aptGet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"];
  if (process.getuid() === 0) {
    return aptGet;
  }
  if (findProgram("sudo") === undefined) {
    throw new SetupError(
      `expected to be root or to find sudo, found neither. Run as root, then run this again:\n  ${byHand}`,
      EXIT_MACHINE_LACKS,
    );
  }
  if (!process.stdin.isTTY && !ask("sudo", ["-n", "true"]).ok) {
    throw new SetupError(
      `expected sudo to work without a password, as no terminal is here to ask at. Run as root, then run this again:\n  ${byHand}`,
      EXIT_MACHINE_LACKS,
    );
  }
  return ["sudo", ...aptGet];
}

/** `apt-get update` takes long and is mostly needless, so it runs only where the lists are absent or out of date. */
function install(aptGet, words, packages) {
  const [program, ...options] = aptGet;
  const interactive = { stdio: [process.stdin.isTTY ? "inherit" : "ignore", "inherit", "inherit"] };
  const tryInstall = () => run(program, [...options, ...words], interactive);
  if (ask("apt-cache", ["show", "--no-all-versions", ...packages]).ok) {
    try {
      tryInstall();
      return;
    } catch {
      say("the installation failed; trying once more with fresh package lists");
    }
  }
  run(program, [...options, "update"], interactive);
  tryInstall();
}
