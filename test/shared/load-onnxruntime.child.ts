import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";

// The value at the moment when the native library is opened is the one that counts.
const open = process.dlopen.bind(process);
const seen: unknown[] = [];
process.dlopen = (...args: Parameters<typeof open>) => {
  if (args[1].includes("onnxruntime")) {
    const { ORT_DISABLE_TELEMETRY: telemetry, NVIDIA_TF32_OVERRIDE: tf32 } = process.env;
    seen.push({ telemetry, tf32 });
  }
  open(...args);
};
const runtime = await loadOnnxRuntime();
const hasCpu = runtime.listSupportedBackends().some((one) => one.name === "cpu");
process.stdout.write(JSON.stringify({ seen, hasCpu }));
