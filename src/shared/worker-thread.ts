import { Worker } from "node:worker_threads";

/**
 * Starts a thread on one of our own files.
 *
 * @param name the file's name without its extension, beside the file of `from`
 * @param from the caller's `import.meta.url`
 */
export function startThread(name: string, from: string): Worker {
  if (!from.endsWith(".ts")) return new Worker(new URL(`./${name}.js`, from));
  // Run from the sources: the loader that the process was started with does not reach into threads (Node 20).
  const loader = import.meta.resolve("tsx/esm/api");
  const entry = new URL(`./${name}.ts`, from).href;
  const load = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(load, { eval: true, execArgv: [] });
}
