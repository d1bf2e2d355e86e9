/** What the cluster's components say has gone wrong. */
import type { Cluster } from "../cluster/cluster.ts";
import { namespaceOf, number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** A crashing pod says the same again and again; the newest are the most telling. */
const MOST_EVENTS = 5;

/** Warnings about the objects, the newest first, as `[Reason] message`. Empty when they cannot be read. */
export async function eventsOf(cluster: Cluster, objects: readonly Manifest[]): Promise<string[]> {
  const uids = new Set(objects.map((object) => text(object, "metadata", "uid")).filter((uid) => uid !== ""));
  const [first] = objects;
  if (first === undefined) return [];
  const scope = { apiVersion: "v1", kind: "Event", namespace: namespaceOf(first) || "default" };
  const events = await cluster.list(scope, "type=Warning").catch(() => []);
  return events
    .filter((event) => uids.has(text(event, "involvedObject", "uid")))
    .sort((one, other) => timeOf(other).localeCompare(timeOf(one)))
    .slice(0, MOST_EVENTS)
    .map((event) => {
      const times = number(event, "count") ?? 1;
      return `[${text(event, "reason")}] ${text(event, "message").trim()}${times > 1 ? ` (${times} times)` : ""}`;
    });
}

function timeOf(event: Manifest): string {
  return text(event, "lastTimestamp") || text(event, "eventTime") || text(event, "metadata", "creationTimestamp");
}
