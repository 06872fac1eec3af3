import { readFile } from "node:fs/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { DeviceError, InputError, reasonOf } from "../../shared/errors.ts";

/** How to get into a broker; files are read when it is connected to. */
export interface Login {
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly caFile?: string | undefined;
}

type Hear = (payload: Buffer, topic: string) => void;

const CONNECT_DEADLINE_MS = 10_000;
const RECONNECT_MS = 1_000;

/** The sender's connection to a broker. It comes back by itself: the device may take its time. */
export class PushLine {
  readonly url: string;
  readonly client: MqttClient;
  readonly #hear: Hear[] = [];

  private constructor(url: string, client: MqttClient) {
    this.url = url;
    this.client = client;
    client.on("message", (topic, payload) => {
      for (const hear of this.#hear) hear(payload, topic);
    });
    // Unheard errors would end the process; what matters is whether an answer comes in time.
    client.on("error", () => undefined);
    // Each station that is sent to at the same time listens for itself.
    client.setMaxListeners(0);
  }

  /** @throws DeviceError "push-connect"; InputError "push-login" when a file cannot be read */
  static async connect(url: string, login: Login): Promise<PushLine> {
    const [password, ca] = await Promise.all([fileOf(login.passwordFile), fileOf(login.caFile)]);
    const options = {
      connectTimeout: CONNECT_DEADLINE_MS,
      reconnectPeriod: RECONNECT_MS,
      ...(login.username === undefined ? {} : { username: login.username }),
      ...(password === undefined ? {} : { password: password.toString("utf8").replace(/\r?\n$/, "") }),
      ...(ca === undefined ? {} : { ca }),
    };
    try {
      return new PushLine(url, await connectAsync(url, options, false));
    } catch (cause) {
      const text = `Expected a connection to the broker at ${url} but: ${reasonOf(cause) || "none came"}`;
      throw new DeviceError("push-connect", text, { cause });
    }
  }

  /** @param hear called for each message of any subscription */
  async subscribe(filter: string, hear: Hear): Promise<void> {
    this.#hear.push(hear);
    await this.client.subscribeAsync(filter, { qos: 1 });
  }

  async publish(topic: string, payload: Buffer, retain: boolean): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, retain });
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }
}

async function fileOf(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new InputError("push-login", `Expected a readable file at ${path} but: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws DeviceError "push-timeout" */
export async function within<T>(promise: Promise<T>, deadlineMs: number, expected: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new DeviceError("push-timeout", `Expected ${expected} within ${deadlineMs / 1_000} s but none came`);
    timer = setTimeout(() => reject(error), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
