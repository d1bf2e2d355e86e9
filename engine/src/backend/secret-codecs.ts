/** The ways in which secrets leave a state and enter it. */
import { EngineError } from "./errors.ts";
import type { Crypter } from "./passphrase.ts";
import { secretSignature, signatureKey, type Json, type JsonMap, type SecretCodec } from "./property-json.ts";

/**
 * Encrypts with `to` and decrypts with whichever crypter made the state. A secret that did not change keeps its
 * ciphertext, so that an update without changes leaves the same file.
 */
export function encryptingCodec(to: Crypter, from: Crypter = to): SecretCodec {
  const known = new Map<string, { plaintext: string; ciphertext: string }>();
  return {
    seal(plaintext, place) {
      const before = known.get(place);
      const ciphertext = before?.plaintext === plaintext ? before.ciphertext : to.encrypt(plaintext);
      if (ciphertext !== before?.ciphertext) known.set(place, { plaintext, ciphertext });
      return { [signatureKey]: secretSignature, ciphertext };
    },
    open(sealed, place) {
      if (typeof sealed["plaintext"] === "string") return sealed["plaintext"];
      const ciphertext = ciphertextOf(sealed, place);
      const plaintext = from.decrypt(ciphertext);
      if (from === to) known.set(place, { plaintext, ciphertext });
      return plaintext;
    },
  };
}

/** Decrypts with `from`, and writes what it read in the clear: `stack export --show-secrets`. */
export function plaintextCodec(from: Crypter): SecretCodec {
  return {
    seal: (plaintext) => ({ [signatureKey]: secretSignature, plaintext }),
    open: (sealed, place) => openWith(from, sealed, place),
  };
}

/** Writes secrets that are known already as the values that they are. */
export const inTheClear: SecretCodec = {
  seal: (plaintext) => JSON.parse(plaintext) as Json,
  open: (_sealed, place) => {
    throw new EngineError("STATE_VALUE", `the secret at ${place} is still encrypted`);
  },
};

/** Decrypts with `from`, and writes secrets as the values that they are: `--show-secrets` of outputs. */
export function revealingCodec(from: Crypter): SecretCodec {
  return { seal: inTheClear.seal, open: (sealed, place) => openWith(from, sealed, place) };
}

/** Needs no passphrase: every secret is the text `[secret]`. */
export const maskingCodec: SecretCodec = {
  seal: () => "[secret]",
  open: () => "null",
};

function openWith(crypter: Crypter, sealed: JsonMap, place: string): string {
  return typeof sealed["plaintext"] === "string" ? sealed["plaintext"] : crypter.decrypt(ciphertextOf(sealed, place));
}

function ciphertextOf(sealed: JsonMap, place: string): string {
  if (typeof sealed["ciphertext"] === "string") return sealed["ciphertext"];
  throw new EngineError("STATE_VALUE", `the secret at ${place} has neither a ciphertext nor a plaintext`);
}
