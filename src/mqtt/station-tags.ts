import type { BrokerConnection } from "./broker-connection.ts";
import { NO_BANK_TAG, outcomeTags, type PlcResult } from "./payloads.ts";
import type { RetainedValues } from "./retained-values.ts";
import type { StationTopics } from "./topics.ts";

export interface StationTagsOptions {
  readonly topics: StationTopics["tag"];
  readonly connection: Pick<BrokerConnection, "up" | "publish">;
  readonly retained: Pick<RetainedValues, "set">;
}

/** `tag/…`, scalars for an HMI: bank and totals are retained; those of one outcome are worth sending at once or not at all. */
export class StationTags {
  readonly #options: StationTagsOptions;
  #dropped = 0;

  /** Until they are told otherwise, there is no bank and no part. */
  constructor(options: StationTagsOptions) {
    this.#options = options;
    this.setBank(null);
    this.setTotals({ total: 0, ng: 0 });
  }

  /** Tags that were not sent because the broker was away or slow. */
  get dropped(): number {
    return this.#dropped;
  }

  setBank(bankId: string | null): void {
    this.#retain("bank", bankId ?? NO_BANK_TAG);
  }

  setTotals({ total, ng }: { readonly total: number; readonly ng: number }): void {
    this.#retain("total", String(total));
    this.#retain("ng", String(ng));
  }

  /** @param isSlow the broker was slow before the outcome's result was sent */
  publishOutcome(result: PlcResult, recipe: string, isSlow: boolean): void {
    const { topics, connection } = this.#options;
    const tags = outcomeTags(result, recipe);
    for (const name of ["verdict", "score", "part", "recipe"] as const) {
      if (isSlow || !connection.up) this.#dropped++;
      else connection.publish(topics[name], tags[name], { qos: 0 });
    }
  }

  #retain(name: "bank" | "total" | "ng", payload: string): void {
    const { topics, retained } = this.#options;
    retained.set(topics[name], payload, { qos: 0, urgent: false });
  }
}
