/** A stack's resources as a tree of parents and children. */
import type { ResourceJson } from "../../backend/resource-json.ts";

interface Node {
  readonly resource: ResourceJson;
  readonly children: Node[];
}

/** Rows of type and name, in tree order, indented by lines. */
export function resourceRows(
  resources: readonly ResourceJson[],
  options: { readonly showUrns?: boolean; readonly showIds?: boolean },
): string[][] {
  const nodes = new Map<unknown, Node>();
  const roots: Node[] = [];
  for (const resource of resources) {
    const node = { resource, children: [] };
    nodes.set(resource.urn, node);
    (nodes.get(resource["parent"])?.children ?? roots).push(node);
  }
  const rows: string[][] = [];
  const add = (node: Node, lead: string, branch: string): void => {
    const { urn, type, id } = node.resource;
    rows.push([`${lead}${branch}${type}`, urn.split("::").at(-1) ?? ""]);
    const below = lead + (branch === "" ? "" : branch === "└─ " ? "   " : "│  ");
    if (options.showUrns) rows.push([`${below}   URN: ${urn}`, ""]);
    if (options.showIds && typeof id === "string") rows.push([`${below}   ID: ${id}`, ""]);
    node.children.forEach((child, index) => add(child, below, index === node.children.length - 1 ? "└─ " : "├─ "));
  };
  for (const root of roots) add(root, "", "");
  return rows;
}
