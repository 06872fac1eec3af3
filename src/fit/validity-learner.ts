import { FrameMeter } from "../backbone/measure-frame.ts";
import type { FrameLimits, MeasuredFrame } from "../patchcore/frame-validity.ts";
import { learnLimits } from "../patchcore/frame-validity.ts";
import type { RawImage, Region } from "../shared/image.ts";

/** Learns from the nominal images which frames are valid. */
export class ValidityLearner {
  readonly #region: Region | null;
  readonly #meter: FrameMeter;
  readonly #frames: MeasuredFrame[] = [];

  /** @param region where the part is, in pixels of the frame; null: whether one is in view is not learnt */
  constructor(region: Region | null) {
    this.#region = region;
    this.#meter = new FrameMeter(region);
  }

  /** @throws InputError "region-outside" */
  add(frame: RawImage, prepared: RawImage): void {
    this.#frames.push(this.#meter.measure(frame, prepared));
  }

  /** After at least one image. */
  limits(): FrameLimits {
    return learnLimits(this.#frames, this.#region);
  }
}
