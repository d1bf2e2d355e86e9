/** `pulumi stack change-secrets-provider`: here, another passphrase. */
import { mapSecrets } from "../../backend/config-values.ts";
import { holdsSecrets, recode } from "../../backend/deployment.ts";
import { UnsupportedError, UsageError } from "../../backend/errors.ts";
import { Crypter } from "../../backend/passphrase.ts";
import { encryptingCodec } from "../../backend/secret-codecs.ts";
import type { CommandContext } from "../context.ts";
import { readStandardInput } from "../terminal.ts";

/**
 * Encrypts everything anew. The old passphrase comes from where every command takes it, the new one from a question
 * or, as with Pulumi, the first line of standard input.
 * @param provider `passphrase` or `default`.
 */
export async function changeSecretsProvider(
  context: CommandContext,
  provider: string,
  options: { readonly stack?: string },
): Promise<void> {
  if (provider !== "passphrase" && provider !== "default")
    throw new UnsupportedError(`the secrets provider '${provider}'`, "only passphrase is built in");
  const stack = await context.requireStack(options.stack);
  const settings = await context.settings(stack);
  const store = await context.store();
  await store.locked(stack, async () => {
    const deployment = await store.read(stack);
    const before = await context.crypter(settings);
    const ofState = await context.crypterOf(deployment, store.whereIs(stack), before);
    const after = await Crypter.create(await newPassphrase(context));
    context.terminal.out("Migrating old configuration and state to new secrets provider\n");
    const config = [...settings.config()].map(
      ([key, node]) => [key, mapSecrets(node, (ciphertext) => after.encrypt(before.decrypt(ciphertext)))] as const,
    );
    // the state first: what is encrypted in it names its own salt, so that a change cut short can be begun again
    if (deployment.manifest !== undefined || holdsSecrets(deployment)) {
      await store.write(stack, {
        ...recode(deployment, encryptingCodec(after, ofState), encryptingCodec(after)),
        secrets_providers: { type: "passphrase", state: { salt: after.salt } },
      });
    }
    for (const [key, node] of config) settings.set(key, [], node);
    settings.setEncryptionSalt(after.salt);
    await settings.save();
  });
}

/** @throws UsageError where none is given. */
async function newPassphrase({ terminal }: CommandContext): Promise<string> {
  if (!terminal.interactive) {
    const [line = ""] = (await readStandardInput()).split("\n");
    if (line.trim() !== "") return line.trim();
    throw new UsageError("standard input holds no new passphrase: its first line is to be the passphrase");
  }
  for (;;) {
    const first = await terminal.askSecret("Enter your new passphrase to protect config/secrets: ");
    if (first === (await terminal.askSecret("Re-enter your new passphrase to confirm: "))) return first;
    terminal.err("error: passphrases do not match\n");
  }
}
