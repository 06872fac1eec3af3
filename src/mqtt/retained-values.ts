/** A retained topic's newest value, as it is to be published. */
export interface RetainedMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
}

interface Held {
  readonly message: RetainedMessage;
  /** Goes before results. */
  readonly urgent: boolean;
  dirty: boolean;
}

/**
 * The newest value of each retained topic. A value that was replaced before it could leave is never sent, so a
 * slow broker sees fewer states, not older ones. After a reconnect all are sent again: the broker may have
 * forgotten them.
 */
export class RetainedValues {
  /** In the order in which the topics were first set, which is the order of sending. */
  readonly #held = new Map<string, Held>();

  set(topic: string, payload: string, options: { readonly qos: 0 | 1; readonly urgent: boolean }): void {
    const before = this.#held.get(topic);
    if (before?.message.payload === payload) return;
    const message = { topic, payload, qos: options.qos };
    if (before === undefined) this.#held.set(topic, { message, urgent: options.urgent, dirty: true });
    else this.#held.set(topic, { ...before, message, dirty: true });
  }

  /** An empty value, which makes the broker forget the topic, for each but those of `kept`. */
  clear(kept: readonly string[]): void {
    for (const [topic, { message, urgent }] of this.#held) {
      if (!kept.includes(topic)) this.set(topic, "", { qos: message.qos, urgent });
    }
  }

  /** All values are to be sent again. */
  forgetSent(): void {
    for (const held of this.#held.values()) held.dirty = true;
  }

  /** @returns the next value that differs from what was sent; undefined without one. It counts as sent. */
  next(which: { readonly urgent: boolean; readonly qos1: boolean }): RetainedMessage | undefined {
    for (const held of this.#held.values()) {
      const allowed = held.dirty && held.urgent === which.urgent && (held.message.qos === 0 || which.qos1);
      if (!allowed) continue;
      held.dirty = false;
      return held.message;
    }
    return undefined;
  }
}
