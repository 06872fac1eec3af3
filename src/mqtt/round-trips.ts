import type { MqttClient } from "mqtt";

interface Waiting {
  /** Number of the PINGREQ whose answer is waited for, counted from 1. */
  readonly ping: number;
  readonly done: () => void;
}

/**
 * Asks a broker whether it has worked through what was sent so far, by PINGREQ: it handles a connection's packets in
 * their order, so its PINGRESP says that everything before is through, QoS 0 included, which nothing else tells. The
 * keepalive of mqtt.js pings too; answers are counted, so that none is taken for another's.
 */
export class RoundTrips {
  readonly #client: MqttClient;
  #asked = 0;
  #answered = 0;
  #waiting: Waiting[] = [];

  constructor(client: MqttClient) {
    this.#client = client;
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#asked++;
    });
    client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp") this.#answer();
    });
  }

  /** Only while connected. `done` is called once, and never when the connection is lost before the answer. */
  ask(done: () => void): void {
    this.#client.sendPing();
    this.#waiting.push({ ping: this.#asked, done });
  }

  #answer(): void {
    this.#answered++;
    const answered = this.#waiting.filter(({ ping }) => ping <= this.#answered);
    this.#waiting = this.#waiting.filter(({ ping }) => ping > this.#answered);
    for (const { done } of answered) done();
  }
}
