import { EXIT } from "../shared/exit-codes.ts";
import { listCameras } from "./capture/list.ts";
import { saveFrames } from "./capture/save.ts";
import { cameraHelp } from "./capture/camera-arguments.ts";
import { watchCamera } from "./capture/watch.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald capture list
       nominald capture save  CAMERA --out DIR --count N [--every SECONDS]
       nominald capture watch CAMERA [--seconds N] [--json]

list    cameras of this machine: V4L2 devices, and GenICam cameras where aravis is installed
save    writes frames as PNG files into DIR, numbered after those that lie there: so a set of nominal images is made
watch   frames a second, light, sharpness and dropped frames, once a second until Ctrl-C; sharpness grows as the lens
        comes into focus

${cameraHelp()}`;

/** `nominald capture list|save|watch`: what the first hour at a camera needs, before there is a bank. */
export async function captureCommand(args: string[], io: CommandIo): Promise<number> {
  const [action, ...rest] = args;
  switch (action) {
    case "list":
      return await listCameras(rest, io);
    case "save":
      return await saveFrames(rest, io);
    case "watch":
      return await watchCamera(rest, io);
    case "--help":
      io.out(HELP);
      return EXIT.ok;
    default:
      io.err(`Expected capture list, save or watch but got ${action ?? "nothing"}.\n\n${HELP}`);
      return EXIT.usage;
  }
}
