/** Pixel layouts that cross our boundaries: interleaved 8-bit RGB, or 8-bit grey. Rows are never padded. */
export type PixelFormat = "RGB" | "GRAY8";

export const BYTES_PER_PIXEL: Readonly<Record<PixelFormat, number>> = { RGB: 3, GRAY8: 1 };

/** A decoded picture: `data.length === width * height * BYTES_PER_PIXEL[format]`, rows from the top. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  readonly data: Uint8Array;
}

/** A part of a picture in pixels of the camera's frame, before rotation. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Clockwise turn in degrees, applied after the region is cut out. */
export type Rotation = 0 | 90 | 180 | 270;

/** How pixels between pixels are made; both weigh all source pixels where a picture shrinks. */
export type ResizeKernel = "linear" | "bicubic";

/** How a region becomes the network's input, `width` × `height` pixels after rotation. */
export type Resize =
  /** The whole region, its proportions given up. */
  | {
      readonly mode: "stretch";
      readonly width: number;
      readonly height: number;
      readonly kernel: ResizeKernel;
    }
  /** The region's shorter side to `shorterSide` pixels, the longer in proportion; then the middle of it. */
  | {
      readonly mode: "crop";
      /** At least as large as `width` and `height`. */
      readonly shorterSide: number;
      readonly width: number;
      readonly height: number;
      readonly kernel: ResizeKernel;
    };

/**
 * A frame that lies in a shared-memory slot, as it is told from process to process. The pixels stay in the file
 * `path` until the slot's credit is given back.
 */
export interface FrameReference {
  readonly slot: number;
  /** Absolute path of the slot's file below the shared-memory folder. */
  readonly path: string;
  /** Counts the frames of one capture process from 1; dropped frames take a number too. */
  readonly seq: number;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** A live camera delivered the frame before it again, byte for byte: it shows no part. Absent: no. */
  readonly repeated?: boolean;
  /** `deliveredAtMs − captureLatencyMs`, monotonic ms. */
  readonly capturedAtMs: number;
  /** When the capture process got the frame, monotonic ms. */
  readonly deliveredAtMs: number;
}
