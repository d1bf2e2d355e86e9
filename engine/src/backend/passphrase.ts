/**
 * Pulumi's passphrase secrets: AES-256-GCM under a key derived with PBKDF2-SHA256, 1,000,000 iterations. A value is
 * `v1:<nonce, base64>:<ciphertext and tag, base64>`; a salt is `v1:<salt, base64>:<"pulumi", encrypted>`, so that a
 * wrong passphrase is noticed at once.
 */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { EngineError } from "./errors.ts";
import type { Environment } from "./locations.ts";
import { PassphraseMissingError, SaltInvalidError, WrongPassphraseError } from "./passphrase-errors.ts";

const iterations = 1_000_000;
const keyBytes = 32;
const saltLength = 8;
const nonceBytes = 12;
const tagBytes = 16;
const check = "pulumi";
const derive = promisify(pbkdf2);

/** Encrypts and decrypts the secrets of one stack. */
export class Crypter {
  /** `encryptionsalt` of Pulumi.<stack>.yaml, and `state.salt` of the state's `secrets_providers`. */
  readonly salt: string;
  readonly #key: Buffer;

  private constructor(salt: string, key: Buffer) {
    this.salt = salt;
    this.#key = key;
  }

  /** A crypter with a new salt. Takes about a third of a second. */
  static async create(passphrase: string): Promise<Crypter> {
    const salt = randomBytes(saltLength);
    const key = await derive(passphrase, salt, iterations, keyBytes, "sha256");
    const proof = new Crypter("", key).encrypt(check);
    return new Crypter(`v1:${salt.toString("base64")}:${proof}`, key);
  }

  /**
   * The crypter of a known salt.
   * @param where What the salt was read from, for the error.
   * @throws SaltInvalidError, WrongPassphraseError
   */
  static async open(passphrase: string, salt: string, where: string): Promise<Crypter> {
    const { saltBytes, proof } = parseSalt(salt, where);
    const key = await derive(passphrase, saltBytes, iterations, keyBytes, "sha256");
    const crypter = new Crypter(salt, key);
    let decrypted: string | undefined;
    try {
      decrypted = crypter.decrypt(proof);
    } catch {
      // a wrong key fails GCM's authentication: that is the answer, not an accident
    }
    if (decrypted !== check) throw new WrongPassphraseError(where);
    return crypter;
  }

  encrypt(plaintext: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  }

  /** @throws EngineError when the value was not made with this key, or was changed. */
  decrypt(value: string): string {
    const [version, nonce, sealed, ...rest] = value.split(":");
    if (version !== "v1" || nonce === undefined || sealed === undefined || rest.length > 0)
      throw new EngineError("SECRET_INVALID", "an encrypted value is malformed: it is not v1:<nonce>:<ciphertext>");
    const bytes = Buffer.from(sealed, "base64");
    const body = bytes.subarray(0, -tagBytes);
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, Buffer.from(nonce, "base64"), {
        authTagLength: tagBytes,
      });
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    } catch (cause) {
      throw new EngineError(
        "SECRET_INVALID",
        "an encrypted value does not belong to this stack's passphrase and salt",
        {
          cause,
        },
      );
    }
  }
}

/** A salt's parts. What is cut or no base64 is told apart from a wrong passphrase; a changed digit cannot be. */
function parseSalt(salt: string, where: string): { saltBytes: Buffer; proof: string } {
  const [version, encodedSalt = "", proofVersion, nonce = "", sealed = "", ...rest] = salt.split(":");
  const saltBytes = decode(encodedSalt);
  const isWhole =
    version === "v1" &&
    proofVersion === "v1" &&
    rest.length === 0 &&
    saltBytes?.length === saltLength &&
    decode(nonce)?.length === nonceBytes &&
    decode(sealed)?.length === check.length + tagBytes;
  if (!isWhole) throw new SaltInvalidError(where);
  return { saltBytes, proof: `v1:${nonce}:${sealed}` };
}

/** Strict, unlike Buffer's own reading, which passes over what is no base64. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/**
 * The passphrase from the environment, or asked for.
 * @param ask Undefined where nobody can be asked.
 * @throws PassphraseMissingError
 */
export async function readPassphrase(
  env: Environment,
  ask: ((question: string) => Promise<string>) | undefined,
): Promise<string> {
  const set = env["PULUMI_CONFIG_PASSPHRASE"];
  if (set !== undefined) return set;
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (file !== undefined && file !== "") {
    try {
      return (await readFile(file, "utf8")).trim();
    } catch (cause) {
      throw new EngineError("PASSPHRASE_FILE", `unable to read PULUMI_CONFIG_PASSPHRASE_FILE (${file})`, { cause });
    }
  }
  if (ask === undefined) throw new PassphraseMissingError();
  return ask(
    "Enter your passphrase to unlock config/secrets\n" +
      "    (set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to remember): ",
  );
}
