import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { HttpsAccess } from "../bank/https-access.ts";
import { BankLink } from "../mqtt/bank-link.ts";
import type { BankTopics } from "../mqtt/bank-topics.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { Clock } from "../shared/clock.ts";
import type { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import { BankDelivery } from "./bank-delivery.ts";
import { tryBank } from "./bank-gate.ts";
import { BankReceiver } from "./bank-receiver.ts";
import type { DocumentGate } from "./document-gate.ts";
import { banksFolder, StationBanks } from "./station-banks.ts";
import { pushedModelsFolder, stationId } from "./station-settings.ts";

export interface DeliveryParts {
  /** As it is now. */
  readonly config: () => DeviceConfig;
  readonly station: StationConfig;
  readonly gate: DocumentGate;
  readonly session: StationSession;
  readonly topics: BankTopics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly credentialsFolder: string | null;
  readonly onWriteStep: ((step: WriteStep) => void) | undefined;
  readonly onFallback: (error: NominalError) => void;
  /** What the inference process is told of the station's bank now. */
  readonly bankSettings: () => LoadBank;
  readonly reload: () => Promise<BankSummary | null>;
}

const MIB = 2 ** 20;

/** Wires the delivery of one station's banks. */
export function makeDelivery(parts: DeliveryParts): BankDelivery {
  const { config, station, gate, session, topics, clock, logger, random, credentialsFolder, reload } = parts;
  const { site, device, stateFolder, modelsFolders, delivery: limits } = config();
  const { line, name, bank: configured } = station;
  const id = stationId(station);
  const deadlineMs = (): number => {
    return config().stations.find((one) => stationId(one) === id)?.deadlineMs ?? station.deadlineMs;
  };
  const onWriteStep = parts.onWriteStep === undefined ? {} : { onWriteStep: parts.onWriteStep };
  const banks = new StationBanks({
    ...{ folder: banksFolder(stateFolder, line, name), station: id, configured, deadlineMs, limits, logger },
    ...{ ...onWriteStep, onFallback: (_path: string, error: NominalError) => parts.onFallback(error) },
  });
  const clientId = ["nominald", site, line, name, device, "bank"].join("-");
  return new BankDelivery({
    ...{ station: id, target: `${site}/${line}/${name}`, limits, gate, banks, reload, clock, logger },
    ...onWriteStep,
    publish: (document) => session.setBankState(document),
    publishFlip: (flip) => session.publishFlip(flip),
    shadowSettings: (bankPath) => ({ ...parts.bankSettings(), bankPath, gate: banks.shadowLimits }),
    deadlineMs,
    tryBank: (bankPath, signal) => {
      const load = { ...parts.bankSettings(), bankPath, gate: banks.gateLimits };
      return tryBank(config().inference, load, logger, signal);
    },
    makeReceiver: (onProgress) =>
      new BankReceiver({
        ...{ folder: banks.folder, modelsFolders, clock, onProgress },
        modelsFolder: pushedModelsFolder({ stateFolder }),
        minFreeBytes: limits.minFreeMebibytes * MIB,
        bytesPerSecond: limits.maxKibibytesPerS * 1_024,
        isBusy: () => session.behind,
        https: new HttpsAccess({ hosts: limits.httpsHosts, caFile: limits.caFile, environment: process.env }),
        logger,
        link: (listener) =>
          new BankLink({
            ...{ broker: config().broker, clientId, credentialsFolder, topics, logger, clock, random },
            onBlock: (transfer, offset, content) => listener.onBlock(transfer, offset, content),
            onUp: () => listener.onUp(),
          }),
      }),
  });
}
