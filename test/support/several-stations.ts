import { LineClient } from "./line-client.ts";
import type { TestLine } from "./test-line.ts";

/** What one of several stations is set to, beside what TestLine sets. */
export interface SetStation {
  readonly name: string;
  readonly station?: object;
  readonly camera?: object;
}

/** Small pictures of videotestsrc that differ from one to the next. */
export const BALL = { source: "test", pattern: "ball", width: 160, height: 120 } as const;

/** A configuration of several stations of `line1`, each with videotestsrc as its camera. */
export function severalStations(
  line: TestLine,
  broker: string,
  stations: readonly SetStation[],
  device: object = {},
): object {
  const each = stations.map(({ name, station, camera }) => {
    const { stations: one } = line.config({
      ...{ broker, device, station: { name, ...station }, camera: { ...BALL, ...camera } },
    }) as { readonly stations: readonly object[] };
    return one[0];
  });
  return { ...line.config({ broker, device, camera: BALL }), stations: each };
}

/** A subscriber of each station's own. */
export async function connectAll(broker: string, names: readonly string[]): Promise<Map<string, LineClient>> {
  const clients = new Map<string, LineClient>();
  for (const name of names) clients.set(name, await LineClient.connect(broker, {}, name));
  return clients;
}

/** @throws when there is none, which is the test's own mistake */
export function clientOf(clients: ReadonlyMap<string, LineClient>, name: string): LineClient {
  const found = clients.get(name);
  if (found === undefined) throw new Error(`Expected a client of ${name}`);
  return found;
}
