import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isCredential } from "../config/rule.ts";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import type { CaptureSource } from "./protocol.ts";

export interface CameraLogin {
  readonly username: string;
  readonly password: string;
}

/**
 * Reads the login of a camera at each start of its pipeline, so that a changed password needs no restart. It goes to the
 * element as properties: a launch string is logged and published.
 *
 * @param credentialsFolder systemd's $CREDENTIALS_DIRECTORY; absent without one
 * @returns null for a source without a login
 * @throws DeviceError "camera-credential-file" when the file cannot be read
 */
export function cameraLogin(source: CaptureSource, credentialsFolder: string | undefined): CameraLogin | null {
  if (source.kind !== "rtsp" || source.username === null) return null;
  const { username, passwordFile } = source;
  if (passwordFile === null) return { username, password: "" };
  const file = pathOf(passwordFile, credentialsFolder);
  try {
    // Editors end a file with a newline, which no password means.
    return { username, password: readFileSync(file, "utf8").replace(/\r?\n$/, "") };
  } catch (cause) {
    const message = `Expected a readable file for camera.passwordFile but received ${file}: ${reasonOf(cause)}`;
    throw new DeviceError("camera-credential-file", message, { cause });
  }
}

function pathOf(path: string, credentialsFolder: string | undefined): string {
  if (!isCredential(path)) return path;
  if (credentialsFolder !== undefined) return join(credentialsFolder, path.slice(path.indexOf(":") + 1));
  throw new DeviceError(
    "camera-credential-file",
    `Expected systemd's $CREDENTIALS_DIRECTORY for camera.passwordFile, ${path}, but it is not set`,
  );
}
