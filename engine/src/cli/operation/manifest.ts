/** The head of a state: when it was written and by which engine. */
import { createHash } from "node:crypto";
import { versions } from "../versions.ts";

let engine: { version: string; magic: string } | undefined;

/** `magic` is what Pulumi checks the version by: its SHA-256. */
export function manifestNow(): Record<string, string> {
  engine ??= ofVersion(`v${versions().pulumi}`);
  return { time: new Date().toISOString(), magic: engine.magic, version: engine.version };
}

function ofVersion(version: string): { version: string; magic: string } {
  return { version, magic: createHash("sha256").update(version).digest("hex") };
}
