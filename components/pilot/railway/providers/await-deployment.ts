import { oneLine, RailwayError, RailwayNotFoundError } from "../client/errors.ts";
import { type Deployment, readDeployment, readLogs } from "../client/deployment-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";

interface Wish {
  readonly serviceName: string;
  readonly waitFor: "running" | "completed";
  readonly timeoutSeconds: number;
}

/** Statuses after which nothing comes of itself. */
const ENDED = new Set(["CRASHED", "FAILED", "NEEDS_APPROVAL", "REMOVED", "REMOVING", "SKIPPED"]);
const TAIL_LINES = 20;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

export function isAsWished(
  { status, deploymentStopped }: Pick<Deployment, "status" | "deploymentStopped">,
  waitFor: Wish["waitFor"],
): boolean {
  if (waitFor === "completed") return status === "SUCCESS" && deploymentStopped;
  return status === "SLEEPING" || (status === "SUCCESS" && !deploymentStopped);
}

/**
 * Waits until a deployment runs, or has done its work.
 *
 * @throws RailwayError with the last lines of its logs when it failed, and when its time is over.
 */
export async function awaitDeployment(client: RailwayClient, id: string, wish: Wish): Promise<Deployment> {
  const deadline = client.clock.now() + wish.timeoutSeconds * 1_000;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 1.5)) {
    const now = await look(client, id);
    if (now !== undefined && isAsWished(now, wish.waitFor)) return now;
    const hasEnded =
      now !== undefined && (ENDED.has(now.status) || (now.status === "SUCCESS" && now.deploymentStopped));
    if (hasEnded)
      throw await failed(client, now, wish, `ended as ${now.status}${now.deploymentStopped ? ", stopped" : ""}`);
    if (client.clock.now() >= deadline) {
      throw await failed(
        client,
        now ?? { id },
        wish,
        `is ${now?.status ?? "not listed"} after ${wish.timeoutSeconds} seconds`,
      );
    }
    await client.clock.sleep(wait);
  }
}

/** Undefined: it was made a moment ago, and is not listed yet. */
async function look(client: RailwayClient, id: string): Promise<Deployment | undefined> {
  try {
    return (await client.call(readDeployment, { id })).deployment;
  } catch (error) {
    if (error instanceof RailwayNotFoundError) return undefined;
    throw error;
  }
}

async function failed(
  client: RailwayClient,
  { id }: { readonly id: string },
  { serviceName }: Wish,
  what: string,
): Promise<RailwayError> {
  const remedy =
    what.includes("REMOVED") || what.includes("REMOVING")
      ? "Another deployment took its place: run the same command again."
      : "Mend what its log says, and run the same command again; the whole log is in Railway's dashboard.";
  const tail = await logTail(client, id);
  return new RailwayError("RAILWAY_DEPLOY_FAILED", `deployment ${id} of ${serviceName} ${what}${tail}`, remedy);
}

/** The last lines of both logs. Logs that cannot be read hide no failure. */
async function logTail(client: RailwayClient, id: string): Promise<string> {
  try {
    const { buildLogs, deploymentLogs } = await client.call(readLogs, { id, limit: TAIL_LINES });
    const part = (title: string, lines: readonly { readonly message: string }[]) =>
      lines.length === 0
        ? ""
        : `\n  ${title}:\n${lines
            .slice(-TAIL_LINES)
            .map(({ message }) => `    ${oneLine(message)}`)
            .join("\n")}\n`;
    return part("last lines of the build", buildLogs) + part("last lines of the service", deploymentLogs);
  } catch {
    return "; its log could not be read";
  }
}
