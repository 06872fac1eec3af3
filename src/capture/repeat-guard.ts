/**
 * Sees a camera that delivers its last frame again and again while it reports success. A sensor's noise makes every
 * frame differ; only a picture without any noise, wholly dark or wholly overexposed, may repeat by right.
 */
export class RepeatGuard {
  #previous: Buffer | undefined;

  /** @returns true when `frame` is the one before it, byte for byte, and not of one value throughout */
  isRepeated(frame: Buffer): boolean {
    const previous = this.#previous;
    // The binding makes a new buffer for every frame, so this one stays as it is.
    this.#previous = frame;
    return previous !== undefined && previous.equals(frame) && !isUniform(frame);
  }
}

function isUniform(frame: Buffer): boolean {
  return frame.length < 2 || frame.subarray(1).equals(frame.subarray(0, -1));
}
