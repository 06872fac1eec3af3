/** Options that mean the same in several subcommands. */
export const MODELS = { value: "DIR", multiple: true, help: "a folder of further backbones" } as const;
export const THREADS = { value: "N", help: "default: the machine's cores, at most 4" } as const;
export const INDEX_KINDS = ["auto", "exact", "hnsw"] as const;
export const INDEX = { value: "KIND", choices: INDEX_KINDS, help: "auto, exact or hnsw" } as const;
export const IMAGE_THRESHOLD = { value: "NUMBER", help: "instead of the bank's threshold" } as const;
