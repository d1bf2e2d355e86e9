/** What an operation works with, from the command line and the project around it. */
import { availableParallelism } from "node:os";
import type { Deployment } from "../../backend/deployment.ts";
import { UnsupportedError } from "../../backend/errors.ts";
import type { Crypter } from "../../backend/passphrase.ts";
import type { Project } from "../../backend/project.ts";
import type { SecretCodec } from "../../backend/property-json.ts";
import { encryptingCodec } from "../../backend/secret-codecs.ts";
import type { StackReference } from "../../backend/stack-reference.ts";
import type { StackSettings } from "../../backend/stack-settings.ts";
import type { StackStore } from "../../backend/stack-store.ts";
import type * as deployModule from "../../deploy/index.ts";
import type { ImportRequest, OperationKind, OperationRequest, PolicyPackRequest } from "../../model.ts";
import type { CommandContext } from "../context.ts";
import { programConfig } from "../stack-config.ts";
import { engineLine, versions } from "../versions.ts";
import { openEventLog } from "./event-log.ts";
import type { EventSink } from "./event-sink.ts";
import type { OperationOptions } from "./options.ts";
import { policyPacksOf } from "./policy-packs.ts";
import { saveGivenConfig } from "./given-config.ts";

type Deploy = typeof deployModule;

export interface Session {
  readonly context: CommandContext;
  readonly options: OperationOptions;
  readonly kind: Exclude<OperationKind, "preview">;
  readonly project: Project;
  readonly stack: StackReference;
  readonly settings: StackSettings;
  readonly store: StackStore;
  readonly crypter: Crypter;
  readonly log: EventSink;
  readonly deploy: Deploy;
  readonly policyPacks: readonly PolicyPackRequest[];
  /** Read for policies alone. */
  readonly stackTags: Readonly<Record<string, string>>;
  /** Of kind `import`: what is imported. */
  readonly imports: readonly ImportRequest[];
}

export async function openSession(
  context: CommandContext,
  options: OperationOptions,
  kind: Session["kind"],
  imports: readonly ImportRequest[] = [],
): Promise<Session> {
  const policyPacks = policyPacksOf(options);
  const project = await context.project();
  const runsProgram = kind === "update" && options.client === undefined;
  if (project.runtime !== "nodejs" && runsProgram)
    throw new UnsupportedError(`programs of the runtime '${project.runtime}' (${project.file})`);
  const stack = await context.requireStack(options.stack);
  const settings = await context.settings(stack, options.configFile);
  await saveGivenConfig(project, settings, options);
  context.terminal.err(`${engineLine(versions())}\n`);
  // deriving the key and loading gRPC take their time, on different processors
  const [crypter, deploy] = await Promise.all([context.crypter(settings), import("../../deploy/index.ts")]);
  const log = await openEventLog(options.eventLog, context.warn);
  const store = await context.store();
  const stackTags = policyPacks.length === 0 ? {} : await store.tags(stack);
  const opened = { context, options, kind, project, stack, settings, store, crypter, log, deploy };
  return { ...opened, policyPacks, stackTags, imports };
}

/** Reads what the state holds with the crypter that made it, and writes with the stack's own. */
export async function codecFor(session: Session, deployment: Deployment): Promise<SecretCodec> {
  const { context, crypter, store, stack } = session;
  return encryptingCodec(crypter, await context.crypterOf(deployment, store.whereIs(stack), crypter));
}

/** All of a request that is the same for the preview and for what follows it. */
export function requestOf(
  session: Session,
): Omit<OperationRequest, "kind" | "dryRun" | "base" | "signal" | "checkpoint" | "onEvent" | "readStackOutputs"> {
  const { project, stack, settings, options, crypter, policyPacks, stackTags, kind, imports, context } = session;
  // what runs no program can do without what the program needs
  const mustBeWhole = kind === "update" && !options.skipConfigValidation;
  return {
    policyPacks,
    stackTags,
    imports,
    organization: "organization",
    project: project.name,
    stack: stack.name,
    projectDir: project.folder,
    program: project.program,
    runtimeOptions: project.runtimeOptions,
    plugins: project.plugins,
    ...(options.client === undefined ? {} : { client: options.client }),
    config: programConfig(project, settings, stack.name, crypter, { mustBeWhole }),
    parallel: options.parallel ?? defaultParallel(context),
    targets: [...(options.target ?? []), ...(options.targetReplace ?? [])],
    targetDependents: options.targetDependents ?? false,
    excludes: options.exclude ?? [],
    excludeDependents: options.excludeDependents ?? false,
    replaces: [...(options.replace ?? []), ...(options.targetReplace ?? [])],
    debug: options.debug ?? false,
    continueOnError: options.continueOnError ?? false,
    refreshFirst:
      options.refresh === undefined ? project.refreshAlways : options.refresh === true || options.refresh === "true",
  };
}

/** PULUMI_PARALLEL; otherwise, as Pulumi, four steps at once for each processor. */
function defaultParallel({ env }: CommandContext): number {
  const set = Number(env["PULUMI_PARALLEL"]);
  return Number.isInteger(set) && set > 0 ? set : availableParallelism() * 4;
}
