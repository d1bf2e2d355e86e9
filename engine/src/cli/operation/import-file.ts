/** A list of resources to import, as `pulumi import --file` reads it. */
import { EngineError } from "../../backend/errors.ts";
import type { ImportRequest } from "../../model.ts";

interface ImportEntry {
  readonly type?: string;
  readonly name?: string;
  /** The resource's name where `name` is what others in the file call it. */
  readonly logicalName?: string;
  readonly id?: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly version?: string;
  readonly properties?: readonly string[];
  /** It exists in the state alone. */
  readonly component?: boolean;
  readonly remote?: boolean;
  readonly [other: string]: unknown;
}

export interface ImportFile {
  /** URNs of what the stack holds, by the name that entries call them. */
  readonly nameTable?: Readonly<Record<string, string>>;
  readonly resources?: readonly ImportEntry[];
}

/** Fields of an entry that ask for what this engine cannot do. */
const refused = ["pluginDownloadUrl", "inputs", "outputs", "parameterization", "extension", "remote"];

/** @throws EngineError with every mistake at once. */
export function parseImportFile(
  file: ImportFile,
  { stack, project, protect }: { readonly stack: string; readonly project: string; readonly protect: boolean },
): ImportRequest[] {
  const list: unknown = file.resources ?? [];
  if (!Array.isArray(list) || list.length === 0)
    throw new EngineError("IMPORT_FILE", "there are no resources to import");
  const entries = list as readonly ImportEntry[];
  const mistakes: string[] = [];
  const fail = (): EngineError =>
    new EngineError(
      "IMPORT_FILE",
      mistakes.length === 1 ? (mistakes[0] ?? "") : mistakes.map((one) => `* ${one}`).join("\n"),
    );
  entries.forEach((entry, index) => mistakes.push(...mistakesOf(entry, index)));
  if (mistakes.length > 0) throw fail();

  const nameOf = (entry: ImportEntry): string => entry.name ?? entry.logicalName ?? "";
  const urns = new Map(Object.entries(file.nameTable ?? {}));
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) + 1);
  const resolved = new Map<ImportEntry, ImportRequest>();
  // an entry's URN is known once its parent's is: as many rounds as there are generations
  for (let before = -1; before !== resolved.size;) {
    before = resolved.size;
    for (const entry of entries) {
      const parent = entry.parent === undefined ? undefined : urns.get(entry.parent);
      if (resolved.has(entry) || (entry.parent !== undefined && parent === undefined)) continue;
      const provider = entry.provider === undefined ? undefined : urns.get(entry.provider);
      if (entry.provider !== undefined && provider === undefined) continue;
      resolved.set(entry, request(entry, parent, provider, protect));
      if (!urns.has(nameOf(entry))) urns.set(nameOf(entry), urn(entry, parent, stack, project));
    }
  }
  for (const [index, entry] of entries.entries()) {
    for (const role of ["parent", "provider"] as const) {
      const name = entry[role];
      if (name === undefined) continue;
      if ((counts.get(name) ?? 0) > 1) mistakes.push(`${describe(entry, index)} has an ambiguous ${role} '${name}'`);
      else if (!urns.has(name))
        mistakes.push(`the ${role} '${name}' for ${describe(entry, index)} has no entry in 'nameTable'`);
    }
  }
  if (mistakes.length > 0) throw fail();
  return entries.flatMap((entry) => resolved.get(entry) ?? []);
}

function mistakesOf(entry: ImportEntry, index: number): string[] {
  const what = describe(entry, index);
  const { component = false, id, type = "" } = entry;
  return [
    ...(type === "" ? [`${what} has no type`] : []),
    ...(type !== "" && !/^[^:]+:[^:]*:[^:]+$/.test(type)
      ? [`${what} has a type that is none: it reads <package>:<module>:<name>`]
      : []),
    ...(type.startsWith("pulumi:providers:") ? [`${what} is a provider; the program declares it`] : []),
    ...(entry.name === undefined && entry.logicalName === undefined ? [`${what} has no name`] : []),
    ...(!component && !id ? [`${what} has no ID`] : []),
    ...(component && id ? [`${what} has an ID, but is marked as a component`] : []),
    ...refused
      .filter((field) => entry[field] !== undefined && entry[field] !== false)
      .map((field) => `${what} has '${field}', which the embedded engine does not support`),
  ];
}

function describe({ name, id, type }: ImportEntry, index: number): string {
  const subject = name ? `resource '${name}'` : id ? `resource '${id}'` : `resource ${index}`;
  return type ? `${subject} of type '${type}'` : subject;
}

function request(
  entry: ImportEntry,
  parent: string | undefined,
  provider: string | undefined,
  protect: boolean,
): ImportRequest {
  const { type = "", id, version, properties } = entry;
  return {
    type,
    name: entry.logicalName ?? entry.name ?? "",
    protect,
    ...(id !== undefined && { id }),
    ...(parent !== undefined && { parent }),
    ...(provider !== undefined && { provider }),
    ...(version !== undefined && { version }),
    ...(properties !== undefined && { properties }),
  };
}

/** As the engine will make it: the types of all parents but the stack, then the resource's own. */
function urn(entry: ImportEntry, parent: string | undefined, stack: string, project: string): string {
  const parentType = parent?.split("::")[2] ?? "pulumi:pulumi:Stack";
  const type = parentType === "pulumi:pulumi:Stack" ? entry.type : `${parentType}$${entry.type ?? ""}`;
  return `urn:pulumi:${stack}::${project}::${type ?? ""}::${entry.logicalName ?? entry.name ?? ""}`;
}
