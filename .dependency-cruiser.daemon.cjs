/**
 * What the daemon process loads when it runs. Apart from .dependency-cruiser.cjs, because here types do not count: an
 * `import type` is gone at run time, and a child process is spawned, not imported.
 */
const { options } = require("./.dependency-cruiser.cjs");

module.exports = {
  forbidden: [
    {
      name: "daemon-loads-no-crash-prone-addon",
      comment:
        "The daemon answers the broker, systemd and the PLCs for months: code that blocks, leaks or crashes (GStreamer's " +
        "binding, ONNX Runtime, usearch, sharp) runs in children that it can end and start again. better-sqlite3 (in a " +
        "thread) and unix-dgram (systemd's notify socket, which Node has no datagrams for) are its own.",
      severity: "error",
      from: { path: "^src/(daemon/|cli/run\\.ts$)" },
      to: {
        path: "(^|node_modules/)(onnxruntime-node|usearch|sharp|gstreamer-superficial)(/|$)",
        reachable: true,
      },
    },
    {
      name: "daemon-requires-nothing",
      comment:
        "What createRequire() loads, the rule above cannot see: the file that uses it is for the capture child alone.",
      severity: "error",
      from: { path: "^src/(daemon/|cli/run\\.ts$)" },
      to: { path: "^(node:)?module$", reachable: true },
    },
    {
      name: "main-loads-subcommands-on-demand",
      comment:
        "`nominald run` must not load what `nominald fit` needs: main imports each subcommand when it is asked for. What it " +
        "may know of them is their definitions, which are data.",
      severity: "error",
      from: { path: "^src/main\\.ts$" },
      to: { path: "^src/", pathNot: "^src/(shared|cli/commands|cli/command-line)/", dynamic: false },
    },
    {
      name: "definitions-of-subcommands-load-nothing",
      comment: "`nominald --help` and `--version` load every definition: none may bring the subcommand along.",
      severity: "error",
      from: { path: "^src/cli/(commands|command-line)/" },
      to: { path: "^src/", pathNot: ["^src/(shared|cli/commands|cli/command-line)/", "^src/doctor/areas\\.ts$"] },
    },
  ],
  options: { ...options, tsPreCompilationDeps: false },
};
