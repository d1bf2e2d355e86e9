/** `pulumi about`: what one tells who is asked for help. */
import { readFileSync } from "node:fs";
import { arch, hostname, release, type } from "node:os";
import { EngineError } from "../../backend/errors.ts";
import { hideSecrets } from "../../backend/locations.ts";
import { qualifiedName } from "../../backend/stack-reference.ts";
import type { CommandContext } from "../context.ts";
import { printedTable, structJson } from "../json.ts";
import { programPackages, type NpmPackage } from "../plugins/program-packages.ts";
import { engineLine, versions, versionText } from "../versions.ts";
import { userName } from "./login.ts";

interface TypeAndUrn {
  readonly type: string;
  readonly urn: string;
}

/** As Pulumi prints it with --json; what could not be found out is null, and the reason is among the errors. */
interface Summary {
  plugins: { name: string; version: string; kind: "resource" }[] | null;
  host: { os: string; version: string; arch: string };
  backend: { name: string; url: string; user: string; organizations: string[] } | null;
  currentStack: {
    name: string;
    fullyQualifiedName: string;
    resources: TypeAndUrn[];
    pendingOps: TypeAndUrn[];
  } | null;
  cliAbout: { version: string; goVersion: string; goCompiler: string };
  runtime: { language: string; executable: string; version: string } | null;
  dependencies: { name: string; version: string }[] | null;
  errors: string[];
}

interface AboutOptions {
  readonly json?: boolean;
  readonly stack?: string;
  readonly transitive?: boolean;
}

export async function about(context: CommandContext, options: AboutOptions): Promise<void> {
  const summary: Summary = {
    plugins: null,
    host: hostAbout(),
    backend: null,
    currentStack: null,
    // the fields that Pulumi has; no Go is in this engine
    cliAbout: { version: versionText(), goVersion: "", goCompiler: "" },
    runtime: null,
    dependencies: null,
    errors: [],
  };
  const trying = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      summary.errors.push(`${what}: ${error.message}`);
    }
  };
  await trying("Failed to read project", () => aboutProgram(context, options.transitive ?? false, summary));
  await trying("Could not access the backend", async () => {
    const { url } = await context.store();
    summary.backend = { name: hostname(), url: hideSecrets(url), user: userName(), organizations: [] };
  });
  await trying("Failed to get information about the current stack", () => aboutStack(context, options.stack, summary));
  if (options.json) context.terminal.out(structJson(summary));
  else print(context, summary);
}

async function aboutProgram(context: CommandContext, transitive: boolean, summary: Summary): Promise<void> {
  const project = await context.project();
  summary.runtime = { language: project.runtime, executable: process.execPath, version: `v${process.versions.node}` };
  const nameAndVersion = ({ name, version }: NpmPackage): { name: string; version: string } => ({ name, version });
  summary.dependencies = programPackages(project.program, transitive).map(nameAndVersion);
  summary.plugins = programPackages(project.program, true).flatMap(({ plugin }) =>
    plugin === undefined ? [] : [{ ...plugin, kind: "resource" as const }],
  );
}

async function aboutStack(context: CommandContext, name: string | undefined, summary: Summary): Promise<void> {
  const stack = await context.requireStack(name);
  const { resources = [], pending_operations: pending = [] } = await (await context.store()).read(stack);
  summary.currentStack = {
    name: await context.displayName(stack),
    fullyQualifiedName: qualifiedName(stack),
    resources: resources.map((resource) => ({ type: resource.type, urn: resource.urn })),
    pendingOps: pending.map((operation) => ({
      type: operation["type"] as string, // checked when the state was read
      urn: (operation["resource"] as { urn: string }).urn,
    })),
  };
}

function hostAbout(): Summary["host"] {
  let name: string = process.platform;
  let version = release();
  try {
    const lines = readFileSync("/etc/os-release", "utf8");
    name = /^ID="?([^"\n]+)/m.exec(lines)?.[1] ?? name;
    version = /^VERSION_ID="?([^"\n]+)/m.exec(lines)?.[1] ?? version;
  } catch {
    name = type().toLowerCase(); // no Linux distribution
  }
  return { os: name, version, arch: arch() === "x64" ? "x86_64" : arch() };
}

function print({ terminal: { out, err } }: CommandContext, summary: Summary): void {
  const { cliAbout, plugins, host, runtime, currentStack, backend, dependencies } = summary;
  out(
    `${printedTable(
      ["CLI", ""],
      [
        ["Version", cliAbout.version],
        ["Engine", engineLine(versions())],
      ],
    )}\n`,
  );
  if (plugins !== null) {
    const rows = plugins.map(({ kind, name, version }) => [kind, name, version]);
    out(`Plugins\n${printedTable(["KIND", "NAME", "VERSION"], rows)}\n`);
  }
  out(
    `${printedTable(
      ["Host", ""],
      [
        ["OS", host.os],
        ["Version", host.version],
        ["Arch", host.arch],
      ],
    )}\n`,
  );
  if (runtime !== null)
    out(
      `This project is written in ${runtime.language}: executable='${runtime.executable}' version='${runtime.version}'\n\n`,
    );
  if (currentStack !== null) {
    const { name, fullyQualifiedName, resources, pendingOps } = currentStack;
    const rows = (list: readonly TypeAndUrn[]): string[][] => list.map((one) => [one.type, one.urn]);
    out(`Current Stack: ${fullyQualifiedName}\n\n`);
    if (resources.length === 0) out(`Found no resources associated with ${name}\n\n`);
    else out(`${printedTable(["TYPE", "URN"], rows(resources))}\n`);
    if (pendingOps.length === 0) out(`Found no pending operations associated with ${name}\n\n`);
    else out(`${printedTable(["OPP TYPE", "URN"], rows(pendingOps))}\n`);
  }
  if (backend !== null) {
    const rows = [
      ["Name", backend.name],
      ["URL", backend.url],
      ["User", backend.user],
      ["Organizations", backend.organizations.join(", ")],
      ["Token type", "personal"],
    ];
    out(`${printedTable(["Backend", ""], rows)}\n`);
  }
  if (dependencies !== null && dependencies.length > 0) {
    const rows = dependencies.map(({ name, version }) => [name, version]);
    out(`Dependencies:\n${printedTable(["NAME", "VERSION"], rows)}\n`);
  }
  for (const error of summary.errors) err(`warning: ${error}\n`);
}
