/**
 * The outline of a mask as an SVG path along pixel edges, in pixels of the mask: crisp at any size, and the picture
 * under it stays as it is. The picture's own border is no outline.
 */
export function contourPath(mask: Uint8Array, width: number, height: number): string {
  const set = (x: number, y: number): boolean => mask[y * width + x] !== 0;
  const parts: string[] = [];
  for (let y = 1; y < height; y++)
    for (const [from, to] of runs(width, (x) => set(x, y - 1) !== set(x, y))) parts.push(`M${from} ${y}H${to}`);
  for (let x = 1; x < width; x++)
    for (const [from, to] of runs(height, (y) => set(x - 1, y) !== set(x, y))) parts.push(`M${x} ${from}V${to}`);
  return parts.join("");
}

/** @returns the stretches [from, to) of 0 … `length` in which `test` holds */
function runs(length: number, test: (at: number) => boolean): [number, number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < length; at++) {
    if (!test(at)) continue;
    const from = at;
    while (at < length && test(at)) at++;
    found.push([from, at]);
  }
  return found;
}
