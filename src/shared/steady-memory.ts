/** Pieces from here on go back to the system when they are freed, and so does what is free at the end of the arena, bytes. */
const LARGE = "1048576";
/**
 * Settings of glibc's allocator (mallopt(3)) for a process that lives for months. By itself it gives the threads up to eight
 * arenas a processor, and each keeps what it once needed, though nearly all of it is free: memory rises in steps for as long
 * as some thread needs more than ever before. In one arena the next thread takes what the last one freed. The limit of what
 * goes back at once rises by itself to the largest piece that was ever freed, up to 32 MiB, unless it is set. Other C
 * libraries ignore the variables. Measured in src/adr/0083.
 */
const ALLOCATOR: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: LARGE,
  MALLOC_TRIM_THRESHOLD_: LARGE,
};

/**
 * @param environment of this process; what it says of the allocator holds
 * @returns variables for the environment of a child that lives for months; the service's unit has the same for the daemon
 */
export function steadyMemory(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(ALLOCATOR).filter(([name]) => environment[name] === undefined));
}
