import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import { builtInModelsFolder, findBackbone } from "../../backbone/find.ts";
import type { BackboneFiles } from "../../backbone/manifest.ts";
import { readBank } from "../../bank/bundle-read.ts";
import { UNSIGNED } from "../../bank/envelope.ts";
import type { BankDirective } from "../../bank/offer.ts";
import { readSigningKey, type SigningKey } from "../../bank/signing-key.ts";
import { stationTopics } from "../../mqtt/topics.ts";
import { DeviceError, InputError, reasonOf } from "../../shared/errors.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import { helpOf } from "../command-line/help.ts";
import { PUSH_BANK } from "../commands/push.ts";
import type { CommandIo } from "../io.ts";
import { parsePushBank, type PushBankArguments } from "./bank-arguments.ts";
import { BankSender } from "./bank-sender.ts";
import { deliverBank, shadowReport } from "./deliver-bank.ts";
import { pushBankToFleet } from "./fleet/push-bank.ts";
import { PushLine } from "./line.ts";
import { offeredFiles, offerOf, type Source } from "./offered-files.ts";

/** A station is looked for so long; further sites that have one, so long after the first. */
const SITE_MS = 15_000;
const OTHERS_MS = 300;

/** `nominald push bank`: a bank goes to a station that is far away. */
export async function pushBankCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parsePushBank(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(PUSH_BANK)}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(helpOf(PUSH_BANK));
    return EXIT.ok;
  }
  const key = parsed.key === null ? null : readSigningKey(readKeyFile(parsed.key), parsed.key);
  const { directive, sources } = await directiveOf(parsed, io);
  const { username, passwordFile, ca } = parsed;
  const line = await PushLine.connect(parsed.to, {
    ...{ username: username ?? undefined, passwordFile: passwordFile ?? undefined, caFile: ca ?? undefined },
  });
  try {
    if (parsed.fleet !== null) {
      return await pushBankToFleet({ line, parsed, fleet: parsed.fleet, directive, sources, key, io });
    }
    return await pushToOne(line, parsed, { directive, sources, key, io });
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err("stopped; the station keeps what it has, and goes on with it when the same bank is pushed again");
    return EXIT.interrupted;
  } finally {
    await line.close();
  }
}

interface Sent {
  readonly directive: BankDirective;
  readonly sources: ReadonlyMap<string, Source>;
  readonly key: SigningKey | null;
  readonly io: CommandIo;
}

async function pushToOne({ client }: PushLine, parsed: PushBankArguments, sent: Sent): Promise<number> {
  const { line, station } = parsed;
  const { directive, sources, key, io } = sent;
  const site = parsed.site ?? (await findSite(client, line, station));
  const sender = new BankSender({
    ...{ client, topics: stationTopics({ site, line, station }).bank, target: `${site}/${line}/${station}` },
    ...{ key, keyId: key?.keyId ?? UNSIGNED, sources, signal: io.signal },
  });
  await sender.start();
  if (directive.action === "offer" || directive.action === "promote") {
    return pushBank(sender, directive, parsed.until, io);
  }
  await sender.send(directive, () => true);
  io.out(directive.action === "rollback" ? "rolled back" : "withdrawn");
  return EXIT.ok;
}

async function pushBank(
  sender: BankSender,
  directive: BankDirective,
  until: PushBankArguments["until"],
  io: CommandIo,
): Promise<number> {
  const { stage, reason, shadow } = await deliverBank(sender, directive, until, (line) => io.out(line));
  if (stage === "shadow" && shadow !== null) io.out(shadowReport(shadow));
  if (stage === "committed" || stage === "probation" || stage === "shadow") return EXIT.ok;
  io.err(`${reason?.code ?? stage}: ${reason?.message ?? `the bank was ${stage}`}`);
  return EXIT.input;
}

/** @throws InputError for a bank that no station would take */
async function directiveOf(
  { what, bank: path, models, url, shadow }: PushBankArguments,
  io: CommandIo,
): Promise<{ directive: BankDirective; sources: ReadonlyMap<string, Source> }> {
  if (what === "promote") return { directive: { action: "promote", bankId: null }, sources: new Map() };
  if (what === "rollback") return { directive: { action: "rollback" }, sources: new Map() };
  if (what === "withdraw") return { directive: { action: "withdraw", bankId: null }, sources: new Map() };
  const { bankId, manifest } = await readBank(path);
  if (manifest.golden === null) {
    const text = `Expected golden frames in ${path} but it has none, and no station could try it; fit it again`;
    throw new InputError("no-golden-frames", text);
  }
  const { name, sha256 } = manifest.backbone;
  let backbone: BackboneFiles | null = null;
  try {
    backbone = await findBackbone([...models, builtInModelsFolder()], { name, sha256 });
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== "wrong-backbone") throw error;
    io.err(`backbone ${name} is not here, so the station has to have it; --models DIR says where it lies`);
  }
  const { files, sources } = await offeredFiles(path, backbone, url);
  return { directive: offerOf(bankId, sha256, files, shadow), sources };
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new InputError("signing-key", `Expected a key in ${path} but received: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * @returns the site that has such a station, by the state that it keeps on the broker
 * @throws DeviceError "station-silent"; InputError "push-ambiguous"
 */
async function findSite(client: MqttClient, line: string, station: string): Promise<string> {
  const found = new Set<string>();
  const filter = stationTopics({ site: "any", line, station }).bank.state.replace("/any/", "/+/");
  const hear = (topic: string): void => {
    const [, , site] = topic.split("/");
    if (site !== undefined && topic === filter.replace("/+/", `/${site}/`)) found.add(site);
  };
  client.on("message", hear);
  await client.subscribeAsync(filter, { qos: 1 });
  const endsAtMs = performance.now() + SITE_MS;
  while (found.size === 0 && performance.now() < endsAtMs) await wait(OTHERS_MS);
  if (found.size > 0) await wait(OTHERS_MS);
  client.off("message", hear);
  await client.unsubscribeAsync(filter);
  const [site] = found;
  if (site === undefined) {
    throw new DeviceError("station-silent", `Expected ${line}/${station} on the broker but no site has it`);
  }
  if (found.size > 1) {
    const text = `Expected one site with ${line}/${station} but received ${[...found].join(", ")}; give --site`;
    throw new InputError("push-ambiguous", text);
  }
  return site;
}
