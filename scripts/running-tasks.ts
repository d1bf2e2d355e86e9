// What `npm run down` waits for: a worker lets its tasks end for a while before it hands them back.
import { readFileSync } from "node:fs";
import path from "node:path";
import { CliConfig } from "../contracts/cli-config.ts";
import { TaskList } from "../contracts/http-api.ts";
import { AUTOMATOS_DIR, say } from "./dev-stack.ts";

/** Tasks that run now; none where the platform does not answer, as it then has no worker that lets them end either. */
async function countRunningTasks(): Promise<number> {
  const PATIENCE_MS = 2_000;
  try {
    const { apiUrl, token } = CliConfig.parse(JSON.parse(readFileSync(path.join(AUTOMATOS_DIR, "cli.json"), "utf8")));
    const response = await fetch(`${apiUrl}/api/tasks?status=running&limit=100`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return TaskList.parse(await response.json()).items.length;
  } catch {
    return 0;
  }
}

/** Says that stopping takes longer, and why, where tasks run. */
export async function sayWhatIsWaitedFor(): Promise<void> {
  const count = await countRunningTasks();
  if (count === 0) return;
  const tasks = count === 1 ? "1 task is" : `${count} tasks are`;
  say(
    `${tasks} running: waiting for the end, up to half a minute. What runs longer is stopped, and the next \`npm start\` ` +
      "begins it again.",
  );
}
