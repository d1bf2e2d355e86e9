import type { BackupConfig } from "../../../contracts/backup.ts";
import type { PlatformError } from "../../../contracts/errors.ts";
import {
  BackupBucketMissingError,
  BackupDamagedError,
  BackupProgramError,
  BackupStoreRefusedError,
  BackupStoreUnreachableError,
  NoSpaceToRestoreError,
  RepositoryLockedError,
} from "./errors.ts";

/** Nothing is in the store for a workspace. */
export class NoRepositoryError extends Error {}
export class WrongPasswordError extends Error {}

const BUCKET = /specified bucket does not exist|NoSuchBucket/i;
const REFUSED =
  /Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch|signature we calculated|access key I[Dd]|\bForbidden\b/i;
const LOCKED = /repository is already locked|unable to create lock in backend/i;
const AWAY =
  /dial tcp|connection refused|connection reset|no such host|i\/o timeout|broken pipe|\bEOF\b|TLS handshake|Internal ?Error|Service ?Unavailable|SlowDown|deadline exceeded|Gateway|returned error, retrying/i;
const NOTHING = /specified key does not exist|Is there a repository at/i;
const DAMAGED =
  /ciphertext verification failed|hash mismatch|does not match|invalid data|not found in (?:index|repository)|no matching ID|unable to load|load.*failed|wrong hash|cannot decode/i;
const MAX_SAID = 300;

/** A line that restic writes before it tries a request again. */
export const isPassingTrouble = (line: string): boolean => line.includes("returned error, retrying");
/** What no second try changes. */
export const isRefusal = (line: string): boolean => BUCKET.test(line) || REFUSED.test(line);

/** What restic's words mean for whoever asked. */
export function explainRestic(
  stderr: string,
  { endpoint, bucket }: Pick<BackupConfig, "endpoint" | "bucket">,
): PlatformError | NoRepositoryError | WrongPasswordError {
  const said = lastWords(stderr);
  if (BUCKET.test(stderr)) return new BackupBucketMissingError(endpoint, bucket);
  if (REFUSED.test(stderr)) return new BackupStoreRefusedError(endpoint, said);
  if (stderr.includes("wrong password or no key found")) return new WrongPasswordError(said);
  if (LOCKED.test(stderr)) return new RepositoryLockedError(said);
  if (stderr.includes("no space left on device") || stderr.includes("disk quota exceeded")) {
    return new NoSpaceToRestoreError(0, 0);
  }
  if (DAMAGED.test(stderr)) return new BackupDamagedError(said);
  if (AWAY.test(stderr)) return new BackupStoreUnreachableError(endpoint, said);
  if (NOTHING.test(stderr)) return new NoRepositoryError(said);
  return new BackupProgramError("restic", said);
}

/** The first line that tells a failure, without what restic prints around it. */
function lastWords(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("Is there a repository"));
  const fatal = lines.find((line) => /^(Fatal|error|ignoring error)/i.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return fatal.replace(/^Fatal: /, "").slice(0, MAX_SAID);
}
