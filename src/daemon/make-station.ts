import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { Outbox } from "../mqtt/outbox.ts";
import type { OutboxKeys } from "../mqtt/outbox-keys.ts";
import { StationSession } from "../mqtt/station-session.ts";
import { stationTopics } from "../mqtt/topics.ts";
import type { LogLevelSwitch } from "../ops/log-level.ts";
import type { Clock } from "../shared/clock.ts";
import type { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import { StationStore } from "../store/station-store.ts";
import type { Store } from "../store/store-client.ts";
import type { Admission } from "./admission.ts";
import type { BankDelivery } from "./bank-delivery.ts";
import type { DeviceView } from "./device-view.ts";
import type { DocumentGate } from "./document-gate.ts";
import { makeDelivery } from "./make-delivery.ts";
import type { StationEntry } from "./station-list.ts";
import { StationRunner } from "./station-runner.ts";
import { stationId } from "./station-settings.ts";
import type { Twin } from "./twin.ts";

/** What a station has of the device that it is on. */
export interface DeviceParts {
  /** As it is now. */
  readonly config: () => DeviceConfig;
  readonly store: Store;
  /** One count for all stations: their outboxes share a table. */
  readonly outboxKeys: OutboxKeys;
  readonly gate: DocumentGate;
  readonly view: DeviceView;
  readonly admission: Admission;
  readonly metrics: Pick<Metrics, "observerOf">;
  readonly logLevel: LogLevelSwitch;
  readonly makeTwin: (name: string, target: string) => Twin;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly credentialsFolder: string | null;
  readonly onWriteStep: ((step: WriteStep) => void) | undefined;
}

/**
 * Wires one station: its outbox, session, twin, bank delivery and runner. Nothing of it is started.
 *
 * @param boot 8 hex digits that no other run of a station has
 */
export function makeStation(station: StationConfig, boot: string, parts: DeviceParts): StationEntry {
  const { config, gate, view, admission, logLevel, clock, logger, random, credentialsFolder, onWriteStep } = parts;
  const { site, device, broker, history } = config();
  const id = stationId(station);
  const store = new StationStore(parts.store, id);
  const outbox = new Outbox(store, { largest: history.maxRecords, perSecond: history.maxRateHz }, parts.outboxKeys);
  const identity = { site, line: station.line, station: station.name };
  const { bank: topics } = stationTopics(identity);
  const subscriptions = [
    { topic: topics.offer, qos: 1 as const, handle: (payload: Uint8Array) => delivery.receive(payload) },
  ];
  const twin = parts.makeTwin(id, `${site}/${id}`);
  const session = new StationSession({
    ...{ identity, device, boot, broker, logger, clock, random, outbox, credentialsFolder, twin, subscriptions },
  });
  twin.listen(session);
  const delivery: BankDelivery = makeDelivery({
    ...{ config, station, gate, session, topics, clock, logger, random, credentialsFolder, onWriteStep },
    onFallback: (error: NominalError) => delivery.fellBack(error),
    bankSettings: () => runner.bankSettings,
    reload: () => runner.reloadBank(),
  });
  const runner: StationRunner = new StationRunner({
    ...{ device: config(), station, boot, view, clock, logger, session, store, admission, logLevel },
    loadBank: (client, base) => delivery.load(client, base),
    onOutcome: (outcome) => delivery.outcome(outcome),
    shadow: delivery.shadow,
    observer: parts.metrics.observerOf(id),
  });
  return { id, outbox, session, runner, twin, delivery };
}
