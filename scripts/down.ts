// `npm run down`: destroys the dev stack. Databases and workspaces stay for the next `npm start`; `npm run down -- --data`
// removes them too. Works as well when the stack's state is lost and only processes are left.
import { rmSync } from "node:fs";
import path from "node:path";
import { endAllDaemons } from "../components/local/daemon-resource.ts";
import { AUTOMATOS_DIR, main, pulumi, ROOT, say, ScriptError, STACK, stackExists } from "./dev-stack.ts";
import { clearLocks } from "./leftovers.ts";
import { sayWhatIsWaitedFor } from "./running-tasks.ts";
import { alone } from "./start-lock.ts";

/** What belongs to a running platform. */
const STATE = ["run", "cli.json", "first-workspace.token", "first-task"];
/** What people made with it. */
const DATA = ["postgres", "workspaces", "keys", "logs"];

function remove(names: readonly string[]): void {
  for (const name of names) rmSync(path.join(AUTOMATOS_DIR, name), { recursive: true, force: true });
}

async function destroyStack(): Promise<void> {
  if (!(await stackExists())) {
    say(`There is no stack ${STACK}.`);
    return;
  }
  await sayWhatIsWaitedFor();
  const destroyed = await pulumi("destroy", "--stack", STACK, "--yes", "--skip-preview");
  // Pulumi.dev.yaml is part of the project: without --preserve-config it would go with the stack
  const removed = destroyed === 0 ? await pulumi("stack", "rm", STACK, "--yes", "--preserve-config") : destroyed;
  if (removed !== 0) throw new ScriptError(`the stack ${STACK} could not be destroyed; pulumi's own words are above`);
}

async function down(): Promise<void> {
  await clearLocks();
  const withData = process.argv.includes("--data");
  try {
    await destroyStack();
  } finally {
    const left = await endAllDaemons(ROOT);
    if (left.length > 0) say(`Stopped what the stack's state did not know of: ${left.join(", ")}.`);
  }
  remove(withData ? [...STATE, ...DATA] : STATE);
  say(
    withData
      ? "Everything is stopped, and its data are removed."
      : "Everything is stopped. Kept for the next `npm start`: .automatos/postgres, .automatos/workspaces, .automatos/keys, .automatos/logs " +
          "(`npm run down -- --data` removes them).",
  );
}

await main("npm run down", () => alone(down));
