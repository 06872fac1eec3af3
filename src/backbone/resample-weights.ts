import type { Resize } from "../shared/image.ts";

/** Weights are integers in units of 2⁻²², as Pillow's for pictures of 8 bits. */
const PRECISION_BITS = 22;

/** What each position along one axis of the result takes of the source. */
export interface AxisWeights {
  /** First source position of each, [size]. */
  readonly starts: Uint32Array;
  /** Source positions of one, the most that any takes. */
  readonly taps: number;
  /** [size, taps]; after a position's own, zeros. */
  readonly weights: Int32Array;
}

interface Filter {
  /** It is 0 from here on, in positions of the source where nothing is shrunk. */
  readonly support: number;
  readonly weigh: (x: number) => number;
}

const FILTERS: Readonly<Record<Resize["kernel"], Filter>> = {
  linear: { support: 1, weigh: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Keys, a = −1/2.
  bicubic: {
    support: 2,
    weigh: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
};

/**
 * Weights of an antialiased resize: the filter is stretched over all source positions that a position of the result
 * stands for. In the order of operations of Pillow's `Resample.c` (`precompute_coeffs`, `normalize_coeffs_8bpc`), so that
 * they are the same integers.
 *
 * @param kernel cubic is that of Pillow and torchvision
 * @param from size of the source along the axis, ≥ 1
 * @param to size of the whole result, ≥ 1
 * @param first position of the result from which `size` are wanted
 */
export function axisWeights(
  kernel: Resize["kernel"],
  { from, to }: { readonly from: number; readonly to: number },
  first = 0,
  size = to,
): AxisWeights {
  const { support, weigh } = FILTERS[kernel];
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const reach = support * stretch;
  const perStretch = 1 / stretch;
  const starts = new Uint32Array(size);
  const taps = Math.min(from, Math.ceil(reach) * 2 + 1);
  const weights = new Int32Array(size * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < size; i++) {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(from, Math.trunc(centre + reach + 0.5)) - start;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      exact[tap] = weigh((tap + start - centre + 0.5) * perStretch);
      sum += exact[tap]!;
    }
    starts[i] = start;
    for (let tap = 0; tap < count; tap++)
      weights[i * taps + tap] = inUnits(sum === 0 ? exact[tap]! : exact[tap]! / sum);
  }
  return { starts, taps, weights };
}

function inUnits(weight: number): number {
  return Math.trunc(weight * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5));
}
