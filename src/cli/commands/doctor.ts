import { command } from "../command-line/command-spec.ts";
import { AREAS } from "../../doctor/areas.ts";

export const DOCTOR = command({
  name: "doctor",
  summary: "what is wrong with this device and what to do",
  usage: ["--config FILE [--only AREA]… [--json]"],
  about:
    "Looks at everything that a station needs and says, line by line, what is right, what is wrong and what to do. Exit code 0 when no line is " +
    "fail, 7 otherwise. A daemon that runs is not disturbed: what it holds is left to it. Without one, an empty message is published to each " +
    "topic of the stations, to see whether the broker lets them.",
  options: {
    config: { value: "FILE", help: "the daemon's configuration" },
    only: { value: "AREA", multiple: true, choices: AREAS, help: AREAS.join(", ") },
    json: { help: "one JSON document instead of lines" },
  },
  operand: null,
});
