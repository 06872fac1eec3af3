/** Where a process sent something, or asked to be connected. */
export interface Destination {
  /** The thread that asked. */
  readonly pid: number;
  readonly family: string;
  /** `address:port`, or the path of a Unix socket. */
  readonly address: string;
}

/** Calls that name a peer. */
const CALLS = "connect,sendto,sendmsg,sendmmsg";

/**
 * Puts a command under strace(1), every thread and child of it, without a change of its process id. Only the traced
 * calls stop a thread (seccomp), so that it is nearly as quick as without.
 */
export function tracing(file: string): readonly string[] {
  return ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-o", file, "-e", `trace=${CALLS}`, "--"];
}

/** A call, also one that another thread's interrupted in the text. */
const CALL = /^(\d+) +(?:<\.\.\. )?(?:connect|sendto|sendmsg|sendmmsg)\b/;
const PEER = /\{sa_family=(AF_\w+)(.*?)\}/g;

/** @returns every peer that a call named; netlink, the kernel's own, is no peer */
export function destinationsOf(trace: string): readonly Destination[] {
  return trace.split("\n").flatMap((line) => {
    const pid = Number(CALL.exec(line)?.[1]);
    if (Number.isNaN(pid)) return [];
    return [...line.matchAll(PEER)].flatMap(([, family = "", rest = ""]) =>
      family === "AF_NETLINK" ? [] : [{ pid, family, address: addressOf(family, rest) }],
    );
  });
}

/** @returns ids of all threads and processes that were traced to their end */
export function tracedThreads(trace: string): ReadonlySet<number> {
  return new Set([...trace.matchAll(/^(\d+) +\+\+\+ /gm)].map(([, pid]) => Number(pid)));
}

function addressOf(family: string, rest: string): string {
  if (family === "AF_UNIX") return /sun_path=(@?"[^"]*")/.exec(rest)?.[1] ?? rest;
  const port = /sin6?_port=htons\((\d+)\)/.exec(rest)?.[1] ?? "?";
  const address = /inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"/.exec(rest);
  return `${address?.[1] ?? address?.[2] ?? rest}:${port}`;
}
