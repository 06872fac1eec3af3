import { FrameMeter } from "../backbone/measure-frame.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import type { BankHead } from "../bank/bundle-read.ts";
import type { StationConfig } from "../config/config.ts";
import { limitsOf } from "../inference/frame-check.ts";
import { frameProblem, type FrameProblem } from "../patchcore/frame-validity.ts";
import { NominalError } from "../shared/errors.ts";
import type { RawImage, Resize } from "../shared/image.ts";
import type { Findings } from "./finding.ts";

/** As the default backbone sees a frame; for a station without a readable bank. */
const PLAIN: Resize = { mode: "stretch", width: 320, height: 320, kernel: "linear" };

const REMEDIES: Readonly<Record<FrameProblem["reason"], string>> = {
  "frame-dark": "check the light, the exposure time, the lens cap",
  "frame-saturated": "shorten the exposure, lower the gain, shade the light",
  "frame-blurred":
    "focus the lens, clean it, shorten the exposure of moving parts (nominald capture watch shows sharpness)",
  "no-part": "put a part in view, or check that the camera has not moved",
};

/**
 * Light and sharpness of one frame, measured as the station measures every frame, against the station's limits.
 *
 * @param bank of the station; null: it cannot be read, so there are no limits
 */
export async function checkFrame(
  findings: Findings,
  station: StationConfig,
  bank: BankHead | null,
  frame: RawImage,
): Promise<void> {
  const parameters = bank?.manifest.parameters;
  const limits = bank === null ? null : limitsOf(bank.manifest.validity, station.validity);
  try {
    const prepared = new FramePreparer({
      region: station.region ?? parameters?.region ?? null,
      rotation: station.rotation ?? parameters?.rotation ?? 0,
      resize: parameters?.resize ?? PLAIN,
    }).prepare(frame);
    const measured = new FrameMeter(limits?.part?.region ?? null).measure(frame, prepared);
    const { brightness, saturated, sharpness } = measured;
    const numbers = `brightness ${brightness.toFixed(1)} of 255, ${(saturated * 100).toFixed(2)} % overexposed, sharpness ${sharpness.toFixed(3)}`;
    const problem = limits === null ? null : frameProblem(measured, limits);
    if (problem !== null) {
      const found = `${numbers}: ${problem.reason}, expected ${problem.expected} but received ${problem.received}`;
      findings.fail("frame", found, REMEDIES[problem.reason]);
    } else findings.ok("frame", `${numbers}${limits === null ? "; no limits to compare with" : ""}`);
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail(
      "frame",
      error.message,
      "set region to a part of the camera's frame, or the camera's size to the bank's",
    );
  }
}
