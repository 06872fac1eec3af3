import type { Nearest, NearestNeighbours } from "../search/nearest-neighbours.ts";
import { BugError } from "../shared/errors.ts";

/** What an exact search found for each image, kept so that it need not search again. */
export class SearchRecord {
  readonly #found = new Map<number, Nearest>();

  /** @param nearest copied, as a search overwrites its own */
  add(image: number, { distances, ids }: Nearest): void {
    this.#found.set(image, { distances: distances.slice(), ids: ids.slice() });
  }

  /** @returns a search that gives what was found for the image `first`, then for the next, call by call */
  from(first: number): NearestNeighbours {
    let image = first;
    return {
      kind: "float32",
      search: () => {
        const found = this.#found.get(image);
        if (found === undefined) {
          const error = new BugError("search-record", `Expected a recorded search of image ${image} but there is none`);
          return Promise.reject(error);
        }
        image++;
        return Promise.resolve({ distances: found.distances.slice(), ids: found.ids.slice() });
      },
      close: () => Promise.resolve(),
    };
  }
}
