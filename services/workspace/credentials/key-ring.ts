import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { deriveCredentialKey, type CredentialKeyEntry } from "../../../contracts/credential-keys.ts";
import { CredentialKind } from "../../../contracts/credential.ts";
import { CredentialKeyMissingError, CredentialUnreadableError } from "./errors.ts";

/** What a sealed value belongs to; it opens for nothing else. */
export interface SealedFor {
  readonly workspaceId: string;
  readonly name: string;
  readonly kind: CredentialKind;
  readonly target: string;
  readonly version: number;
}

export interface Sealed {
  readonly keyId: string;
  readonly nonce: Buffer;
  /** The ciphertext, and after it the tag of 16 bytes. */
  readonly sealed: Buffer;
}

const ALGORITHM = "aes-256-gcm";
/** Random ones may serve for 2^32 values under one key (NIST SP 800-38D, 8.3): far more than are ever set. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FINGERPRINT_BYTES = 8;

/** The keys of this service: the first encrypts, all decrypt. Holds keys of the kinds alone that the service was given. */
export class CredentialKeyRing {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** From the newest to the oldest. */
  readonly keyIds: readonly string[];

  private constructor(keys: ReadonlyMap<string, Buffer>, keyIds: readonly string[]) {
    this.#keys = keys;
    this.keyIds = keyIds;
  }

  static async create(entries: readonly CredentialKeyEntry[]): Promise<CredentialKeyRing> {
    const keys = new Map<string, Buffer>();
    for (const { keyId, kind: only, bytes } of entries) {
      for (const kind of only === undefined ? CredentialKind.options : [only]) {
        keys.set(`${keyId}/${kind}`, Buffer.from(only === undefined ? await deriveCredentialKey(bytes, kind) : bytes));
      }
    }
    return new CredentialKeyRing(keys, [...new Set(entries.map(({ keyId }) => keyId))]);
  }

  get currentKeyId(): string {
    const [first] = this.keyIds;
    if (first === undefined) throw new TypeError("a key ring without keys"); // the environment's schema refuses it
    return first;
  }

  /** @throws CredentialKeyMissingError when this service has no key of that kind. */
  seal(value: string, what: SealedFor): Sealed {
    const keyId = this.currentKeyId;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key(keyId, what), nonce);
    cipher.setAAD(associatedData(what));
    const sealed = Buffer.concat([cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return { keyId, nonce, sealed };
  }

  /** @throws CredentialKeyMissingError, CredentialUnreadableError when it was changed or belongs to something else. */
  open({ keyId, nonce, sealed }: Sealed, what: SealedFor): string {
    const key = this.#key(keyId, what);
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(associatedData(what));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return decipher.update(sealed.subarray(0, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
    } catch {
      throw new CredentialUnreadableError(what.name);
    }
  }

  /** Of a value, for one workspace and key: keyed, so that a guess of the value cannot be checked by who has no key. */
  fingerprint(value: string, { workspaceId, name, kind }: Omit<SealedFor, "version" | "target">): string {
    const key = this.#key(this.currentKeyId, { name, kind });
    const mac = createHmac("sha256", key).update(JSON.stringify(["fingerprint", workspaceId, value]));
    return mac.digest().subarray(0, FINGERPRINT_BYTES).toString("hex");
  }

  #key(keyId: string, { name, kind }: Pick<SealedFor, "name" | "kind">): Buffer {
    const key = this.#keys.get(`${keyId}/${kind}`);
    if (key === undefined) throw new CredentialKeyMissingError(name, keyId);
    return key;
  }
}

/** As JSON, so that no part can run over into the next. */
function associatedData({ workspaceId, name, kind, target, version }: SealedFor): Buffer {
  return Buffer.from(JSON.stringify(["automatos credential 1", workspaceId, name, kind, target, version]));
}
