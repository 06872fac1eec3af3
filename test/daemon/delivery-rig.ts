import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HttpsAccess } from "../../src/bank/https-access.ts";
import { Counters } from "../../src/bank/counters.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { generateSigningKey, readSigningKey, type SigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import { offeredFiles, offerOf, readSource, type OfferedFiles } from "../../src/cli/push/offered-files.ts";
import { BankDelivery } from "../../src/daemon/bank-delivery.ts";
import { BankReceiver } from "../../src/daemon/bank-receiver.ts";
import type { LinkListener } from "../../src/daemon/fetch-blocks.ts";
import type { BlockLink } from "../../src/mqtt/bank-link.ts";
import type { BankStateDocument } from "../../src/daemon/delivery-state.ts";
import { DocumentGate } from "../../src/daemon/document-gate.ts";
import { banksFolder, StationBanks } from "../../src/daemon/station-banks.ts";
import type { BankSummary } from "../../src/inference/protocol.ts";
import { signDocument } from "../../src/bank/signed-document.ts";
import type { BankDirective, BankOffer } from "../../src/bank/offer.ts";
import type { DeliveryConfig } from "../../src/config/config.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { makeFolder } from "../../src/shared/make-folder.ts";
import type { WriteStep } from "../../src/shared/replace-file.ts";
import { systemClock } from "../../src/shared/system-clock.ts";

export const TARGET = "test/line1/st1";
const LIMITS: DeliveryConfig = {
  ...{ httpsHosts: [], caFile: null },
  ...{ maxMebibytes: 64, minFreeMebibytes: 0, maxKibibytesPerS: 1_048_576, maxDrift: 0.05, maxMemoryMebibytes: 4_096 },
  ...{ probationParts: 3, probationS: 600, maxNoVerdictRise: 0.05, maxFailRise: 0.2, maxLatencyRatio: 2 },
};

/** A device's state folder with a trusted key. @returns the private half */
export function prepareDevice(stateFolder: string): { readonly key: SigningKey; readonly privatePem: string } {
  const keys = join(stateFolder, "keys");
  makeFolder(keys, 0o750);
  const { privatePem, publicPem } = generateSigningKey();
  TrustedKeys.open(keys).trust(publicPem, ["bank"], "test", "test", new Date());
  Counters.open(keys).rearm();
  return { key: readSigningKey(privatePem, "test"), privatePem };
}

export async function bankOffer(
  bank: string,
  url: string | null = null,
): Promise<{ offer: BankOffer; offered: OfferedFiles }> {
  const offered = await offeredFiles(bank, null, url);
  const { bankId, manifest } = await readBank(bank);
  return { offer: offerOf(bankId, manifest.backbone.sha256, offered.files), offered };
}

export function sign(body: BankDirective, counter: number, key: SigningKey, target = TARGET): Buffer {
  return signDocument({ type: "bank-offer", target, counter, body }, key);
}

export interface DeliveryRigOptions {
  readonly stateFolder: string;
  /** Where the backbone's manifest lies that the banks name. */
  readonly modelsFolder: string;
  readonly configured: string;
  readonly offered: OfferedFiles | null;
  readonly onWriteStep?: (step: WriteStep) => void;
  readonly limits?: Partial<DeliveryConfig>;
  /** The bytes as they come; a test may change them. */
  readonly onWire?: (content: Uint8Array, offset: number) => Uint8Array | null;
  readonly tryBank?: (path: string) => Promise<BankSummary>;
  /** `<site>/<line>/<station>`; absent: TARGET. */
  readonly target?: string;
  /** Where blocks come from instead of the sender's own reading. */
  readonly link?: (listener: LinkListener) => BlockLink;
  readonly onState?: (state: BankStateDocument) => void;
}

/**
 * The delivery of one station on real files, gate of documents and receiver. Only the broker is left out, whose place the
 * sender's own reading takes, and the inference process: a bank is read and its summary told.
 */
export class DeliveryRig {
  readonly delivery: BankDelivery;
  readonly banks: StationBanks;
  readonly states: BankStateDocument[] = [];
  /** Ids of the banks that were loaded, in order. */
  readonly loads: string[] = [];

  constructor(options: DeliveryRigOptions) {
    const { stateFolder, modelsFolder, configured, onWriteStep } = options;
    const steps = onWriteStep === undefined ? {} : { onWriteStep };
    const limits = { ...LIMITS, ...options.limits };
    const { target = TARGET, onState = () => undefined } = options;
    const [, line = "", name = ""] = target.split("/");
    const station = `${line}/${name}`;
    const folder = banksFolder(stateFolder, line, name);
    this.banks = new StationBanks({
      ...{ folder, station, configured, deadlineMs: () => 1_000, limits, logger: silentLogger, ...steps },
      onFallback: () => undefined,
    });
    const gate = new DocumentGate({
      ...{ stateFolder, allowUnsigned: () => false, clock: systemClock, logger: silentLogger, ...steps },
    });
    this.delivery = new BankDelivery({
      ...{ station, target, limits, gate, banks: this.banks, clock: systemClock },
      ...{ logger: silentLogger, ...steps },
      shadowSettings: () => assert.fail("Expected no inference process that a candidate could be loaded in"),
      deadlineMs: () => 1_000,
      publishFlip: () => undefined,
      publish: (state) => {
        this.states.push(state);
        onState(state);
      },
      tryBank: options.tryBank ?? summaryOf,
      reload: async () => {
        const summary = await summaryOf(this.banks.pathOf(this.banks.slots.active));
        this.loads.push(summary.bankId);
        return summary;
      },
      makeReceiver: (onProgress) =>
        new BankReceiver({
          ...{ folder, modelsFolder: join(stateFolder, "models"), modelsFolders: [modelsFolder], onProgress },
          minFreeBytes: limits.minFreeMebibytes * 2 ** 20,
          bytesPerSecond: limits.maxKibibytesPerS * 1_024,
          isBusy: () => false,
          https: new HttpsAccess({ hosts: limits.httpsHosts, caFile: limits.caFile, environment: {} }),
          logger: silentLogger,
          clock: systemClock,
          link: options.link ?? ((listener) => readingLink(listener, options)),
        }),
    });
  }

  get state(): BankStateDocument {
    const state = this.states.at(-1);
    if (state === undefined) throw new Error("Expected a state");
    return state;
  }
}

/** A link at whose other end the sender's own reading answers at once. */
function readingLink(listener: LinkListener, options: DeliveryRigOptions): BlockLink {
  const { offered } = options;
  return {
    up: true,
    start: () => undefined,
    request: ({ transfer, offset, count }) => {
      const source = offered?.sources.get(transfer);
      if (source === undefined) return;
      void readSource(source, offset, count).then((content) => {
        const sent = content === null ? null : (options.onWire ?? ((same) => same))(content, offset);
        if (sent !== null) listener.onBlock(transfer, offset, sent);
      });
    },
    close: () => Promise.resolve(),
  };
}

export async function summaryOf(path: string): Promise<BankSummary> {
  const { bankId, manifest } = await readBank(path);
  const { rows, dims, backbone, calibration } = manifest;
  const { threshold, maskThreshold } = calibration;
  return {
    ...{ bankId, rows, dims, backbone: backbone.name, threshold, maskThreshold },
    ...{ index: "exact", provider: "cpu", warmUpMs: 1, frameMs: 1, fallback: null, gate: null },
  };
}

export function readKey(path: string): SigningKey {
  return readSigningKey(readFileSync(path, "utf8"), path);
}
