import { connectAsync, type MqttClient } from "mqtt";
import { parseResult, type PlcResult } from "../../src/mqtt/payloads.ts";
import type { InspectionRecord } from "../../src/mqtt/record.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import { until } from "./until.ts";

/** Below it each station has its own. */
const LINE = "nominal/v1/test/line1";

export interface Heard {
  /** Below the station's root. */
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  /** At most 1, which the client subscribes with. */
  readonly qos: number;
}

/** A client of the test's own on the broker, which keeps everything the station says. */
export class LineClient {
  readonly messages: Heard[] = [];
  readonly #client: MqttClient;
  readonly #root: string;
  #marks = 0;

  private constructor(client: MqttClient, root: string) {
    this.#client = client;
    this.#root = root;
  }

  static async connect(
    url: string,
    login: { username?: string; password?: string } = {},
    station = "st1",
  ): Promise<LineClient> {
    const client = await connectAsync(url, { reconnectPeriod: 0, ...login }, false);
    const root = `${LINE}/${station}`;
    const heard = new LineClient(client, root);
    client.on("message", (topic, payload, packet) => {
      heard.messages.push({ topic: topic.slice(root.length + 1), payload, retain: packet.retain, qos: packet.qos });
    });
    await client.subscribeAsync(`${root}/#`, { qos: 1 });
    return heard;
  }

  /** @param topic below the station's root */
  async publish(topic: string, payload: string, options: { readonly retain?: boolean } = {}): Promise<void> {
    await this.#client.publishAsync(`${this.#root}/${topic}`, payload, { qos: 1, retain: options.retain ?? false });
  }

  payloads(topic: string): Buffer[] {
    return this.messages.filter((message) => message.topic === topic).map((message) => message.payload);
  }

  texts(topic: string): string[] {
    return this.payloads(topic).map((payload) => payload.toString("latin1"));
  }

  results(): PlcResult[] {
    return this.payloads("plc/result").map((payload) => parseResult(payload));
  }

  records(): InspectionRecord[] {
    return this.payloads("inspection").map((payload) => JSON.parse(payload.toString()) as InspectionRecord);
  }

  states(): StateDocument[] {
    return this.payloads("state").map((payload) => JSON.parse(payload.toString()) as StateDocument);
  }

  /** Faults in the last `state`, but for those of the computer that runs the tests; undefined before there is one. */
  ownFaults(): StateDocument["faults"] | undefined {
    return this.states()
      .at(-1)
      ?.faults.filter(({ see }) => see !== "host");
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    await until(what, holds, 180_000);
  }

  /**
   * Waits until everything is here that the broker took before this call, from whomever: what another client, such as a
   * command that just ended, has heard already may still be on its way to this one.
   */
  async caughtUp(): Promise<void> {
    const mark = `caught up ${++this.#marks}`;
    await this.publish("test/mark", mark);
    await until("the test's own mark", () => this.texts("test/mark").includes(mark));
  }

  async fault(name: string): Promise<StateDocument["faults"][number]> {
    const find = (): StateDocument["faults"][number] | undefined =>
      this.states()
        .flatMap(({ faults }) => faults)
        .find((fault) => fault.name === name);
    await until(`fault ${name} in the state`, () => find() !== undefined);
    const fault = find();
    if (fault === undefined) throw new Error("unreachable: it was just found");
    return fault;
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
