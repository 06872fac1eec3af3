import { Document, isCollection, isScalar, visit } from "yaml";
import { deviceSchema } from "./device-schema.ts";
import { variableOf } from "./environment.ts";
import { keysOf } from "./key.ts";
import type { LoadedConfig } from "./load-config.ts";
import { stationSchema } from "./station-schema.ts";

/**
 * The effective configuration as YAML that loads to the same configuration again.
 *
 * @param options.origin ends each value's line with where it came from: default, file, or the variable's name
 */
export function printConfig(loaded: LoadedConfig, options: { readonly origin: boolean }): string {
  const document = new Document(loaded.config);
  visit(document, {
    Pair: (_, pair, ancestors) => {
      const path = pathOf([...ancestors, pair], document);
      const origin = loaded.origins.get(path);
      if (origin === undefined || !(isScalar(pair.value) || isCollection(pair.value))) return undefined;
      // A list or a region on one line, so that there is one line to mark.
      if (isCollection(pair.value)) pair.value.flow = true;
      if (options.origin) pair.value.comment = ` ${origin === "env" ? (variableAt(path) ?? origin) : origin}`;
      return visit.SKIP;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** `stations[0].camera.path`, from the nodes that lead to a pair. */
function pathOf(nodes: readonly unknown[], document: Document): string {
  let path = "";
  let parent: unknown = document;
  for (const node of nodes) {
    if (isCollection(parent) && "items" in parent) {
      const index = parent.items.indexOf(node as never);
      if (index >= 0 && !isPairNode(node)) path += `[${index}]`;
    }
    if (isPairNode(node)) path += `${path === "" ? "" : "."}${String(isScalar(node.key) ? node.key.value : node.key)}`;
    parent = node;
  }
  return path;
}

function isPairNode(node: unknown): node is { readonly key: unknown } {
  return typeof node === "object" && node !== null && "key" in node;
}

function variableAt(path: string): string | null {
  const [, index, stationPath] = /^stations\[(\d+)\]\.(.+)$/.exec(path) ?? [];
  if (index === undefined) {
    const found = keysOf(deviceSchema).find((entry) => entry.path === path);
    return found === undefined ? null : variableOf(found.key);
  }
  const found = keysOf(stationSchema).find((entry) => entry.path === stationPath);
  return found === undefined ? null : variableOf(found.key, Number(index));
}
