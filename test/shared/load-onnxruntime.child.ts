import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";

// The value at the moment when the native library is opened is the one that counts.
const open = process.dlopen.bind(process);
const seen: (string | undefined)[] = [];
process.dlopen = (...args: Parameters<typeof open>) => {
  if (args[1].includes("onnxruntime")) seen.push(process.env["ORT_DISABLE_TELEMETRY"]);
  open(...args);
};
const runtime = await loadOnnxRuntime();
const hasCpu = runtime.listSupportedBackends().some((one) => one.name === "cpu");
process.stdout.write(JSON.stringify({ seen, hasCpu }));
