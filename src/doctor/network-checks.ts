import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { reasonOf } from "../shared/errors.ts";
import type { Findings } from "./finding.ts";

/** Bytes of a socket's receive buffer below which large frames of a GigE camera are lost in silence. */
const LEAST_RECEIVE_BUFFER = 4 * 1024 * 1024;
/** Bytes of a jumbo frame; with 1500 a camera needs six times the packets. */
const JUMBO_MTU = 8_000;
/** Nothing is sent to it: a UDP socket's connect only asks for the route. */
const ANY_PORT = 9;

export interface KernelFolders {
  readonly proc: string;
  readonly sys: string;
}

const KERNEL: KernelFolders = { proc: "/proc", sys: "/sys" };

/** How the kernel is set for a GigE Vision camera. @param camera its IP address, name or serial number */
export async function checkGigE(findings: Findings, camera: string, kernel: KernelFolders = KERNEL): Promise<void> {
  const bytes = Number(readFileSync(join(kernel.proc, "sys/net/core/rmem_default"), "utf8"));
  const found = `net.core.rmem_default is ${bytes} bytes`;
  if (bytes >= LEAST_RECEIVE_BUFFER) findings.ok("rmem", found);
  else {
    const remedy = `sysctl -w net.core.rmem_default=${LEAST_RECEIVE_BUFFER} net.core.rmem_max=${LEAST_RECEIVE_BUFFER}, and keep it in /etc/sysctl.d`;
    findings.warn("rmem", `${found}: large frames may be lost in silence`, remedy);
  }
  if (isIP(camera) === 0) {
    findings.warn(
      "mtu",
      `not looked at: camera.device, ${camera}, is no address`,
      "give the camera's IP address as camera.device",
    );
    return;
  }
  await checkMtu(findings, camera, kernel);
}

async function checkMtu(findings: Findings, camera: string, kernel: KernelFolders): Promise<void> {
  try {
    const name = await interfaceTo(camera);
    const mtu = Number(readFileSync(join(kernel.sys, "class/net", name, "mtu"), "utf8"));
    const found = `${name}, the interface towards ${camera}, has an MTU of ${mtu}`;
    if (mtu >= JUMBO_MTU) findings.ok("mtu", found);
    else {
      const remedy = `ip link set ${name} mtu 9000, where camera and switch take jumbo frames; else lower the camera's packet size and rate`;
      findings.warn("mtu", `${found}, no jumbo frames`, remedy);
    }
  } catch (error) {
    findings.fail(
      "mtu",
      `no interface leads to ${camera}: ${reasonOf(error)}`,
      "check the cable, and give the interface an address of the camera's network",
    );
  }
}

/** @throws Error when no route leads there */
async function interfaceTo(address: string): Promise<string> {
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  try {
    socket.connect(ANY_PORT, address);
    await once(socket, "connect");
    const local = socket.address().address;
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      if (addresses?.some((one) => one.address === local) === true) return name;
    }
    throw new Error(`no interface has the address ${local}`);
  } finally {
    socket.close();
  }
}
