import { BugError } from "../shared/errors.ts";
import type { Region, Resize } from "../shared/image.ts";
import { copyPixels, type Pixels } from "../shared/pixels.ts";
import type { Placement } from "../shared/placement.ts";
import { RESAMPLE_KERNEL } from "./resample-kernel.ts";
import { axisWeights, type AxisWeights } from "./resample-weights.ts";

/** Rows are copied in and resized in portions of about so many bytes, which stay in the processor's second cache. */
const PORTION_BYTES = 128 * 1024;
/** WebAssembly's memory grows by such pages. */
const PAGE_BYTES = 64 * 1024;
/** Loads of the kernel go so far beyond what they need. */
const SLACK_BYTES = 64;

/** What src/kernels/resample.ts exports. */
interface Kernel {
  rowsOfRgb: RowsKernel;
  rowsOfGrey: RowsKernel;
  columnsOf(
    source: number,
    stride: number,
    target: number,
    rows: number,
    starts: number,
    weights: number,
    pairs: number,
  ): void;
}

type RowsKernel = (
  source: number,
  stride: number,
  rows: number,
  target: number,
  targetStride: number,
  columns: number,
  starts: number,
  weights: number,
  groups: number,
) => void;

/** Where everything lies for pictures of one kind. */
interface Plan {
  readonly channels: 1 | 3;
  /** Of the picture that the region is in. */
  readonly imageWidth: number;
  readonly region: { readonly width: number; readonly height: number };
  readonly placement: Placement;
  /** Rows of the region that the result depends on. */
  readonly firstRow: number;
  readonly rows: number;
  /** Rows of one portion, even. */
  readonly portion: number;
  /** Source pixels of one column, in groups of the kernel's. */
  readonly groups: number;
  /** Source rows of one row of the result, in pairs. */
  readonly pairs: number;
  /** Bytes of a row between the passes and of the result; a multiple of 16 and more than its pixels take. */
  readonly stride: number;
  readonly at: {
    readonly columnStarts: number;
    readonly columnWeights: number;
    readonly rowStarts: number;
    readonly rowWeights: number;
    readonly source: number;
    readonly between: number;
    readonly target: number;
  };
}

const MODULE = new WebAssembly.Module(Buffer.from(RESAMPLE_KERNEL, "base64"));

/**
 * Antialiased resize of 8-bit pictures, equal to Pillow's `Image.resize` to the bit: first along the rows, rounded to
 * 8 bits, then along the columns. Of a 1080p frame to 224 × 224 a core takes about 2 ms. Memory and weights are kept for
 * pictures of the same size.
 */
export class Resampler {
  readonly #resize: Resize["kernel"];
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #kernel: Kernel;
  #plan: Plan | null = null;

