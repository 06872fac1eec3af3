import { command, type GroupSpec } from "../command-line/command-spec.ts";

export const BANK_SHOW = command({
  name: "bank show",
  summary: "what the bank is and what its thresholds stand for",
  usage: ["BANK [--json]"],
  about: "What the bank is, and what its thresholds stand for.",
  options: { json: { help: "its manifest" } },
  operand: "BANK",
});

export const BANK_THRESHOLD = command({
  name: "bank threshold",
  summary: "gives the bank other thresholds without refitting: its rows stay, its id changes",
  usage: ["BANK --frr R | --score X [--mask Y] [--out BANK2]"],
  about: "Gives the bank other thresholds without refitting: its rows stay, its id changes.",
  options: {
    frr: { value: "R", help: "for this false-reject rate, from the nominal images' scores that the bank holds" },
    score: { value: "X", help: "this image threshold" },
    mask: { value: "Y", help: "beside --score: this mask threshold, default: as it is" },
    out: { value: "FILE", help: "write the changed bank there, default: in BANK's place" },
  },
  operand: "BANK",
});

export const BANK: GroupSpec = {
  name: "bank",
  summary: "a bank's threshold without refitting",
  commands: [BANK_SHOW, BANK_THRESHOLD],
};
