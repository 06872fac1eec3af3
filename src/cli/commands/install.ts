import { command } from "../command-line/command-spec.ts";

/** Drop-ins of the unit that no configuration tells of by itself. */
export const FURTHER_DROP_INS = ["usb3-vision", "aravis-packet-socket", "argus", "gpu", "v4l2"] as const;

export const INSTALL = command({
  name: "install",
  summary: "set this program up as a systemd service",
  usage: [
    "--systemd [--config FILE] [--with DROPIN]… [--root DIR] [--dry-run]",
    "--systemd --uninstall [--root DIR] [--dry-run]",
  ],
  about:
    "Sets this program up as a service: unit, drop-ins for the cameras of the configuration, user, folders, receive buffers for GigE cameras, " +
    "an example configuration where there is none; then enables the service. Run it again after an update or when cameras have changed. What a " +
    "person has changed since is kept, and said; so is what came with the Debian package.",
  options: {
    systemd: { help: "systemd is the one service manager there is; said so that it cannot be done by a slip" },
    config: {
      value: "FILE",
      help: "becomes /etc/nominald/nominald.yaml where there is none; default: the one that is there, or the example",
    },
    with: {
      value: "DROPIN",
      multiple: true,
      choices: FURTHER_DROP_INS,
      help: `a further drop-in: ${FURTHER_DROP_INS.join(", ")}`,
    },
    root: { value: "DIR", help: "set up the system below DIR, an image for example, instead of this one" },
    program: { value: "DIR", help: "where the program lies in that system, default: where this one lies" },
    "dry-run": { help: "say what would be done, and do nothing" },
    uninstall: {
      help: "stop and disable the service and remove what was installed; configuration, secrets and state stay",
    },
  },
  operand: null,
});
