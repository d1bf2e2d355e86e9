/** What a command did, in words that rows can state: steps from the event log, the state from the checkpoint file. */
import { readFile } from "node:fs/promises";

/** A resource of the state. Other resources are named by their names, a value that is encrypted is "<secret>". */
export type ResourceView = Readonly<Record<string, unknown>>;

export interface Steps {
  /** `<op> <name>`, as they began; the stack itself and default providers are left out. */
  readonly steps: readonly string[];
  /** What the summary counts, the stack and the steps that change nothing left out. */
  readonly changes: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly events: readonly LoggedEvent[];
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly diffs?: readonly string[];
  readonly detailedDiff?: Readonly<Record<string, { diffKind: string; inputDiff: boolean }>>;
}

export interface LoggedEvent {
  readonly sequence: number;
  readonly timestamp: number;
  readonly resourcePreEvent?: { readonly metadata: StepMetadata; readonly planning?: boolean };
  readonly resOutputsEvent?: { readonly metadata: StepMetadata };
  readonly resOpFailedEvent?: { readonly metadata: StepMetadata };
  readonly summaryEvent?: { readonly resourceChanges: Readonly<Record<string, number>> };
  readonly diagnosticEvent?: { readonly severity: string; readonly message: string; readonly urn?: string };
  readonly preludeEvent?: object;
  readonly cancelEvent?: object;
}

export async function readSteps(eventLog: string): Promise<Steps> {
  const text = await readFile(eventLog, "utf8").catch(() => "");
  const events = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LoggedEvent);
  const told = (wanted: string): string[] =>
    events.flatMap(({ diagnosticEvent: said }) => (said?.severity === wanted ? [said.message.trim()] : []));
  return {
    steps: events
      .flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? [])
      .filter(({ urn, type }) => isOfInterest(urn, type))
      .map(({ op, urn }) => `${op} ${nameOf(urn)}`),
    changes: events.find(({ summaryEvent }) => summaryEvent)?.summaryEvent?.resourceChanges ?? {},
    errors: told("error"),
    warnings: told("warning"),
    events,
  };
}

export interface StateView {
  readonly resources: Readonly<Record<string, ResourceView>>;
  readonly order: readonly string[];
  readonly outputs: unknown;
  readonly pendingOperations: readonly string[];
}

type RawResource = Readonly<Record<string, unknown>> & { readonly urn: string; readonly type: string };

export interface RawDeployment {
  readonly resources?: readonly RawResource[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: RawResource }[];
}

export async function readDeployment(checkpointFile: string): Promise<RawDeployment> {
  const text = await readFile(checkpointFile, "utf8").catch(() => "{}");
  const { checkpoint } = JSON.parse(text) as { checkpoint?: { latest?: RawDeployment } };
  return checkpoint?.latest ?? {};
}

export function viewState(deployment: RawDeployment): StateView {
  const resources = deployment.resources ?? [];
  const shown = resources.filter(({ urn, type }) => isOfInterest(urn, type));
  const key = (resource: RawResource): string =>
    nameOf(resource.urn) + (resource["delete"] === true ? " (to be deleted)" : "");
  return {
    resources: Object.fromEntries(shown.map((resource) => [key(resource), viewResource(resource)])),
    order: shown.map(key),
    outputs: readable(resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.["outputs"] ?? {}),
    pendingOperations: (deployment.pending_operations ?? []).map(
      ({ type, resource }) => `${type} ${nameOf(resource.urn)}`,
    ),
  };
}

const namesUrns = new Set(["parent", "dependencies", "propertyDependencies", "deletedWith", "replaceWith", "aliases"]);

function viewResource(resource: RawResource): ResourceView {
  const fields = Object.entries(resource).map(([field, value]) => {
    if (field === "provider") return [field, providerName(String(value))];
    return [field, namesUrns.has(field) ? named(value) : readable(value)];
  });
  return Object.fromEntries(fields) as ResourceView;
}

/** URNs by their last part; the stack is "stack". */
function named(value: unknown): unknown {
  if (typeof value === "string") return nameOf(value);
  if (Array.isArray(value)) return value.map(named).sort();
  // Pulumi writes null for a list without elements
  if (value === null) return [];
  return Object.fromEntries(Object.entries(value as object).map(([key, element]) => [key, named(element)]));
}

/** By this key, values that are no plain JSON tell what they are. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const kinds: Readonly<Record<string, string>> = {
  c44067f5952c0a294b673a41bacd8c17: "asset",
  "0def7320c3a5731c473e5ecbe6d01bc7": "archive",
  "5cf8f73096256a8f31e491e813e4eb8e": "resource",
};

function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  if ("ciphertext" in value || "plaintext" in value) return "<secret>";
  if (SIGNATURE in value) {
    const { [SIGNATURE]: signature, ...rest } = value as Record<string, unknown>;
    return { is: kinds[String(signature)] ?? signature, ...(readable(rest) as object) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, readable(element)]));
}

export function nameOf(urn: string): string {
  const [, , type = "", ...name] = urn.split("::");
  return type === "pulumi:pulumi:Stack" ? "stack" : name.join("::");
}

function providerName(reference: string): string {
  return reference.split("::").slice(3, -1).join("::");
}

function isOfInterest(urn: string, type: string): boolean {
  return type !== "pulumi:pulumi:Stack" && !(type.startsWith("pulumi:providers:") && /::default(_[^:]*)?$/.test(urn));
}
