/** Says how far a long run is, in a line each tenth of it: readable on a terminal and in a log file alike. */
export class PercentLines {
  readonly #write: (line: string) => void;
  readonly #what: string;
  #said = 0;

  /** @param what is counted, e.g. `images` */
  constructor(write: (line: string) => void, what: string) {
    this.#write = write;
    this.#what = what;
  }

  report(done: number, total: number): void {
    const tenths = Math.floor((10 * done) / total);
    if (tenths <= this.#said) return;
    this.#said = tenths;
    this.#write(`${done} of ${total} ${this.#what}`);
  }
}
