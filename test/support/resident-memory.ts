import { readFile } from "node:fs/promises";

/** Resident memory of a process by what it belongs to, MiB. */
export interface Resident {
  readonly total: number;
  /** glibc's first arena, that of the main thread: what malloc gives out in small pieces. */
  readonly mainArena: number;
  /** glibc's arenas of further threads, each in a region of 64 MiB. */
  readonly threadArenas: number;
  /** How many of them there are. */
  readonly threadArenaCount: number;
  /** V8's heap, large pieces that malloc mapped one by one, and threads' stacks. */
  readonly otherAnonymous: number;
  /** Libraries and other files. */
  readonly files: number;
}

/** HEAP_MAX_SIZE of glibc on 64 bits: an arena of a thread begins at a multiple of it. */
const ARENA_BYTES = 64 * 2 ** 20;
const HEAD = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+) *(.*)$/;

/** @returns null when there is no such process */
export async function residentOf(pid: number): Promise<Resident | null> {
  const text = await readFile(`/proc/${pid}/smaps`, "latin1").catch(() => "");
  return text === "" ? null : residentFrom(text);
}

/** @param smaps as in proc_pid_smaps(5) */
export function residentFrom(smaps: string): Resident {
  const mappings = mappingsOf(smaps);
  const arenas = arenasOf(mappings);
  const mib = { mainArena: 0, threadArenas: 0, otherAnonymous: 0, files: 0 };
  for (const { begin, name, inode, rssMib } of mappings) {
    const isInArena = arenas.some((arena) => begin >= arena && begin < arena + ARENA_BYTES);
    if (name === "[heap]") mib.mainArena += rssMib;
    else if (isInArena) mib.threadArenas += rssMib;
    else if (inode === "0") mib.otherAnonymous += rssMib;
    else mib.files += rssMib;
  }
  const total = mib.mainArena + mib.threadArenas + mib.otherAnonymous + mib.files;
  return { total, ...mib, threadArenaCount: arenas.length };
}

interface Mapping {
  readonly begin: number;
  readonly end: number;
  readonly rights: string;
  readonly inode: string;
  /** Empty for anonymous memory. */
  readonly name: string;
  rssMib: number;
}

function mappingsOf(smaps: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of smaps.split("\n")) {
    const [, begin = "", end = "", rights = "", inode = "", name = ""] = HEAD.exec(line) ?? [];
    if (begin !== "") {
      mappings.push({ begin: parseInt(begin, 16), end: parseInt(end, 16), rights, inode, name, rssMib: 0 });
      continue;
    }
    const kib = /^Rss: +(\d+) kB$/.exec(line)?.[1];
    const last = mappings.at(-1);
    if (kib !== undefined && last !== undefined) last.rssMib = Number(kib) / 1_024;
  }
  return mappings;
}

/**
 * @returns where the regions of threads' arenas begin: writable from a multiple of 64 MiB on, and the rest up to the next one
 *   in a single mapping without any rights. What begins there by chance goes on differently.
 */
function arenasOf(mappings: readonly Mapping[]): number[] {
  return mappings.flatMap((first, i) => {
    if (first.begin % ARENA_BYTES !== 0) return [];
    const regionEnd = first.begin + ARENA_BYTES;
    let end = first.begin;
    for (const { begin, end: nextEnd, rights, name } of mappings.slice(i)) {
      if (begin !== end || name !== "") return [];
      if (rights === "---p") return nextEnd >= regionEnd && end > first.begin ? [first.begin] : [];
      if (rights !== "rw-p" || nextEnd > regionEnd) return [];
      end = nextEnd;
      if (end === regionEnd) return [first.begin];
    }
    return [];
  });
}
