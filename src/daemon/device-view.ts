import type { ClockSyncState } from "../ops/clock-sync.ts";
import type { LoopDelay } from "../ops/event-loop-delay.ts";
import type { StoreStatus } from "../store/store-client.ts";
import type { DeviceHealth } from "./device-health.ts";
import type { GateStatus } from "./document-gate.ts";

/** The device as its stations tell of it: at each look as it is then. */
export interface DeviceView {
  readonly versions: Readonly<Record<string, string>>;
  readonly clockSync: () => ClockSyncState;
  /** The outbox on the disk. */
  readonly storage: () => StoreStatus;
  /** How late the daemon's event loop was. */
  readonly eventLoop: () => LoopDelay;
  /** Whether configurations and memory banks are taken from afar. */
  readonly pushes: () => GateStatus;
  readonly health: Pick<DeviceHealth, "faults" | "host" | "runs">;
}
