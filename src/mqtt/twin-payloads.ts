/** JSON of `twin/reported`, retained: what became of the configurations that were pushed. */
export interface TwinReport {
  /** ISO 8601, UTC: since when `status` holds. */
  readonly at: string;
  /** Counter of the last document that was looked at and had a valid signature; 0: none. */
  readonly desiredVersion: number;
  /** Counter of the document that holds; 0: none, the device's own file holds. */
  readonly appliedVersion: number;
  readonly status: "ok" | "pending" | "rejected" | "rolled_back";
  /** SHA-256 of the envelope that `status` is about; null: none came since the start, and none holds. */
  readonly document: string | null;
  /** An empty path is the document as a whole. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** The last counter of each trusted key: the next document of that key needs a larger one. */
  readonly counters: Readonly<Record<string, number>>;
  /** What a push may set, with the values that hold now. */
  readonly effective: object;
}

/** JSON of `twin/try/res`: what a document would do. */
export interface TwinTryAnswer {
  /** SHA-256 of the envelope. */
  readonly document: string;
  readonly status: "ok" | "rejected";
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly changes: readonly {
    readonly path: string;
    readonly from: unknown;
    readonly to: unknown;
    /** `live`, or `restart`: what is concerned is started anew. */
    readonly apply: string;
  }[];
}

/** Topics below a station's or a device's root. */
export const TWIN_TOPICS = {
  desired: "twin/desired",
  reported: "twin/reported",
  try: "twin/try",
  tried: "twin/try/res",
} as const;
