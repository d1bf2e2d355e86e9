import { hkdfSync } from "node:crypto";
import type { CredentialKeyEntry } from "../../../contracts/credential-keys.ts";

/**
 * The password of a workspace's repository: HKDF-SHA256 of a key of the stack, 256 bits as base64url. Who has one can
 * make neither the stack's key nor another workspace's password of it.
 */
export function repositoryPassword({ bytes }: Pick<CredentialKeyEntry, "bytes">, workspaceId: string): string {
  const info = `automatos backup 1 ${workspaceId.toLowerCase()}`;
  return Buffer.from(hkdfSync("sha256", bytes, Buffer.alloc(0), info, 32)).toString("base64url");
}
