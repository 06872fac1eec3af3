/**
 * A binary heap of the items 0 … n − 1 with the largest value on top, the lowest item among equals. All values start
 * at infinity and can only be lowered, which is all that lazy greedy selection needs.
 */
export class LargestFirst {
  readonly #items: Int32Array;
  /** Values in heap order, beside their items. */
  readonly #values: Float64Array;

  /** @param size number of items, at least 1 */
  constructor(size: number) {
    // Equal values and ascending items are a heap as they stand.
    this.#items = Int32Array.from({ length: size }, (_, item) => item);
    this.#values = new Float64Array(size).fill(Infinity);
  }

  get top(): number {
    return this.#items[0]!;
  }

  get topValue(): number {
    return this.#values[0]!;
  }

  /** Gives the item on top a new value, not above its old one, and lets it sink to its place. */
  lowerTop(value: number): void {
    const items = this.#items;
    const values = this.#values;
    const size = items.length;
    const item = items[0]!;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && precedes(values[child + 1]!, items[child + 1]!, values[child]!, items[child]!)) child++;
      const childValue = values[child]!;
      const childItem = items[child]!;
      if (!precedes(childValue, childItem, value, item)) break;
      values[hole] = childValue;
      items[hole] = childItem;
      hole = child;
    }
    values[hole] = value;
    items[hole] = item;
  }
}

function precedes(value: number, item: number, otherValue: number, otherItem: number): boolean {
  return value > otherValue || (value === otherValue && item < otherItem);
}
