import type { MqttClient } from "mqtt";
import type { Logger } from "../shared/logger.ts";

/** A topic that is subscribed at every connect, since no session outlives its connection. */
export interface Subscription {
  /** The last segment may be `+` or `#`. */
  readonly topic: string;
  readonly qos: 0 | 1;
  readonly handle: (payload: Uint8Array, retained: boolean, topic: string) => void;
}

/** What one connection hears, and who is told of it. */
export class Subscriptions {
  readonly #all: readonly Subscription[];
  readonly #logger: Logger;

  constructor(all: readonly Subscription[], logger: Logger) {
    this.#all = all;
    this.#logger = logger;
  }

  /**
   * Asks a broker for all of it. What it refuses is logged, and the rest stands.
   *
   * @param isCurrent whether what it answers is still of interest
   */
  request(client: Pick<MqttClient, "subscribe">, isCurrent: () => boolean): void {
    for (const { topic, qos } of this.#all) {
      // MQTT 5: the retain flag comes as it was published, so a trigger that someone retains is known at once.
      client.subscribe(topic, { qos, rap: true }, (error) => {
        if (error && isCurrent()) this.#logger.warn({ topic, cause: error.message }, "The broker refused a topic");
      });
    }
  }

  /** A message has come. */
  receive(topic: string, payload: Uint8Array, retained: boolean): void {
    for (const subscription of this.#all) {
      if (matches(subscription.topic, topic)) subscription.handle(payload, retained, topic);
    }
  }
}

function matches(filter: string, topic: string): boolean {
  if (filter.endsWith("/#")) return topic.startsWith(filter.slice(0, -1));
  if (!filter.endsWith("/+")) return filter === topic;
  return topic.startsWith(filter.slice(0, -1)) && !topic.slice(filter.length - 1).includes("/");
}
