import { NominalError } from "../shared/errors.ts";
import type { ReasonName } from "../station/reasons.ts";

/** Which NO_VERDICT a failed scoring means. */
export function reasonFor(error: unknown): ReasonName {
  if (!(error instanceof NominalError)) return "inference-fault";
  switch (error.code) {
    case "frame-unreadable":
    case "frame-dark":
    case "frame-saturated":
    case "frame-blurred":
    case "no-part":
      return error.code;
    case "region-outside":
      return "frame-unreadable";
    case "score-overrun":
      return "overrun";
    case "request-deadline":
    case "inference-lost":
    case "inference-closed":
      return "inference-lost";
    default:
      return "inference-fault";
  }
}
