/** `pulumi import`: what the command line or a file names, as the engine takes it. */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { EngineError, UnsupportedError, UsageError } from "../../backend/errors.ts";
import type { ImportRequest } from "../../model.ts";
import type { CommandContext } from "../context.ts";
import { parseImportFile, type ImportFile } from "./import-file.ts";
import type { OperationOptions } from "./options.ts";
import { operate } from "./run-operation.ts";

interface ImportOptions extends OperationOptions {
  readonly file?: string;
  /** `name=urn`, or a URN. */
  readonly parent?: string;
  readonly provider?: string;
  readonly properties?: readonly string[];
  readonly protect?: string | boolean;
  readonly generateCode?: string | boolean;
  readonly out?: string;
}

interface Named {
  readonly type: string | undefined;
  readonly name: string | undefined;
  readonly id: string | undefined;
}

export async function importResources(context: CommandContext, named: Named, options: ImportOptions): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const file = options.file === undefined ? fromCommandLine(named, options) : fromFile(named, options.file);
  const protect = options.protect !== "false" && options.protect !== false;
  const imports = parseImportFile(file, { stack: stack.name, project: stack.project, protect });
  if (options.generateCode === true || options.generateCode === "true")
    throw new UnsupportedError("--generate-code of `pulumi import`", "code is generated from the schemas of providers");
  await operate(context, "import", options, imports);
  if (options.previewOnly) return;
  if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(summary(imports), undefined, 4)}\n`);
  if (!options.json)
    context.terminal.err(
      "The state holds what was imported; no code was generated, as that needs the schemas of providers.\n" +
        "Declare each resource in the program with the same type, name and parent" +
        `${protect ? " and the option protect" : ""}; \`pulumi preview\` shows what differs.\n`,
    );
}

/** What has to be declared in the program. */
function summary(imports: readonly ImportRequest[]): object {
  return { resources: imports.map(({ type, name, id, parent, provider }) => ({ type, name, id, parent, provider })) };
}

function fromCommandLine({ type, name, id }: Named, options: ImportOptions): ImportFile {
  if (type === undefined || name === undefined || id === undefined)
    throw new UsageError(
      "an inline resource must be specified if no converter or import file is used: <type> <name> <id>",
    );
  const nameTable: Record<string, string> = {};
  const named = (spec: string | undefined, fallback: string): string | undefined => {
    if (spec === undefined) return undefined;
    const at = spec.startsWith("urn:") ? -1 : spec.indexOf("=");
    const key = at < 0 ? fallback : spec.slice(0, at);
    const urn = spec.slice(at + 1);
    if (key === "" || !urn.startsWith("urn:pulumi:"))
      throw new UsageError(`could not parse ${fallback} spec '${spec}': it must be of the form name=URN`);
    if (Object.hasOwn(nameTable, key))
      throw new UsageError(`provider and parent must have distinct names, both were '${key}'`);
    nameTable[key] = urn;
    return key;
  };
  const parent = named(options.parent, "parent");
  const provider = named(options.provider, "provider");
  return {
    nameTable,
    resources: [
      {
        type,
        name,
        id,
        ...(parent !== undefined && { parent }),
        ...(provider !== undefined && { provider }),
        ...(options.properties !== undefined && { properties: options.properties }),
      },
    ],
  };
}

function fromFile(named: Named, path: string): ImportFile {
  if (named.type !== undefined)
    throw new UsageError("an inline resource may not be specified in conjunction with an import file");
  if (!existsSync(path)) throw new EngineError("IMPORT_FILE", `could not read import file: there is no ${path}`);
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ImportFile;
  } catch (cause) {
    throw new EngineError("IMPORT_FILE", `could not read import file: ${path} is not JSON`, { cause });
  }
}
