// One `npm start` or `npm run down` at a time: the whole of it, not only what pulumi's own lock covers.
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { withFileLock } from "../components/local/file-lock.ts";
import { AUTOMATOS_DIR, say } from "./dev-stack.ts";

const LOCK = path.join(AUTOMATOS_DIR, "start.lock");

/** Runs `work` once no other script has the dev stack in hand. Waits as long as that takes, and says for whom. */
export async function alone(work: () => Promise<void>): Promise<void> {
  mkdirSync(AUTOMATOS_DIR, { recursive: true }); // with the usual rights: the database's own user passes through it
  await withFileLock(
    LOCK,
    async () => {
      const release = () => rmSync(LOCK, { force: true });
      process.once("exit", release); // an interrupted script does not come to the end of its work
      await work();
      process.off("exit", release);
    },
    Infinity,
    ({ pid }) => say(`another \`npm start\` or \`npm run down\` (process ${pid}) is at work; waiting for it`),
  );
}
