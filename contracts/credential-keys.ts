import { z } from "zod";
import { CredentialKind } from "./credential.ts";

/**
 * The text of CREDENTIAL_KEYS: `<id>:<32 bytes in base64>`, comma-separated; the first encrypts, all decrypt. Such a key
 * is of every kind. `<id>/<kind>:<32 bytes>` is what `restrictCredentialKeys` makes of it: it opens that kind alone.
 */
export const CredentialKeysText = z
  .string()
  .min(1)
  .transform((text, context): CredentialKeyEntry[] => {
    const entries: CredentialKeyEntry[] = [];
    for (const part of text.split(",").map((entry) => entry.trim())) {
      const [, keyId, kind, base64] = ENTRY.exec(part) ?? [];
      const bytes = base64 === undefined ? undefined : fromBase64(base64);
      const known = kind === undefined ? undefined : CredentialKind.safeParse(kind);
      // The text of an entry is a secret: it is not repeated.
      if (keyId === undefined || bytes === undefined || known?.success === false) {
        context.addIssue({ code: "custom", message: "must be <id>:<32 bytes in base64>, comma-separated" });
        return z.NEVER;
      }
      entries.push({ keyId, kind: known?.data, bytes });
    }
    const names = entries.map(({ keyId, kind }) => `${keyId}/${kind ?? ""}`);
    if (new Set(names).size < names.length) {
      context.addIssue({ code: "custom", message: "holds one id twice" });
      return z.NEVER;
    }
    return entries;
  });

export interface CredentialKeyEntry {
  readonly keyId: string;
  /** Undefined: a key from which those of all kinds are derived. */
  readonly kind: CredentialKind | undefined;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const ENTRY = /^([A-Za-z0-9][A-Za-z0-9_-]{0,31})(?:\/([a-z_]+))?:([A-Za-z0-9+/]{43}=)$/;

/** The key of one kind: HKDF-SHA256 of the whole key, so that who has it can make neither that nor another kind's. */
export async function deriveCredentialKey(
  bytes: Uint8Array<ArrayBuffer>,
  kind: CredentialKind,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(`automatos credential ${kind}`);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, key, 256),
  );
}

/** CREDENTIAL_KEYS for a service that may open these kinds alone. */
export async function restrictCredentialKeys(keys: string, kinds: readonly CredentialKind[]): Promise<string> {
  const entries: string[] = [];
  for (const { keyId, kind: only, bytes } of CredentialKeysText.parse(keys)) {
    for (const kind of kinds) {
      if (only !== undefined && only !== kind) continue;
      const derived = only === undefined ? await deriveCredentialKey(bytes, kind) : bytes;
      entries.push(`${keyId}/${kind}:${toBase64(derived)}`);
    }
  }
  return entries.join(",");
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return bytes.length === 32 ? bytes : undefined;
}

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
