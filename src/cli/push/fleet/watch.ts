import { setTimeout as wait } from "node:timers/promises";
import { DeviceError, InputError } from "../../../shared/errors.ts";
import type { PushLine } from "../line.ts";

interface Station {
  isUp: boolean;
  said: Buffer | null;
}

const ROOT = "nominal/v1";
/** The first station is waited for so long, ms. */
const FIRST_MS = 15_000;
/** Nothing new for so long: the broker has told all that it keeps, ms. */
const QUIET_MS = 1_000;

/** The stations on a broker that patterns name, by what they keep there, as it changes. */
export class FleetWatch {
  readonly #topic: string;
  readonly #stations = new Map<string, Station>();
  #heardAtMs = 0;

  private constructor(topic: string) {
    this.#topic = topic;
  }

  /**
   * @param patterns `LINE/NAME`, `+` for any
   * @param topic below the root: the retained one that a station of that kind has
   * @throws DeviceError "station-silent" when there is none; InputError "push-ambiguous" when two sites have some and none
   *   was named
   */
  static async open(
    line: PushLine,
    patterns: readonly string[],
    site: string | null,
    topic: string,
  ): Promise<FleetWatch> {
    const watch = new FleetWatch(topic);
    for (const pattern of patterns) {
      for (const of of [topic, "status"]) {
        const filter = `${ROOT}/${site ?? "+"}/${pattern}/${of}`;
        await line.subscribe(filter, (payload, heard) => {
          if (matches(filter, heard)) watch.#hear(heard, payload);
        });
      }
    }
    await watch.#settle();
    const sites = [...new Set(watch.targets.map((target) => target.split("/")[0] ?? ""))];
    if (sites.length === 0) {
      throw new DeviceError(
        "station-silent",
        `Expected stations ${patterns.join(", ")} on ${line.url} but there are none`,
      );
    }
    if (sites.length > 1) {
      const text = `Expected stations of one site but received ${sites.sort().join(", ")}; give --site`;
      throw new InputError("push-ambiguous", text);
    }
    return watch;
  }

  /** `<site>/<line>/<station>` of all, those that are up first, by name. */
  get targets(): readonly string[] {
    const found = [...this.#stations].filter(([, { said }]) => said !== null).map(([target]) => target);
    return found.sort((a, b) => Number(this.isUp(b)) - Number(this.isUp(a)) || (a < b ? -1 : 1));
  }

  /** By its `status`; without one it has never been there, or the broker has lost it. */
  isUp(target: string): boolean {
    return this.#stations.get(target)?.isUp === true;
  }

  /** What the station said last on the topic; null: nothing. */
  said(target: string): Buffer | null {
    return this.#stations.get(target)?.said ?? null;
  }

  #hear(topic: string, payload: Buffer): void {
    const [, , site, line, name, ...rest] = topic.split("/");
    // What is device-wide has topics of the same names.
    if (line === "_device") return;
    const target = `${site}/${line}/${name}`;
    const station = this.#stations.get(target) ?? { isUp: false, said: null };
    this.#stations.set(target, station);
    if (rest.join("/") === "status") station.isUp = payload.toString("latin1") === "1";
    else if (rest.join("/") === this.#topic) station.said = payload.length === 0 ? null : payload;
    this.#heardAtMs = performance.now();
  }

  async #settle(): Promise<void> {
    const begunMs = performance.now();
    for (;;) {
      await wait(QUIET_MS / 10);
      const nowMs = performance.now();
      const isAny = this.targets.length > 0;
      if (isAny && nowMs - this.#heardAtMs > QUIET_MS) return;
      if (!isAny && nowMs - begunMs > FIRST_MS) return;
      // Stations that speak all the time never leave it quiet.
      if (isAny && nowMs - begunMs > FIRST_MS) return;
    }
  }
}

/** @param filter with `+` for whole segments only */
function matches(filter: string, topic: string): boolean {
  const [wanted, given] = [filter.split("/"), topic.split("/")];
  return wanted.length === given.length && wanted.every((segment, at) => segment === "+" || segment === given[at]);
}
