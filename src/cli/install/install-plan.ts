import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceConfig } from "../../config/config.ts";

/** Where the parts lie that come with the program: src/cli/install and dist/cli/install lie equally deep. */
const PROGRAM = fileURLToPath(new URL("../../..", import.meta.url));

/** What the unit in systemd/ names, Node or the program's folder, and an installation elsewhere replaces. */
const UNIT_PATH = /\/usr\/lib\/nominald(\/bin\/node)?/g;

export const CONFIG_FILE = "/etc/nominald/nominald.yaml";
export const CREDENTIALS_FOLDER = "/etc/nominald/credentials";

/** One file of an installation. Paths are those of the installed system. */
export interface PlannedFile {
  readonly path: string;
  readonly content: string;
  /** Where the Debian package has it; what lies there makes ours needless. null: the package has no such file. */
  readonly packaged: string | null;
  /** `seed`: written once, from then on a person's. */
  readonly kind: "ours" | "seed";
  readonly why: string;
}

export interface InstallWishes {
  /** Where the program lies in the installed system. */
  readonly program: string;
  readonly node: string;
  readonly config: DeviceConfig;
  /** Text of the configuration to begin with. */
  readonly configText: string;
  /** Drop-ins that were asked for by name. */
  readonly further: readonly string[];
}

/** All files of an installation, in the order in which they are written. */
export function planFiles(wishes: InstallWishes): readonly PlannedFile[] {
  // In one go: the new path may hold the old one.
  const unit = part("nominald.service").replaceAll(UNIT_PATH, (_, node: string | undefined) =>
    node === undefined ? wishes.program : wishes.node,
  );
  const ours = (path: string, content: string, why: string, packaged: string | null = null): PlannedFile => ({
    ...{ path, content, packaged, kind: "ours", why },
  });
  const dropIns = dropInsOf(wishes.config, wishes.further).map(({ name, why }) =>
    ours(`/etc/systemd/system/nominald.service.d/${name}.conf`, part(`drop-ins/${name}.conf`), why),
  );
  const gigE = wishes.config.stations.some(({ camera }) => camera.source === "aravis");
  return [
    ours(
      "/etc/sysusers.d/nominald.conf",
      part("nominald.sysusers.conf"),
      "the user",
      "/usr/lib/sysusers.d/nominald.conf",
    ),
    ours(
      "/etc/tmpfiles.d/nominald.conf",
      part("nominald.tmpfiles.conf"),
      "folders",
      "/usr/lib/tmpfiles.d/nominald.conf",
    ),
    { path: CONFIG_FILE, content: wishes.configText, packaged: null, kind: "seed", why: "the configuration" },
    ours("/etc/systemd/system/nominald.service", unit, "the service", "/lib/systemd/system/nominald.service"),
    ...dropIns,
    ...(gigE
      ? [ours("/etc/sysctl.d/90-nominald-gige.conf", part("90-nominald-gige.conf"), "receive buffers of GigE cameras")]
      : []),
  ];
}

export interface DropIn {
  readonly name: string;
  readonly why: string;
}

/** What the unit needs beside its hardened self. */
export function dropInsOf(config: DeviceConfig, further: readonly string[]): readonly DropIn[] {
  const sources = new Set(config.stations.map(({ camera }) => camera.source));
  const wanted: DropIn[] = [
    ...(sources.has("v4l2") ? [{ name: "v4l2", why: "a v4l2 camera" }] : []),
    ...(sources.has("csi") ? [{ name: "argus", why: "a CSI camera" }] : []),
    ...(config.inference.provider === "cpu" ? [] : [{ name: "gpu", why: `the provider ${config.inference.provider}` }]),
  ];
  const asked = [...new Set(further)].filter((name) => !wanted.some((one) => one.name === name));
  return [...wanted, ...asked.map((name) => ({ name, why: "asked for" }))];
}

/** What the configuration does not tell, for a person to decide. */
export function hintsOf(config: DeviceConfig): readonly string[] {
  const sources = new Set(config.stations.map(({ camera }) => camera.source));
  return [
    ...(sources.has("aravis")
      ? ["an aravis camera is taken for one on GigE; one on USB needs --with usb3-vision"]
      : []),
    ...(sources.has("pipeline")
      ? ["a pipeline of your own may need devices that the unit keeps away: --with v4l2, usb3-vision, argus or gpu"]
      : []),
  ];
}

/** The example, with its schema where it lies in the installed system. */
export function exampleConfig(program: string): string {
  const text = readFileSync(join(PROGRAM, "config", "example.yaml"), "utf8");
  return text.replace("$schema=./schema.json", `$schema=${program}/config/schema.json`);
}

function part(name: string): string {
  return readFileSync(join(PROGRAM, "systemd", name), "utf8");
}

/** The folder that holds the running program's dist/. */
export function runningProgram(): string {
  return PROGRAM.replace(/\/$/, "");
}
