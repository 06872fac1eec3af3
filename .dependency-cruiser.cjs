/**
 * Who may know whom, checked by `npm run deps` on what the sources say, types included. Every rule carries its reason.
 * What the daemon process loads when it runs is checked apart, in .dependency-cruiser.daemon.cjs.
 */

/** The rooms of src/ by level: a room may know the levels before its own, and on its own level only itself. */
const LEVELS = [
  ["shared"],
  ["patchcore", "station", "config"],
  ["bank", "backbone", "search", "store", "capture", "mqtt", "ops"],
  ["inference", "fit", "page", "metrics"],
  // Above both: it fits banks and scores frames with them, and no daemon needs it (ADR 0021).
  ["evaluation"],
  ["daemon"],
  // It tries, one at a time, what the daemon composes, with the daemon's own settings; only a subcommand starts it.
  ["doctor"],
  ["cli"],
];

/** What a neighbour may be used for all the same. */
const NEIGHBOUR_EXCEPTIONS = {
  // The indexes take the bank's rows and quantiser as the manifest describes them.
  search: "^src/bank/",
};

const inRooms = (rooms) => `^src/(${rooms.join("|")})/`;

/** One rule a room, so that a failure names the room that reached too far. */
function roomRules() {
  return LEVELS.flatMap((rooms, level) =>
    rooms.map((room) => {
      const forbidden = LEVELS.slice(level)
        .flat()
        .filter((other) => other !== room);
      const exception = NEIGHBOUR_EXCEPTIONS[room];
      return {
        name: `${room}-knows-lower-rooms-only`,
        comment:
          "A room knows the rooms below it: what is below can be read, tested and replaced without what is above, and " +
          "rooms side by side meet in the one that composes them.",
        severity: "error",
        from: { path: inRooms([room]) },
        to: {
          path: [...(forbidden.length > 0 ? [inRooms(forbidden)] : []), "^src/main\\.ts$"],
          ...(exception === undefined ? {} : { pathNot: exception }),
        },
      };
    }),
  );
}

const SHARED_PURE = "^src/shared/(errors|clock|image)\\.ts$";

module.exports = {
  forbidden: [
    ...roomRules(),
    {
      name: "search-takes-only-types-from-bank",
      comment:
        "search knows the form of a bank, not how it is stored: only types cross this one border between neighbours.",
      severity: "error",
      from: { path: "^src/search/" },
      to: { path: "^src/bank/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "every-room-has-a-level",
      comment: "A new folder in src/ gets its place in LEVELS first; without one, no rule would watch it.",
      severity: "error",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: inRooms(LEVELS.flat()) },
    },
    {
      name: "pure-rooms-stay-pure",
      comment:
        "patchcore and station are computed on numbers and events alone: no I/O, time or randomness of their own, no package. " +
        "So the same input gives the same verdict anywhere, in a test as on a line.",
      severity: "error",
      from: { path: "^src/(patchcore|station)/" },
      to: { pathNot: ["^src/(patchcore|station)/", SHARED_PURE] },
    },
    {
      name: "pure-shared-files-stay-pure",
      comment: "What the pure rooms stand on must be as pure as they are.",
      severity: "error",
      from: { path: SHARED_PURE },
      to: { pathNot: SHARED_PURE },
    },
    {
      name: "no-circular",
      comment:
        "Two files that need each other are one idea in two places, and their order of loading becomes an accident.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "children-are-spawned",
      comment:
        "A .child.ts file is the start of a process of its own; importing it would run that process inside another.",
      severity: "error",
      from: {},
      to: { path: "\\.child\\.ts$" },
    },
    {
      name: "gstreamer-lives-in-capture",
      comment:
        "The binding blocks, leaks and can crash: one room knows how to live with that, in a process that may be ended.",
      severity: "error",
      from: { pathNot: "^src/capture/" },
      to: { path: "node_modules/gstreamer-superficial|^gstreamer-superficial" },
    },
    {
      name: "require-lives-in-capture",
      comment:
        "What createRequire() loads, these rules cannot see. Only the GStreamer binding needs it, whose entry is a .node " +
        "file that Node 20 cannot import.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/capture/" },
      to: { path: "^(node:)?module$" },
    },
    {
      name: "prom-client-lives-in-metrics",
      comment:
        "What is exported, and by which name, stands in one table; the others count and tell, and know no format.",
      severity: "error",
      from: { pathNot: "^src/metrics/" },
      to: { path: "(^|node_modules/)prom-client(/|$)" },
    },
    {
      name: "usearch-lives-in-search",
      comment: "It loses vectors with threads and dies of damaged files: one room checks before it calls.",
      severity: "error",
      from: { pathNot: "^src/search/" },
      to: { path: "node_modules/usearch|^usearch" },
    },
    {
      name: "onnxruntime-comes-through-one-door",
      comment:
        "It sends telemetry unless a variable is set before it is loaded: one file sets it, then loads. Types are free.",
      severity: "error",
      from: { pathNot: "^src/shared/onnxruntime\\.ts$" },
      to: { path: "(^|node_modules/)onnxruntime-node(/|$)", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "src-never-knows-tests",
      comment: "What ships must run without what tests it.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|\\.ci)/" },
    },
    {
      name: "no-development-package",
      comment:
        "An installation leaves development packages out: what src imports at run time must be in `dependencies`.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "everything-resolves",
      comment: "An import that leads nowhere ends the program when it is reached.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    // Types count: a room that needs to know another's types knows that room.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json", ".node"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
