import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface V4l2Device {
  /** `/dev/video0` */
  readonly device: string;
  /** As its driver calls it. */
  readonly name: string;
}

/**
 * Video devices that the kernel knows. A camera often has further devices for metadata: `index` above 0 in sysfs, left out.
 *
 * @param sys where sysfs is mounted, `/sys`
 * @param dev `/dev`
 * @returns in the order of their numbers
 */
export async function v4l2Devices(sys: string, dev: string): Promise<V4l2Device[]> {
  const folder = join(sys, "class/video4linux");
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    // Without any video driver the class is not there.
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const videos = names.filter((name) => /^video\d+$/.test(name));
  videos.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  const devices: V4l2Device[] = [];
  for (const video of videos) {
    const text = async (file: string): Promise<string> => (await readFile(join(folder, video, file), "utf8")).trim();
    if (Number(await text("index")) === 0) devices.push({ device: join(dev, video), name: await text("name") });
  }
  return devices;
}
