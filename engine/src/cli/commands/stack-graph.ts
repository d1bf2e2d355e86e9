/** `pulumi stack graph`: what a stack holds and what depends on what, in the DOT language. */
import { writeFile } from "node:fs/promises";
import type { ResourceJson } from "../../backend/resource-json.ts";
import type { CommandContext } from "../context.ts";

export interface GraphOptions {
  readonly stack?: string;
  readonly ignoreParentEdges?: boolean;
  readonly ignoreDependencyEdges?: boolean;
  readonly dependencyEdgeColor: string;
  readonly parentEdgeColor: string;
  readonly shortNodeName?: boolean;
  readonly dotFragment?: string;
}

export async function graph(context: CommandContext, file: string, options: GraphOptions): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const { resources = [] } = await (await context.store()).read(stack);
  await writeFile(file, dot(resources, options));
  context.terminal.out(`Wrote stack dependency graph to \`${file}\`\n`);
}

/** A line leads from what is depended on to what depends on it, and from a child to its parent. */
export function dot(resources: readonly ResourceJson[], options: GraphOptions): string {
  // of several that have one URN, e.g. one that waits for its deletion, the last stands for all
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const urns = [...byUrn.keys()].sort();
  const ids = new Map(urns.map((urn, index) => [urn, `Resource${index}`]));
  const lines = urns.map((urn) => {
    const label = options.shortNodeName ? urn.split("::").slice(3).join("::") : urn;
    return `    ${ids.get(urn) ?? ""} [label="${escape(label)}"];\n`;
  });
  const edge = (from: string, to: string, color: string, label: string): void => {
    if (!ids.has(from) || !ids.has(to)) return;
    const attributes = [`color = "${escape(color)}"`, ...(label === "" ? [] : [`label = "${escape(label)}"`])];
    lines.push(`    ${ids.get(from) ?? ""} -> ${ids.get(to) ?? ""} [${attributes.join(", ")}];\n`);
  };
  for (const [urn, resource] of byUrn) {
    if (!options.ignoreDependencyEdges)
      for (const dependency of (resource["dependencies"] ?? []) as string[])
        edge(dependency, urn, options.dependencyEdgeColor, propertiesOf(resource, dependency).join(", "));
    const parent = resource["parent"];
    if (!options.ignoreParentEdges && typeof parent === "string" && parent !== "")
      edge(urn, parent, options.parentEdgeColor, "");
  }
  const fragment = options.dotFragment === undefined ? "" : `${options.dotFragment}\n`;
  return `strict digraph {\n${fragment}${lines.join("")}}\n`;
}

/** The properties of a resource that depend on another. */
function propertiesOf(resource: ResourceJson, dependency: string): string[] {
  const byProperty = (resource["propertyDependencies"] ?? {}) as Readonly<Record<string, readonly string[] | null>>;
  return Object.keys(byProperty)
    .sort()
    .filter((property) => byProperty[property]?.includes(dependency));
}

function escape(text: string): string {
  return text.replace(/["\\]/g, "\\$&");
}