  constructor(kernel: Resize["kernel"]) {
    this.#resize = kernel;
    const { exports } = new WebAssembly.Instance(MODULE, { env: { memory: this.#memory } });
    this.#kernel = exports as unknown as Kernel;
  }

  /**
   * Scales the region of a picture as if it were all of it, and cuts out of that. Each pixel is fetched once, rows that
   * do not matter never.
   *
   * @param region wholly inside the picture
   * @returns the placement's `cut`, in the channels of the picture
   */
  run(image: Pixels, region: Region, placement: Placement): Uint8Array {
    const channels = image.format === "RGB" ? 3 : 1;
    const bytes = image.width * image.height * channels;
    if ("data" in image && image.data.length < bytes) {
      throw new BugError("short-picture", `Expected ${bytes} bytes of a picture but received ${image.data.length}`);
    }
    const plan = this.#planFor(image.width, channels, region, placement);
    this.#runRows(plan, image, region);
    const { at, stride, pairs } = plan;
    const { width, height } = placement.cut;
    this.#kernel.columnsOf(at.between, stride, at.target, height, at.rowStarts, at.rowWeights, pairs);
    const result = new Uint8Array(width * height * channels);
    const found = new Uint8Array(this.#memory.buffer, at.target, height * stride);
    const rowBytes = width * channels;
    for (let y = 0; y < height; y++) result.set(found.subarray(y * stride, y * stride + rowBytes), y * rowBytes);
    return result;
  }

  #runRows(plan: Plan, image: Pixels, region: Region): void {
    const { at, channels, firstRow, rows, portion, stride, groups, placement } = plan;
    const kernel = channels === 3 ? this.#kernel.rowsOfRgb : this.#kernel.rowsOfGrey;
    const imageStride = image.width * channels;
    const first = (region.y + firstRow) * imageStride + region.x * channels;
    for (let row = 0; row < rows; row += portion) {
      const count = Math.min(portion, rows - row);
      // From the region's first pixel of these rows to its last, and what lies between.
      const bytes = (count - 1) * imageStride + region.width * channels;
      copyPixels(image, new Uint8Array(this.#memory.buffer, at.source, bytes), first + row * imageStride);
      const target = at.between + row * stride;
      // An odd row is joined by one that is overwritten or never read.
      const even = count + (count % 2);
      const { width } = placement.cut;
      kernel(at.source, imageStride, even, target, stride, width, at.columnStarts, at.columnWeights, groups);
    }
  }

  #planFor(imageWidth: number, channels: 1 | 3, { width, height }: Region, placement: Placement): Plan {
    const last = this.#plan;
    if (
      last !== null &&
      last.channels === channels &&
      last.imageWidth === imageWidth &&
      last.region.width === width &&
      last.region.height === height &&
      isSame(last.placement, placement)
    ) {
      return last;
    }
    const { scaled, left, top, cut } = placement;
    const columns = axisWeights(this.#resize, { from: width, to: scaled.width }, left, cut.width);
    const rows = axisWeights(this.#resize, { from: height, to: scaled.height }, top, cut.height);
    const plan = this.#layOut(imageWidth, channels, { width, height }, placement, columns, rows);
    this.#fill(plan, columns, rows);
    this.#plan = plan;
    return plan;
  }

  #layOut(
    imageWidth: number,
    channels: 1 | 3,
    region: { readonly width: number; readonly height: number },
    placement: Placement,
    columns: AxisWeights,
    rows: AxisWeights,
  ): Plan {
    const { cut } = placement;
    const groups = Math.ceil(columns.taps / (channels === 3 ? 4 : 8));
    const pairs = Math.ceil(rows.taps / 2);
    const firstRow = rows.starts[0]!;
    const rowCount = Math.min(region.height, rows.starts[cut.height - 1]! + rows.taps) - firstRow;
    const imageStride = imageWidth * channels;
    const stride = aligned(cut.width * channels + 1);
    const portion = 2 * Math.max(1, Math.floor(PORTION_BYTES / imageStride / 2));
    let end = 0;
    const place = (bytes: number): number => {
      const start = end;
      end = aligned(start + bytes + SLACK_BYTES);
      return start;
    };
    const at = {
      columnStarts: place(cut.width * 4),
      columnWeights: place(cut.width * groups * (channels === 3 ? 16 : 32)),
      rowStarts: place(cut.height * 4),
      rowWeights: place(cut.height * pairs * 8),
      source: place(portion * imageStride + groups * 12),
      between: place((rowCount + 2 * pairs + 1) * stride),
      target: place(cut.height * stride),
    };
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return { channels, imageWidth, region, placement, firstRow, rows: rowCount, portion, groups, pairs, stride, at };
  }

  /** Puts starts and weights where the kernel reads them. */
  #fill({ at, channels, firstRow, groups, pairs, stride }: Plan, columns: AxisWeights, rows: AxisWeights): void {
    const { buffer } = this.#memory;
    new Uint32Array(buffer, at.columnStarts, columns.starts.length).set(columns.starts.map((x) => x * channels));
    new Uint32Array(buffer, at.rowStarts, rows.starts.length).set(rows.starts.map((y) => (y - firstRow) * stride));
    putHalves(buffer, at.columnWeights, columns, channels === 3 ? 2 : 8, groups * (channels === 3 ? 2 : 1));
    putHalves(buffer, at.rowWeights, rows, 2, pairs);
  }
}

/** Weights as the kernel wants them: of each `width` weights the upper halves, w >> 8, then the lower ones, w & 255. */
function putHalves(buffer: ArrayBufferLike, start: number, axis: AxisWeights, width: number, groups: number): void {
  const { weights, taps } = axis;
  const size = axis.starts.length;
  const into = new Int16Array(buffer, start, size * groups * 2 * width);
  for (let i = 0, at = 0; i < size; i++) {
    for (let group = 0; group < groups; group++, at += 2 * width) {
      for (let j = 0; j < width; j++) {
        const tap = group * width + j;
        const weight = tap < taps ? weights[i * taps + tap]! : 0;
        into[at + j] = weight >> 8;
        into[at + width + j] = weight & 255;
      }
    }
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function isSame(a: Placement, b: Placement): boolean {
  return (
    a.left === b.left &&
    a.top === b.top &&
    a.scaled.width === b.scaled.width &&
    a.scaled.height === b.scaled.height &&
    a.cut.width === b.cut.width &&
    a.cut.height === b.cut.height
  );
}
