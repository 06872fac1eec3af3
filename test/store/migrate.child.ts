import { Database } from "../../src/store/database.ts";
import { THREE_VERSIONS } from "./versions.ts";

/** Opens FILE and migrates it; dies as by a power cut after the given number of steps. Prints the steps. */
const [file = "", most = ""] = process.argv.slice(2);
let steps = 0;
const database = new Database(file, () => 1, {
  migrations: THREE_VERSIONS,
  onStep: (step) => {
    steps++;
    process.stdout.write(`${step}\n`);
    if (steps === Number(most)) process.kill(process.pid, "SIGKILL");
  },
});
database.open(["line1/st1"]);
database.close();
