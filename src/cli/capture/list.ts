import { arvTool, genicamCameras } from "../../capture/genicam-cameras.ts";
import { v4l2Devices } from "../../capture/v4l2-devices.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { CAPTURE_LIST } from "../commands/capture.ts";
import type { CommandIo } from "../io.ts";

/** Lists what can be found without opening it, each with the options that choose it. */
export async function listCameras(args: string[], io: Pick<CommandIo, "out" | "err">): Promise<number> {
  parseCommandLine(CAPTURE_LIST, args);
  const v4l2 = await v4l2Devices("/sys", "/dev");
  for (const { device, name } of v4l2) io.out(`--source v4l2 --device ${device}  ${name}`);
  if (v4l2.length === 0) io.out("no V4L2 device (/sys/class/video4linux)");
  const tool = arvTool(process.env["PATH"] ?? "");
  if (tool === null) {
    io.out("GenICam cameras were not looked for: arv-tool is not installed (Debian: aravis-tools)");
  } else {
    const found = await genicamCameras(tool);
    for (const { name, address } of found) {
      io.out(`--source aravis --device ${JSON.stringify(address ?? name)}  ${name}`);
    }
    if (found.length === 0) io.out("no GenICam camera answered");
  }
  io.out("IP cameras (rtsp) and CSI cameras (csi) do not announce themselves: their manuals say the URL or the number");
  return EXIT.ok;
}
