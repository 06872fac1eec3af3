import { deviceSchema } from "./device-schema.ts";
import { isKey } from "./key.ts";
import type { AnyKey, AnyTree } from "./key.ts";
import type { JsonSchema } from "./rule.ts";
import { stationSchema } from "./station-schema.ts";

/** JSON Schema (draft 2020-12) of a configuration file, made from the convict schemas; `config/schema.json` is its text. */
export function configJsonSchema(): JsonSchema {
  const { required, properties, ...device } = groupSchema(deviceSchema);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of nominald",
    ...device,
    // A file without any key is refused, so the outermost mapping may not be null.
    type: "object",
    required,
    properties: {
      ...(properties as object),
      stations: { ...keySchema(deviceSchema.stations), items: { ...groupSchema(stationSchema), type: "object" } },
    },
  };
}

/** The text of `config/schema.json`. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

function groupSchema(tree: AnyTree): JsonSchema {
  const required = Object.entries(tree).filter(([, node]) => isRequired(node));
  return {
    // A heading whose keys are all commented out reads as null.
    type: required.length > 0 ? "object" : ["object", "null"],
    additionalProperties: false,
    ...(required.length > 0 ? { required: required.map(([name]) => name) } : {}),
    properties: Object.fromEntries(
      Object.entries(tree).map(([name, node]) => [name, isKey(node) ? keySchema(node) : groupSchema(node)]),
    ),
  };
}

function isRequired(node: AnyKey | AnyTree): boolean {
  return isKey(node) ? node.required : Object.values(node).some(isRequired);
}

function keySchema(key: AnyKey): JsonSchema {
  return {
    description: key.doc,
    ...key.rule.json,
    ...(key.required ? {} : { default: key.default }),
    $comment: `apply: ${key.apply}`,
  };
}
