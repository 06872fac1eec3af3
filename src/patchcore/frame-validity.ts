import type { Region } from "../shared/image.ts";
import type { FrameStatistics } from "./frame-statistics.ts";

/** Between which numbers a frame shows what the bank was fitted on; beyond them no score of it means anything. */
export interface FrameLimits {
  /** Mean luminance, 0 to 255; darker frames are invalid. */
  readonly minBrightness: number;
  /** Share of pixels, 0 to 1; frames with a larger share overexposed are invalid. */
  readonly maxSaturated: number;
  /** See FrameStatistics; less sharp frames are invalid. */
  readonly minSharpness: number;
  /** Where the part is, in pixels of the frame, and how bright that is while one lies there; null: not looked at. */
  readonly part: PartLimits | null;
}

export interface PartLimits {
  readonly region: Region;
  /** Mean luminance of the region, 0 to 255, both ends included. */
  readonly minimum: number;
  readonly maximum: number;
}

/** What was measured on one frame; `part` is the mean luminance of the part's region, null without one. */
export interface MeasuredFrame extends FrameStatistics {
  readonly part: number | null;
}

/** Why a frame is invalid: names of the station's reasons. */
export type FrameProblem = {
  readonly reason: "frame-dark" | "frame-saturated" | "frame-blurred" | "no-part";
  /** Ends the sentence "Expected … but received …". */
  readonly expected: string;
  readonly received: string;
};

/**
 * The limits lie well outside of what good parts show: a part that is a little darker or softer than all of them is for
 * the score to judge, and a station must not stop for it. Blurring a sharp picture by one pixel of the network's input
 * takes three quarters of its sharpness.
 */
const DARKEST_SHARE = 0.5;
const LEAST_SHARP_SHARE = 0.5;
/** So much of what was not overexposed in any nominal frame may be. */
const SATURATED_SHARE = 0.25;
/** Beyond the darkest and the brightest of the region by their difference, and by this at least, levels. */
const PART_MARGIN = 8;

/**
 * @param frames of the nominal images, at least one
 * @param region where the part is looked for; null: nowhere
 */
export function learnLimits(frames: readonly MeasuredFrame[], region: Region | null): FrameLimits {
  const saturated = frames.map((frame) => frame.saturated);
  const most = Math.max(...saturated);
  const spread = most - Math.min(...saturated);
  const parts = frames.flatMap(({ part }) => (part === null ? [] : [part]));
  return {
    minBrightness: DARKEST_SHARE * Math.min(...frames.map(({ brightness }) => brightness)),
    maxSaturated: Math.min(1, most + Math.max(spread, SATURATED_SHARE * (1 - most))),
    minSharpness: LEAST_SHARP_SHARE * Math.min(...frames.map(({ sharpness }) => sharpness)),
    part: region === null || parts.length === 0 ? null : partLimits(parts, region),
  };
}

function partLimits(parts: readonly number[], region: Region): PartLimits {
  const least = Math.min(...parts);
  const most = Math.max(...parts);
  const margin = Math.max(PART_MARGIN, most - least);
  return { region, minimum: Math.max(0, least - margin), maximum: Math.min(255, most + margin) };
}

/** @returns the first thing that makes the frame invalid; null for a valid one */
export function frameProblem(frame: MeasuredFrame, limits: FrameLimits): FrameProblem | null {
  const { minBrightness, maxSaturated, minSharpness, part } = limits;
  if (frame.brightness < minBrightness) {
    return problem("frame-dark", `a brightness of at least ${short(minBrightness)}`, frame.brightness);
  }
  if (frame.saturated > maxSaturated) {
    return problem("frame-saturated", `at most ${short(maxSaturated)} of the pixels overexposed`, frame.saturated);
  }
  if (part !== null && frame.part !== null && !(frame.part >= part.minimum && frame.part <= part.maximum)) {
    const range = `${short(part.minimum)} to ${short(part.maximum)}`;
    return problem("no-part", `a brightness of ${range} where the part is`, frame.part);
  }
  if (frame.sharpness < minSharpness) {
    return problem("frame-blurred", `a sharpness of at least ${short(minSharpness)}`, frame.sharpness);
  }
  return null;
}

function problem(reason: FrameProblem["reason"], expected: string, received: number): FrameProblem {
  return { reason, expected, received: short(received) };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
