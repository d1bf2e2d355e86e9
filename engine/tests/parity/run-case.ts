/** Runs one case of cases.cjs and tells what each of its commands did, as golden.json tells it of Pulumi. */
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import { Sandbox } from "../support/pulumi.ts";

interface Case {
  readonly program: unknown;
  readonly run: readonly string[];
}

/** What a command did; which fields there are depends on the command. */
export interface Entry {
  readonly line: string;
  readonly code?: number | null;
  readonly steps?: readonly string[];
  readonly changes?: Readonly<Record<string, number>>;
  readonly errors?: readonly string[];
  readonly ledger?: readonly string[];
  readonly state?: readonly object[];
  readonly stdout?: string;
  readonly world?: readonly string[];
}

const here = import.meta.dirname;

export const cases = createRequire(import.meta.url)("./cases.cjs") as Readonly<Record<string, Case>>;

export async function runCase(name: string): Promise<Entry[]> {
  const sandbox = await Sandbox.create({
    project: "parity",
    program:
      `const out = require("./cases.cjs")[${JSON.stringify(name)}].program(require("./lib.cjs"));` +
      "Object.assign(module.exports, out);",
  });
  try {
    return await runIn(sandbox, cases[name]?.run ?? []);
  } finally {
    await sandbox.remove();
  }
}

async function runIn(sandbox: Sandbox, lines: readonly string[]): Promise<Entry[]> {
  const world = join(sandbox.folder, "world");
  const ledger = join(sandbox.folder, "ledger");
  sandbox.env["PARITY_WORLD"] = world;
  sandbox.env["PARITY_LEDGER"] = ledger;
  await mkdir(world);
  for (const file of ["lib.cjs", "cases.cjs"]) await copyFile(join(here, file), join(sandbox.work, file));
  await sandbox.succeed("stack init dev");
  let stack = "dev";
  const log: Entry[] = [];
  for (const line of lines) {
    const [verb = "", ...rest] = line.split(" ");
    if (verb === "step") await sandbox.succeed(`config set step ${rest[0] ?? ""}`);
    else if (verb === "edit") await edit(join(world, rest[0] ?? ""), rest[1] ?? "", Number(rest[2]));
    else if (verb === "gone") await rm(join(world, rest[0] ?? ""));
    else if (verb === "world") log.push({ line, world: (await readdir(world)).sort() });
    else if (verb === "export-import") log.push({ line, code: await exportAndImport(sandbox) });
    else {
      await writeFile(ledger, "");
      log.push(await runLine(sandbox, line, stack, ledger));
      if (/^stack (init|select) /.test(line)) stack = rest[1] ?? stack;
    }
  }
  return log;
}

async function runLine(sandbox: Sandbox, line: string, stack: string, ledger: string): Promise<Entry> {
  const scrub = (text: string): string => text.replaceAll(sandbox.folder, "<dir>");
  if (!/^(up|preview|destroy|refresh)( |$)/.test(line)) {
    const { code, stdout } = await sandbox.run(line);
    return { line, code, stdout: scrub(stdout).trim() };
  }
  const log = join(sandbox.folder, "events.json");
  const { code } = await sandbox.run([...line.split(" "), "--event-log", log]);
  const events = parseLines(await readFile(log, "utf8"));
  const summary = events.find((event) => event.summaryEvent)?.summaryEvent;
  return {
    line,
    code,
    steps: stepsOf(events),
    ...(summary && { changes: summary.resourceChanges }),
    errors: events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === "error" ? [scrub(diagnosticEvent.message)] : [],
    ),
    ledger: (await readFile(ledger, "utf8")).split("\n").filter((text) => text !== ""),
    state: await stateOf(sandbox.stateFile(stack, "parity"), scrub),
  };
}

interface LoggedEvent {
  readonly resourcePreEvent?: {
    metadata: { op: string; urn: string; type: string; diffs?: string[]; keys?: string[] };
  };
  readonly summaryEvent?: { resourceChanges: Record<string, number> };
  readonly diagnosticEvent?: { severity: string; message: string };
}

function parseLines(text: string): LoggedEvent[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LoggedEvent);
}

function stepsOf(events: readonly LoggedEvent[]): string[] {
  const steps = events.flatMap((event) => event.resourcePreEvent?.metadata ?? []);
  const listed = (label: string, keys: readonly string[] = []): string =>
    keys.length > 0 ? ` ${label}[${[...keys].sort().join(",")}]` : "";
  return steps
    .filter(({ type }) => !type.startsWith("pulumi:providers:"))
    .map(({ op, urn, diffs, keys }) => `${op} ${urn}${listed("", diffs)}${listed("keys", keys)}`)
    .sort();
}

/** What golden.json keeps of each resource; ciphertexts differ from run to run. */
async function stateOf(file: string, scrub: (text: string) => string): Promise<object[]> {
  const { checkpoint } = JSON.parse(await readFile(file, "utf8")) as {
    checkpoint: { latest?: { resources?: Record<string, unknown>[] } };
  };
  return (checkpoint.latest?.resources ?? [])
    .filter((resource) => !String(resource["type"]).startsWith("pulumi:providers:"))
    .map((resource) => ({
      urn: String(resource["urn"]),
      custom: resource["custom"],
      id: resource["id"],
      type: resource["type"],
      parent: resource["parent"],
      protect: resource["protect"],
      retainOnDelete: resource["retainOnDelete"],
      delete: resource["delete"],
      external: resource["external"],
      deps: [...((resource["dependencies"] ?? []) as string[])].sort(),
      propDeps: resource["propertyDependencies"],
      deletedWith: resource["deletedWith"],
      aliases: resource["aliases"],
      ignoreChanges: resource["ignoreChanges"],
      customTimeouts: resource["customTimeouts"],
      outputs: JSON.parse(
        scrub(
          JSON.stringify(resource["outputs"] ?? {}, (key, value: unknown) =>
            key === "__provider" ? undefined : key === "ciphertext" ? "<c>" : value,
          ),
        ),
      ) as unknown,
    }))
    .sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

async function edit(file: string, key: string, value: number): Promise<void> {
  const content = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...content, [key]: value }));
}

async function exportAndImport(sandbox: Sandbox): Promise<number | null> {
  const exported = await sandbox.succeed("stack export");
  return (await sandbox.run("stack import", exported)).code;
}
