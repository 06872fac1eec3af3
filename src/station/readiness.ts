import type { Fault, StationEvent } from "./events.ts";
import type { FaultName } from "./faults.ts";
import type { Instant } from "./instant.ts";
import type { ReasonName } from "./reasons.ts";

/** null: ready. `warm-up`: not yet. Anything else: a fault. */
type Condition = { readonly missing: FaultName | "warm-up" | null; readonly since: Instant };

/** Whether what a verdict needs is there: camera, inference, bank. And the disk, without which it goes on degraded. */
export class Readiness {
  #started = false;
  #bankId: string | null = null;
  #bank: Condition;
  #inference: Condition;
  #camera: Condition;
  #storage: Condition;
  #booking: Condition;
  #provider: Condition;
  #cameraEnded = false;

  constructor(now: Instant) {
    this.#bank = { missing: "warm-up", since: now };
    this.#inference = { missing: "warm-up", since: now };
    this.#camera = { missing: "warm-up", since: now };
    this.#storage = { missing: null, since: now };
    this.#booking = { missing: null, since: now };
    this.#provider = { missing: null, since: now };
  }

  get started(): boolean {
    return this.#started;
  }

  get bankId(): string | null {
    return this.#bankId;
  }

  get cameraEnded(): boolean {
    return this.#cameraEnded;
  }

  get cameraLost(): boolean {
    return this.#camera.missing === "camera-lost";
  }

  /** Why no frames come; null while the camera plays. */
  get cameraMissing(): ReasonName | null {
    return this.#cameraEnded ? "camera-lost" : this.#camera.missing;
  }

  /** It goes on, though not as it was meant to. */
  get degraded(): boolean {
    return this.#storage.missing !== null || this.#provider.missing !== null;
  }

  /** Why no bank can score now; null when one can. */
  get bankMissing(): ReasonName | null {
    return this.#bank.missing;
  }

  /** Why no inference process can score now; null when one can. */
  get inferenceMissing(): ReasonName | null {
    return this.#inference.missing;
  }

  get starting(): boolean {
    return [this.#bank, this.#inference, this.#camera].some((condition) => condition.missing === "warm-up");
  }

  faults(): readonly Fault[] {
    return [this.#camera, this.#bank, this.#inference, this.#storage, this.#booking, this.#provider].flatMap(
      ({ missing, since }) => (missing === null || missing === "warm-up" ? [] : [{ reason: missing, since }]),
    );
  }

  apply(event: StationEvent, now: Instant): void {
    this.#started = true;
    switch (event.type) {
      case "bank-ready":
        this.#bankId = event.bankId;
        this.#bank = changed(this.#bank, null, now);
        return;
      case "bank-unready":
        this.#bankId = null;
        this.#bank = changed(this.#bank, event.reason, now);
        return;
      case "booked":
        this.#booking = changed(this.#booking, event.over ? "overbooked" : null, now);
        return;
      case "provider":
        this.#provider = changed(this.#provider, event.fallback ? "provider-fallback" : null, now);
        return;
      case "inference-ready":
        this.#inference = changed(this.#inference, null, now);
        return;
      case "inference-lost":
        this.#inference = changed(this.#inference, "inference-lost", now);
        return;
      case "camera-playing":
        this.#camera = changed(this.#camera, null, now);
        this.#cameraEnded = false;
        return;
      case "camera-lost":
        this.#camera = changed(this.#camera, "camera-lost", now);
        return;
      case "camera-ended":
        this.#camera = changed(this.#camera, null, now);
        this.#cameraEnded = true;
        return;
      case "storage-lost":
        this.#storage = changed(this.#storage, "storage-failed", now);
        return;
      case "storage-ready":
        this.#storage = changed(this.#storage, null, now);
        return;
      default:
        return;
    }
  }
}

/** Keeps the time of the first of several equal reports: a fault dates from when it began. */
function changed(before: Condition, missing: Condition["missing"], now: Instant): Condition {
  return before.missing === missing ? before : { missing, since: now };
}
