/** Numbers as people read them; the JSON has them in full. */

/** Four decimals, as AUROCs are published; a dash where there is no value. */
export function number4(value: number | null): string {
  return value === null ? "–" : value.toFixed(4);
}

/** A share as percent with one decimal; shares that would round to 0 or 100 though they are not get more. */
export function percent(share: number): string {
  const value = 100 * share;
  const nearEnd = (value > 0 && value < 0.1) || (value > 99.9 && value < 100);
  return `${value.toFixed(nearEnd ? 3 : 1)} %`;
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** `6.5–17.3 %` */
export function interval({ low, high }: { readonly low: number; readonly high: number }): string {
  return `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)} %`;
}
