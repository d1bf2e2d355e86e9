/** `pulumi stack export` and `pulumi stack import`. */
import { writeFile } from "node:fs/promises";
import {
  checkDeployment,
  checkVersion,
  deploymentVersion,
  holdsSecrets,
  recode,
  type Deployment,
} from "../../backend/deployment.ts";
import { readNamedFile } from "../../backend/files.ts";
import { EngineError, UnsupportedError } from "../../backend/errors.ts";
import { encryptingCodec, plaintextCodec } from "../../backend/secret-codecs.ts";
import type { StackReference } from "../../backend/stack-reference.ts";
import type { CommandContext } from "../context.ts";
import { readStandardInput } from "../terminal.ts";

export async function exportStack(
  context: CommandContext,
  options: {
    readonly stack?: string;
    readonly file?: string;
    readonly version?: string;
    readonly showSecrets?: boolean;
  },
): Promise<void> {
  if (options.version !== undefined)
    throw new UnsupportedError(
      "--version of `pulumi stack export`",
      "stores of files number no updates, as with Pulumi",
    );
  const stack = await context.requireStack(options.stack);
  const store = await context.store();
  let deployment = await store.read(stack);
  if (options.showSecrets && holdsSecrets(deployment)) {
    const crypter = await context.crypterOf(deployment, store.whereIs(stack));
    if (crypter !== undefined) {
      const codec = plaintextCodec(crypter);
      deployment = recode(deployment, codec, codec);
    }
    context.warn("the exported state holds secrets in plaintext");
  }
  const text = `${JSON.stringify({ version: deploymentVersion, deployment }, undefined, 4)}\n`;
  if (options.file === undefined) context.terminal.out(text);
  else await writeFile(options.file, text, { mode: 0o600 });
}

export async function importStack(
  context: CommandContext,
  options: { readonly stack?: string; readonly file?: string; readonly force?: boolean },
): Promise<void> {
  const stack = await context.requireStack(options.stack);
  const source = options.file ?? "standard input";
  const text = options.file === undefined ? await readStandardInput() : await readNamedFile(options.file);
  const deployment = parseExport(text, source);
  if (!options.force) checkOwner(deployment, stack, source);
  const store = await context.store();
  await store.locked(stack, async () => {
    await store.write(stack, await withOwnSecrets(context, stack, deployment, source));
  });
  context.terminal.out("Import complete.\n");
}

/** @throws EngineError when the text is no exported stack. */
function parseExport(text: string, source: string): Deployment {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new EngineError("IMPORT_INVALID", `could not read ${source}: it is not JSON`, { cause });
  }
  const { version, features, deployment } = (content ?? {}) as Record<string, unknown>;
  if (version === undefined || deployment === undefined)
    throw new EngineError("IMPORT_INVALID", `${source} holds no exported stack: it has no version or no deployment`);
  checkVersion(version, features, source);
  checkDeployment(deployment, source);
  return deployment;
}

/** Resources of another stack would be taken for this one's, and deleted by its next update. */
function checkOwner(deployment: Deployment, stack: StackReference, source: string): void {
  const prefix = `urn:pulumi:${stack.name}::${stack.project}::`;
  const foreign = (deployment.resources ?? []).filter((resource) => !resource.urn.startsWith(prefix));
  if (foreign.length === 0) return;
  throw new EngineError(
    "IMPORT_FOREIGN",
    `${source} holds ${foreign.length} resource(s) of another stack, first ${foreign[0]?.urn ?? ""}`,
    { remedy: "`--force` imports them nevertheless." },
  );
}

/** Secrets that came in plaintext, or under another salt, are encrypted with the stack's own. */
async function withOwnSecrets(
  context: CommandContext,
  stack: StackReference,
  deployment: Deployment,
  source: string,
): Promise<Deployment> {
  const inPlaintext = JSON.stringify(deployment).includes('"plaintext":');
  const settings = await context.settings(stack);
  const foreign = deployment.secrets_providers?.state?.salt !== settings.encryptionSalt && holdsSecrets(deployment);
  if (!inPlaintext && !foreign) return deployment;
  const own = await context.crypter(settings);
  const from = (await context.crypterOf(deployment, source, own)) ?? own;
  return {
    ...recode(deployment, encryptingCodec(own, from), encryptingCodec(own)),
    secrets_providers: { type: "passphrase", state: { salt: own.salt } },
  };
}
