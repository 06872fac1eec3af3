import { command } from "../command-line/command-spec.ts";
import { IMAGE_THRESHOLD, INDEX, MODELS, THREADS } from "./common.ts";

export const SCORE = command({
  name: "score",
  summary: "score images",
  usage: ["--bank BANK [options] FILE…"],
  about:
    'Scores image files against a memory bank; one JSON object a line on stdout: {"file", "score", "threshold", "verdict", "ms", "verifiedPatches"}. ' +
    'A file that cannot be scored gives {"file", "error"} and exit code 4. Verified are the patches that were compared with every row of the bank, ' +
    "so that the score is exact.",
  options: {
    bank: { value: "BANK", help: "the memory bank that nominald fit wrote" },
    overlay: {
      value: "DIR",
      help: "write overlay and mask of the Nth FILE into DIR as N-name.overlay.jpg, N-name.mask.png",
    },
    threshold: IMAGE_THRESHOLD,
    index: INDEX,
    input: { value: "WxH", help: "another size of the network's input than the bank's; give a threshold with it" },
    models: MODELS,
    threads: THREADS,
  },
  operand: "FILE",
});
