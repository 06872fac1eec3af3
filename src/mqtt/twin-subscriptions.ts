import type { Subscription } from "./subscriptions.ts";

/** Who takes configurations that are pushed. */
export interface TwinListener {
  /** `twin/desired` */
  receive(payload: Uint8Array): void;
  /** `twin/try` */
  tryOut(payload: Uint8Array): void;
}

/** @param topics absolute */
export function twinSubscriptions(
  topics: { readonly desired: string; readonly try: string },
  listener: TwinListener,
): readonly Subscription[] {
  return [
    { topic: topics.desired, qos: 1, handle: (payload) => listener.receive(payload) },
    {
      topic: topics.try,
      qos: 1,
      handle: (payload, retained) => {
        // An old question that the broker kept: nobody waits for its answer.
        if (!retained) listener.tryOut(payload);
      },
    },
  ];
}
