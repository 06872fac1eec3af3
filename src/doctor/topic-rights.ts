import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt from "mqtt";
import type { IClientOptions, IConnackPacket, MqttClient } from "mqtt";
import type { BrokerConfig } from "../config/config.ts";
import type { clientOptions } from "../mqtt/client-options.ts";
import { connectProblem, problemOfError, type ConnectProblem } from "../mqtt/connect-problem.ts";
import type { ContractTopic } from "../mqtt/contract.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Findings } from "./finding.ts";
import { loginRemedy } from "./broker-checks.ts";

/** How long one waits for a message of one's own, or an answer, ms. */
const ECHO_MS = 3_000;
const ANSWER_MS = 10_000;
const REMEDY = "give the broker's user this right (config/acl/ has rules for mosquitto and EMQX)";

type Connection = Awaited<ReturnType<typeof clientOptions>>;

/**
 * Logs in under an id of its own and without a will, so that no station's session is taken over and no status changes.
 *
 * @returns the client; null after a failure was told
 */
export async function checkLogin(
  findings: Findings,
  broker: BrokerConfig,
  connection: Connection,
): Promise<MqttClient | null> {
  const { will: _, ...options } = connection;
  const clientId = `nominald-doctor-${randomBytes(4).toString("hex")}`;
  const client = mqtt.connect(broker.url, { ...options, clientId } as IClientOptions);
  const answer = await new Promise<IConnackPacket | ConnectProblem>((resolve) => {
    client.once("connect", resolve);
    client.once("error", (error) => resolve(problemOfError(broker, error)));
    client.once("close", () => resolve(connectProblem(broker, "connection-lost", "closed by the other side")));
  });
  if ("kind" in answer) {
    endClient(client);
    findings.fail("broker-login", answer.message, loginRemedy(answer.kind));
    return null;
  }
  const who = broker.username === null ? "without a user name" : `as ${broker.username}`;
  findings.ok("broker-login", `logged in ${who} over MQTT ${broker.version}`);
  tellLimits(findings, answer);
  return client;
}

/** What the contract needs of a broker and MQTT 5 brokers say at connect. */
function tellLimits(findings: Findings, { properties }: IConnackPacket): void {
  const lacks = [
    ...(properties?.retainAvailable === false ? ["retained messages"] : []),
    ...(properties?.maximumQoS === 0 ? ["QoS 1"] : []),
    ...(properties?.wildcardSubscriptionAvailable === false ? ["wildcards in subscriptions"] : []),
  ];
  if (lacks.length === 0) return;
  findings.fail("broker-limits", `the broker has no ${lacks.join(", ")}`, "allow them in the broker's settings");
}

/** A station, or the device itself, on the broker. */
export interface Publisher {
  readonly root: string;
  readonly contract: readonly ContractTopic[];
}

/** Topics that it publishes, one for each row of the contract. */
function publishedTopics({ root, contract }: Publisher): string[] {
  return contract
    .filter(({ direction }) => direction === "out")
    .map(({ topic }) => `${root}/${topic.replace("<name>", "pause")}`);
}

/** Topics that it subscribes; `+` stands for what the contract leaves open. */
function subscribedTopics({ root, contract }: Publisher): string[] {
  return contract
    .filter(({ direction }) => direction === "in")
    .map(({ topic }) => `${root}/${topic.replaceAll(/<\w+>/g, "+")}`);
}

/** What others tell it: the broker answers each subscription. */
export async function checkSubscriptions(findings: Findings, client: MqttClient, publisher: Publisher): Promise<void> {
  const wanted = subscribedTopics(publisher);
  const refused = await refusedSubscriptions(client, wanted);
  if (refused.length > 0) {
    findings.fail("broker-subscribe", `no right to subscribe ${refused.join(", ")}`, REMEDY);
    return;
  }
  const found = `the broker accepts the ${wanted.length} subscriptions (some brokers accept all, and withhold the messages)`;
  findings.ok("broker-subscribe", found);
}

/**
 * What it says. An empty payload, not retained, is sent to each topic: no message of the contract is empty, so no
 * reader takes it for one. MQTT 5 answers with a reason; 3.1.1 with nothing, so there the client listens for itself.
 */
export async function checkPublications(
  findings: Findings,
  client: MqttClient,
  publisher: Publisher,
  version: BrokerConfig["version"],
): Promise<void> {
  const wanted = publishedTopics(publisher);
  if (version === "5") {
    const answers = await Promise.all(wanted.map((topic) => refusalOf(client, topic)));
    const refused = wanted.filter((_, i) => answers[i] !== null);
    const reason = answers.find((answer) => answer !== null) ?? "";
    if (refused.length === 0) findings.ok("broker-publish", `the broker accepts all ${wanted.length} topics`);
    else findings.fail("broker-publish", `no right to publish ${refused.join(", ")}: ${reason}`, REMEDY);
    return;
  }
  const heard = new Set<string>();
  const listen = (topic: string, payload: Buffer, packet: { readonly retain: boolean }): void => {
    if (payload.length === 0 && !packet.retain) heard.add(topic);
  };
  client.on("message", listen);
  await refusedSubscriptions(client, wanted);
  await Promise.all(wanted.map((topic) => refusalOf(client, topic)));
  for (const endMs = performance.now() + ECHO_MS; heard.size < wanted.length && performance.now() < endMs;)
    await sleep(20);
  client.off("message", listen);
  const unheard = wanted.filter((topic) => !heard.has(topic));
  if (unheard.length === 0) findings.ok("broker-publish", `the broker delivers all ${wanted.length} topics`);
  else {
    const found = `sent and not heard again: ${unheard.join(", ")}. MQTT 3.1.1 does not tell whether the right to publish is missing or only the right to read`;
    findings.warn("broker-publish", found, `${REMEDY}, or set broker.version to "5", which tells`);
  }
}

/** Ends the connection; a socket that reports an error afterwards ends nothing else. */
export function endClient(client: MqttClient): void {
  client.on("error", () => undefined);
  client.end(true);
}

async function refusedSubscriptions(client: MqttClient, topics: readonly string[]): Promise<string[]> {
  const refused = await Promise.all(
    topics.map(
      (topic) =>
        new Promise<string | null>((resolve) => {
          const timer = setTimeout(() => resolve(topic), ANSWER_MS);
          client.subscribe(topic, { qos: 1 }, (error, granted) => {
            clearTimeout(timer);
            resolve(error !== null || (granted?.[0]?.qos ?? 0) >= 0x80 ? topic : null);
          });
        }),
    ),
  );
  return refused.flatMap((topic) => (topic === null ? [] : [topic]));
}

/** @returns why the broker refused it, or null */
async function refusalOf(client: MqttClient, topic: string): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`no answer within ${ANSWER_MS} ms`), ANSWER_MS);
    client.publish(topic, "", { qos: 1, retain: false }, (error) => {
      clearTimeout(timer);
      resolve(error ? reasonOf(error) : null);
    });
  });
}
