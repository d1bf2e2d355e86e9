/** What this engine is, and whose protocol and state format it speaks. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export interface Versions {
  /** This engine's own version. */
  readonly engine: string;
  /** The version of Pulumi whose protocol and state it speaks: that of the SDK beside it. */
  readonly pulumi: string;
}

export function versions(): Versions {
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  const sdk = createRequire(import.meta.url)("@pulumi/pulumi/package.json") as { version: string };
  return { engine: own.version, pulumi: sdk.version };
}

/** As programs that read Pulumi's version expect it. */
export function versionText({ pulumi } = versions()): string {
  return `v${pulumi}+embedded`;
}

/** The line that says which engine runs. */
export function engineLine({ engine, pulumi }: Versions): string {
  return `Embedded engine ${engine}, in place of Pulumi ${pulumi} (AUTOMATOS_ENGINE=cli asks for Pulumi's own)`;
}
