/** A state without what differs from run to run, so that two engines can be compared by it field by field. */
import type { RawDeployment } from "./observe.ts";

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const times = new Set(["created", "modified"]);

/** @param folder The project's, which stands in paths. */
export function comparable(deployment: RawDeployment, folder: string): unknown {
  const { resources = [], pending_operations: pending = [] } = deployment;
  const text = JSON.stringify({ resources, pending }, (key, value: unknown) => {
    if (times.has(key)) return "<time>";
    return key === "ciphertext" ? "<ciphertext>" : value;
  });
  const common = JSON.parse(text.replaceAll(folder, "<folder>").replaceAll(uuid, "<uuid>")) as {
    resources: { urn: string; delete?: boolean }[];
  };
  // of resources that do not depend on each other, either may come first
  const key = ({ urn, delete: condemned }: { urn: string; delete?: boolean }) => `${urn} ${condemned === true}`;
  common.resources.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return common;
}
