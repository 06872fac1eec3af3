import { listCameras } from "./capture/list.ts";
import { saveFrames } from "./capture/save.ts";
import { watchCamera } from "./capture/watch.ts";
import { dispatch } from "./command-line/dispatch.ts";
import { CAPTURE } from "./commands/capture.ts";
import type { CommandIo } from "./io.ts";

/** `nominald capture list|save|watch`: what the first hour at a camera needs, before there is a bank. */
export function captureCommand(args: string[], io: CommandIo): Promise<number> {
  return dispatch(CAPTURE, { list: listCameras, save: saveFrames, watch: watchCamera }, args, io);
}
