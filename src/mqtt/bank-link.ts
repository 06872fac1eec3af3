import type { BrokerConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { BankTopics, BlockRequest } from "./bank-topics.ts";
import { formatGet, parseBlockTopic } from "./bank-topics.ts";
import { BrokerConnection } from "./broker-connection.ts";

export interface BankLinkOptions {
  readonly broker: BrokerConfig;
  readonly clientId: string;
  readonly credentialsFolder: string | null;
  readonly topics: BankTopics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onBlock: (transfer: string, offset: number, content: Uint8Array) => void;
  /** What was asked for before is lost. */
  readonly onUp: () => void;
}

const CLOSE_MS = 1_000;

/** What blocks are asked for over. */
export interface BlockLink {
  readonly up: boolean;
  start(): void;
  /** Only while `up`. */
  request(request: BlockRequest): void;
  close(): Promise<void>;
}

/** A connection of its own for the blocks of a bank, so that none of them ever stands before a verdict. */
export class BankLink implements BlockLink {
  readonly #connection: BrokerConnection;
  readonly #topics: BankTopics;

  constructor(options: BankLinkOptions) {
    const { topics, onBlock, onUp } = options;
    this.#topics = topics;
    this.#connection = new BrokerConnection({
      ...options,
      will: null,
      subscriptions: [
        {
          topic: `${topics.blocks}/#`,
          qos: 1,
          handle: (content, retained, topic) => {
            const name = parseBlockTopic(topics, topic);
            if (name !== null && !retained) onBlock(name.transfer, name.offset, content);
          },
        },
      ],
      onUp,
      onDown: () => undefined,
    });
  }

  get up(): boolean {
    return this.#connection.up;
  }

  start(): void {
    this.#connection.start();
  }

  /** Only while `up`. */
  request(request: BlockRequest): void {
    this.#connection.publish(this.#topics.get, formatGet(request), { qos: 1 });
  }

  async close(): Promise<void> {
    await this.#connection.close(true, CLOSE_MS);
  }
}
