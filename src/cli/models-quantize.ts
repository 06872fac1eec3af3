import { join } from "node:path";
import { decodeImageFile, listImageFiles } from "../backbone/decode.ts";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import { quantiseBackbone, type QuantisedBackbone } from "../backbone/quantise.ts";
import { thisMachineMultipliesEightBits } from "../backbone/vnni.ts";
import { InputError } from "../shared/errors.ts";
import { evenlySpread } from "../shared/evenly-spread.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { RawImage } from "../shared/image.ts";
import { replaceFile } from "../shared/replace-file.ts";
import { productVersion } from "../shared/version.ts";
import { compareAccuracy, readDataset } from "./compare-accuracy.ts";
import { compareLatency, type CompareOptions } from "./compare-latency.ts";
import { helpOf } from "./command-line/help.ts";
import { MODELS_QUANTIZE } from "./commands/models.ts";
import type { CommandIo } from "./io.ts";
import { parseQuantizeArguments, type QuantizeArguments } from "./models-quantize-arguments.ts";
import { makeOutputFolder } from "./output.ts";
import { accuracyLines, latencyLines, quantisedLines } from "./quantise-report.ts";

const DEFAULT_SIZE = 320;
const COMPARED_PICTURES = 8;

/** `nominald models quantize`. @throws TypeError of util.parseArgs for unknown options */
export async function quantizeCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseQuantizeArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(MODELS_QUANTIZE)}`);
    return EXIT.usage;
  }
  try {
    await quantize(parsed, io);
    return EXIT.ok;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err("stopped; what stands above was done");
    return EXIT.interrupted;
  }
}

async function quantize(parsed: QuantizeArguments, io: CommandIo): Promise<void> {
  const { threads, layers } = parsed;
  const before = await findBackbone([...parsed.models, builtInModelsFolder()], { name: parsed.backbone });
  checkLayers(layers, before);
  const files = evenlySpread(await listImageFiles(parsed.images), parsed.calibrationImages);
  const dataset = parsed.dataset === null ? null : await readDataset(parsed.dataset, parsed.trainImages);
  const size = parsed.size ?? before.manifest.input.preferred?.width ?? DEFAULT_SIZE;
  const eightBits = await thisMachineMultipliesEightBits();
  const createdBy = `nominald ${productVersion()}`;
  const weightBits = parsed.weightBits ?? (eightBits ? 8 : 7);
  // What is going to be long is said before it begins.
  io.err(
    `${before.manifest.name}: ranges on ${files.length} images at ${size} × ${size}, weights of ${weightBits} bits`,
  );
  const quantised = await quantiseBackbone({
    backbone: before,
    images: () => pictures(files, size),
    method: parsed.range,
    weightBits,
    threads,
    createdBy,
    signal: io.signal,
  });
  const after = writeBackbone(parsed.out, quantised);
  for (const line of quantisedLines({ before, after, quantised, weightBits, eightBits })) io.out(line);
  const compared: CompareOptions = { before, after, layers, threads, signal: io.signal };
  const some: RawImage[] = [];
  for await (const picture of pictures(evenlySpread(files, COMPARED_PICTURES), size)) some.push(picture);
  for (const line of latencyLines(await compareLatency(some, compared), size, threads)) io.out(line);
  if (dataset === null) {
    io.out("  AUROC      not measured: no --dataset was given");
    return;
  }
  const accuracy = await compareAccuracy({
    ...compared,
    dataset,
    size,
    createdBy,
    onStage: (text) => io.err(text),
  });
  for (const line of accuracyLines(accuracy)) io.out(line);
}

/** @throws InputError "bad-layers", before minutes have passed */
function checkLayers(layers: readonly string[], { manifest }: BackboneFiles): void {
  const known = manifest.outputs.map((output) => output.name);
  const unknown = layers.filter((layer) => !known.includes(layer));
  if (unknown.length === 0) return;
  const text = `Expected layers of ${known.join(", ")} but got ${unknown.join(", ")}; say --layers`;
  throw new InputError("bad-layers", text, { context: { backbone: manifest.name } });
}

async function* pictures(files: readonly string[], size: number): AsyncGenerator<RawImage> {
  const resize = { mode: "stretch", width: size, height: size, kernel: "linear" } as const;
  const preparer = new FramePreparer({ region: null, rotation: 0, resize });
  for (const file of files) yield preparer.prepare(await decodeImageFile(file));
}

function writeBackbone(models: string, { manifest, model }: QuantisedBackbone): BackboneFiles {
  const folder = join(models, manifest.name);
  makeOutputFolder(folder);
  replaceFile(folder, manifest.file, model);
  replaceFile(folder, "manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  return { manifest, model, manifestPath: join(folder, "manifest.json"), modelPath: join(folder, manifest.file) };
}
