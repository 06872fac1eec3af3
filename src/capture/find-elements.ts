import { ChildProcess, childEntry } from "../shared/child-process.ts";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { launchString } from "./launch-string.ts";
import type { CaptureSettings, FromElements, ToElements } from "./protocol.ts";

/** The first look at a machine builds GStreamer's registry of plugins, ms. */
const DEADLINE_MS = 60_000;
const END_DEADLINE_MS = 1_000;

/** The word of a launch string that names an element, and not caps, a reference or a property. */
const ELEMENT = /^[A-Za-z][\w-]*$/;

/** Debian 12's package of each element that our own launch strings hold; those of a Jetson come from NVIDIA. */
const PACKAGES: Readonly<Record<string, string>> = {
  videotestsrc: "gstreamer1.0-plugins-base",
  videoconvert: "gstreamer1.0-plugins-base",
  decodebin: "gstreamer1.0-plugins-base",
  appsink: "gstreamer1.0-plugins-base",
  identity: "libgstreamer1.0-0",
  multifilesrc: "gstreamer1.0-plugins-good",
  pngdec: "gstreamer1.0-plugins-good",
  jpegdec: "gstreamer1.0-plugins-good",
  v4l2src: "gstreamer1.0-plugins-good",
  rtspsrc: "gstreamer1.0-plugins-good",
  aravissrc: "libaravis-0.8-0",
  nvarguscamerasrc: "nvidia-l4t-gstreamer (NVIDIA's JetPack)",
  nvvidconv: "nvidia-l4t-gstreamer (NVIDIA's JetPack)",
};

export interface FoundElements {
  readonly missing: readonly string[];
  readonly gstreamer: string | null;
}

/** @returns the elements that the pipeline of these settings needs, each once, in its order */
export function elementsOf(settings: CaptureSettings): string[] {
  const { source } = settings;
  const types = source.kind === "folder" ? (["png", "jpeg"] as const) : ([undefined] as const);
  const launches = types.map((type) => launchString(settings, type === undefined ? undefined : { folder: "/", type }));
  // An element stands first between two exclamation marks; quoted values are taken out before, for they may hold any.
  const bare = launches.map((launch) => launch.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '""'));
  const words = bare.flatMap((launch) => launch.split("!").map((part) => part.trim().split(/\s/)[0] ?? ""));
  return [...new Set(words.filter((word) => ELEMENT.test(word)))];
}

/** @returns the package that holds an element, or null for one that only a person's own pipeline names */
export function packageOf(element: string): string | null {
  return PACKAGES[element] ?? null;
}

/** @throws DeviceError "gstreamer-unusable" when the binding or GStreamer itself does not load */
export async function findElements(names: readonly string[], logger: Logger): Promise<FoundElements> {
  let child: ChildProcess<ToElements, FromElements> | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<FromElements>((resolve) => {
      timer = setTimeout(() => resolve({ problem: `no answer within ${DEADLINE_MS} ms` }), DEADLINE_MS);
      child = new ChildProcess<ToElements, FromElements>({
        name: "look for elements",
        entry: childEntry("elements.child", import.meta.url),
        logger,
        onMessage: resolve,
        onExit: ({ code, signal, spawnError }) =>
          resolve({ problem: spawnError === null ? `it ended with ${signal ?? code}` : reasonOf(spawnError) }),
      });
      child.start();
      child.send({ names });
    });
    if (!("problem" in answer)) return answer;
    throw new DeviceError("gstreamer-unusable", `Expected GStreamer and its binding to load but: ${answer.problem}`);
  } finally {
    clearTimeout(timer);
    await child?.close(END_DEADLINE_MS);
  }
}
