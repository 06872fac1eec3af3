import type { FileHandle } from "node:fs/promises";
import { DeviceError } from "../shared/errors.ts";

const FLOAT_BYTES = 4;

/** Values start at `at`, counted in float32. @throws DeviceError "embeddings-read" when the file ends before */
export async function readFloats(file: FileHandle, at: number, into: Float32Array): Promise<void> {
  const bytes = bytesOf(into);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, at * FLOAT_BYTES + done);
    if (bytesRead === 0) {
      const expected = `${bytes.length} bytes at ${at * FLOAT_BYTES} of the embeddings' file`;
      throw new DeviceError("embeddings-read", `Expected ${expected} but received ${done}`);
    }
    done += bytesRead;
  }
}

/** Writes values at `at`, counted in float32. @throws the system's error */
export async function writeFloats(file: FileHandle, at: number, values: Float32Array): Promise<void> {
  const bytes = bytesOf(values);
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at * FLOAT_BYTES + done)).bytesWritten;
  }
}

/** The memory of the values as it is: every machine that nominald runs on is little-endian. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
