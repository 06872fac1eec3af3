import { FrameMeter } from "../backbone/measure-frame.ts";
import type { FrameLimits } from "../patchcore/frame-validity.ts";
import { frameProblem } from "../patchcore/frame-validity.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import type { Pixels } from "../shared/pixels.ts";

/** Refuses frames of which no score would mean anything, before they cost one. */
export class FrameCheck {
  readonly #limits: FrameLimits;
  readonly #meter: FrameMeter;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
    this.#meter = new FrameMeter(limits.part?.region ?? null);
  }

  /**
   * @param frame as the camera gave it
   * @param prepared the same, as the network sees it
   * @throws InputError with the name of the station's reason as its code: "frame-dark", "frame-saturated",
   *   "frame-blurred", "no-part"; "region-outside" when the frame is smaller than the bank's
   */
  check(frame: Pixels, prepared: RawImage): void {
    const found = frameProblem(this.#meter.measure(frame, prepared), this.#limits);
    if (found === null) return;
    throw new InputError(found.reason, `Expected ${found.expected} of the frame but received ${found.received}`);
  }
}

/** What a station may set differently from its bank; null: as the bank has it. */
export interface ValiditySettings {
  readonly check: boolean;
  readonly minBrightness: number | null;
  readonly maxSaturated: number | null;
  readonly minSharpness: number | null;
}

/** @returns the limits that hold for a station; null: every frame is valid */
export function limitsOf(bank: FrameLimits | null, settings: ValiditySettings): FrameLimits | null {
  if (!settings.check) return null;
  const { minBrightness, maxSaturated, minSharpness } = settings;
  const open = { minBrightness: 0, maxSaturated: 1, minSharpness: 0, part: null };
  const limits = bank ?? open;
  return {
    minBrightness: minBrightness ?? limits.minBrightness,
    maxSaturated: maxSaturated ?? limits.maxSaturated,
    minSharpness: minSharpness ?? limits.minSharpness,
    part: limits.part,
  };
}
