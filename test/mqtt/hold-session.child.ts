import { systemClock } from "../../src/shared/system-clock.ts";
import { brokerConfig, makeSession } from "./fixtures.ts";

/** Holds a session on the broker whose URL is given until it is killed. */
const session = makeSession(brokerConfig(process.argv[2] ?? ""), { clock: systemClock });
session.setPlcState("3");
session.start();
