/**
 * What nominald needs of the machine: which Debian packages, what for, and how to see that it is there.
 * The probe looks for the thing itself and not for the package, so that a system without apt-get passes too once it
 * has everything.
 *
 * Purposes, each holding the one before it: `run` a built tree, show the `demo`, run every `test`.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ask, findProgram } from "./processes.mjs";

export const PURPOSES = ["run", "demo", "test"];

const program = (name) => () => findProgram(name) !== undefined;
/** Debian keeps daemons in a folder that an ordinary user's PATH lacks. */
const daemon = (name) => () => findProgram(name, [process.env.PATH, "/usr/sbin"].join(delimiter)) !== undefined;
const library = (name) => (machine) => machine.pkgConfig(["--exists", name]).ok;
const plugin = (file) => (machine) => existsSync(join(machine.pluginsDir(), file));

/** Debian's own Python has Debian's bindings; another one on the PATH has not. */
const RTSP_SERVER = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";

/** One row: `packages` of Debian, `why`, `from` which purpose on, and the `probes` that must all hold. */
export const REQUIREMENTS = [
  {
    packages: ["build-essential", "pkg-config", "python3"],
    why: "compile the addons that npm carries as source, gstreamer-superficial, better-sqlite3 and unix-dgram (node-gyp needs python3)",
    from: "run",
    probes: [program("g++"), program("make"), program("pkg-config"), program("python3")],
  },
  {
    packages: ["libgstreamer1.0-dev", "libgstreamer-plugins-base1.0-dev"],
    why: "GStreamer itself and the headers that the binding is compiled against",
    from: "run",
    probes: [library("gstreamer-1.0"), library("gstreamer-app-1.0"), library("gstreamer-video-1.0")],
  },
  {
    packages: ["gstreamer1.0-plugins-base"],
    why: "GStreamer elements of every capture pipeline: videotestsrc, videoconvert, videoscale, appsink",
    from: "run",
    probes: ["libgstvideotestsrc.so", "libgstvideoconvertscale.so|libgstvideoconvert.so", "libgstapp.so"].map(
      anyPlugin,
    ),
  },
  {
    packages: ["gstreamer1.0-plugins-good"],
    why:
      "GStreamer elements of folder, v4l2 and rtsp cameras: multifilesrc, pngdec, jpegdec, videocrop, videoflip, v4l2src, " +
      "rtspsrc",
    from: "run",
    probes: [
      "libgstmultifile.so",
      "libgstpng.so",
      "libgstjpeg.so",
      "libgstvideocrop.so",
      "libgstvideofilter.so",
      "libgstvideo4linux2.so",
      "libgstrtsp.so",
    ].map(plugin),
  },
  {
    packages: ["util-linux"],
    why: "setpriv, which ends orphaned child processes with their parent",
    from: "run",
    probes: [program("setpriv")],
  },
  {
    packages: ["mosquitto", "mosquitto-clients"],
    why:
      "the MQTT broker that the tests start on a free loopback port (Debian also starts one as a service on port 1883, " +
      "which nothing here uses; `systemctl disable --now mosquitto` stops that one)",
    from: "test",
    probes: [daemon("mosquitto"), program("mosquitto_sub")],
  },
  {
    packages: ["aravis-tools", "aravis-tools-cli"],
    why: "the fake GigE Vision camera, its list and the GenICam source of the tests: arv-fake-gv-camera-0.8, arv-tool-0.8, aravissrc",
    from: "test",
    probes: [program("arv-fake-gv-camera-0.8"), program("arv-tool-0.8"), plugin("libgstaravis.0.8.so")],
  },
  {
    packages: ["python3-gi", "gir1.2-gst-rtsp-server-1.0"],
    why: "GStreamer's RTSP server, which stands for an IP camera in the tests",
    from: "test",
    probes: [() => existsSync("/usr/bin/python3"), () => ask("/usr/bin/python3", ["-c", RTSP_SERVER]).ok],
  },
  {
    packages: ["systemd", "systemd-container"],
    why: "systemd-analyze, and a container in which the tests start the service under a real systemd",
    from: "test",
    probes: [program("systemd-analyze"), program("systemd-nspawn"), program("nsenter")],
  },
  {
    packages: ["man-db"],
    why: "man, with groff, which renders the manual page",
    from: "test",
    probes: [program("man")],
  },
  {
    packages: ["openssl"],
    why: "throw-away certificates for the TLS tests",
    from: "test",
    probes: [program("openssl")],
  },
  {
    packages: ["strace"],
    why: "shows where every process of the daemon and of the demo connects to: nowhere but to the broker",
    from: "test",
    probes: [program("strace")],
  },
  {
    packages: ["faketime"],
    why: "expired certificates, and a wall clock that jumps under the daemon",
    from: "test",
    probes: [program("faketime")],
  },
];

/** Some files changed their name between releases of GStreamer: `a|b` is satisfied by either. */
function anyPlugin(names) {
  const probes = names.split("|").map(plugin);
  return (machine) => probes.some((probe) => probe(machine));
}

/** @returns the rows that this machine does not satisfy for a purpose */
export function missingRequirements(purpose) {
  const wanted = PURPOSES.slice(0, PURPOSES.indexOf(purpose) + 1);
  const machine = lookAtMachine();
  return REQUIREMENTS.filter((row) => wanted.includes(row.from) && !row.probes.every((probe) => probe(machine)));
}

/** Asks pkg-config, which may be what is missing: then nothing that it would know of is found. */
function lookAtMachine() {
  const pkgConfig = (args) =>
    findProgram("pkg-config") === undefined ? { ok: false, output: "" } : ask("pkg-config", args);
  let pluginsDir;
  return {
    pkgConfig,
    pluginsDir: () =>
      (pluginsDir ??= pkgConfig(["--variable=pluginsdir", "gstreamer-1.0"]).output || "/no/gstreamer/plugins"),
  };
}
