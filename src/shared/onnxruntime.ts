import type * as onnxruntime from "onnxruntime-node";
import { isMainThread } from "node:worker_threads";
import { BugError } from "./errors.ts";

export type OnnxRuntime = typeof onnxruntime;

/**
 * The only way to ONNX Runtime. Its Linux build sends telemetry and writes files below the home folder unless
 * ORT_DISABLE_TELEMETRY is in the environment before its library is loaded, so the variable is set first and the
 * module is imported afterwards: a static import anywhere would run before it.
 *
 * NVIDIA's libraries, where a GPU is used, multiply in TF32 (10 bits of mantissa) unless they are told not to: patch
 * embeddings then differ by 2e-3 of the largest value from those of a CPU, on which the bank was fitted, instead of 2e-6
 * (H200, four backbones; image scores 5e-4 and 4e-7 relative).
 *
 * @throws BugError in a worker thread, whose `process.env` is a copy that the native library does not see
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  if (!isMainThread) {
    throw new BugError("onnxruntime-in-worker", "Expected ONNX Runtime to be loaded by the main thread of a process");
  }
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
  process.env["NVIDIA_TF32_OVERRIDE"] = "0";
  return await import("onnxruntime-node");
}
