#!/usr/bin/env node
/**
 * Compiles src/kernels/*.ts, which are AssemblyScript, to WebAssembly and writes each as text into the room that runs it,
 * so that neither the program nor its package needs a compiler:
 *
 *     npm run kernels            writes them
 *     node .ci/kernels.mjs --check   exit code 1 when what is written is not what the sources give
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import asc from "assemblyscript/asc";

const ROOT = resolve(import.meta.dirname, "..");
const KERNELS = [
  { source: "src/kernels/rerank.ts", target: "src/search/rerank-kernel.ts", name: "RERANK_KERNEL" },
  { source: "src/kernels/resample.ts", target: "src/backbone/resample-kernel.ts", name: "RESAMPLE_KERNEL" },
];
const OPTIONS = ["-O3", "--enable", "simd", "--runtime", "stub", "--noAssert", "--importMemory"];

const isCheck = process.argv.includes("--check");
for (const { source, target, name } of KERNELS) {
  const bytes = await compiled(source);
  const text = `/** WebAssembly of ${source}, in base64: \`npm run kernels\` writes it. */\nexport const ${name} =\n  "${Buffer.from(bytes).toString("base64")}";\n`;
  const path = join(ROOT, target);
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`Expected ${target} to be what ${source} compiles to but it is not; run \`npm run kernels\``);
    process.exitCode = 1;
  }
}

/** @returns the module's bytes */
async function compiled(source) {
  let bytes;
  const { error, stderr } = await asc.main([source, "--outFile", "kernel.wasm", ...OPTIONS], {
    readFile: (name) => {
      try {
        return readFileSync(join(ROOT, name), "utf8");
      } catch {
        // Where it looks for a file that is not there it goes on looking elsewhere.
        return null;
      }
    },
    writeFile: (name, data) => {
      if (name === "kernel.wasm") bytes = data;
    },
    listFiles: () => [],
  });
  if (error !== null) throw new Error(`${source} does not compile: ${stderr.toString()}`, { cause: error });
  return bytes;
}
