/** A stack's tags: `.pulumi/stacks/<project>/<stack>.pulumi-tags`. */
import type { BlobStore } from "./blobs/blob-store.ts";
import { EngineError } from "./errors.ts";

const tagsVersion = 1;

/** @throws EngineError when what is there is no file of tags. */
export async function readTags(blobs: BlobStore, key: string): Promise<Record<string, string>> {
  const text = await blobs.read(key);
  if (text === undefined) return {};
  const invalid = (reason: string, cause?: unknown): EngineError =>
    new EngineError("TAGS_INVALID", `could not read the stack's tags (${blobs.locate(key)}): ${reason}`, { cause });
  let content: { version?: unknown; tags?: unknown } | null;
  try {
    content = JSON.parse(text) as typeof content;
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (content?.version !== tagsVersion)
    throw invalid(`its version is ${String(content?.version)}; this engine knows ${tagsVersion}`);
  const entries = Object.entries(content.tags ?? {});
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === "string"))
    throw invalid("a tag is no text");
  return Object.fromEntries(entries);
}

/** Without tags there is no file, as with Pulumi. */
export async function writeTags(blobs: BlobStore, key: string, tags: Readonly<Record<string, string>>): Promise<void> {
  if (Object.keys(tags).length === 0) await blobs.remove(key);
  else await blobs.replace(key, JSON.stringify({ version: tagsVersion, tags }));
}

/** @throws EngineError as Pulumi refuses it: a name of letters, digits and `-_.:`, at most 40; a value of at most 256. */
export function checkTag(name: string, value: string): void {
  const refuse = (reason: string): never => {
    throw new EngineError("TAG_INVALID", `invalid stack tag: ${reason}`);
  };
  if (name === "") refuse("a name may not be empty");
  if (name.length > 40) refuse(`the name '${name}' is too long: ${name.length} characters, at most 40`);
  if (!/^[a-zA-Z0-9-_.:]+$/.test(name))
    refuse(`the name '${name}' may hold letters, digits, hyphens, underscores, periods and colons alone`);
  if (value.length > 256) refuse(`the value of '${name}' is too long: ${value.length} characters, at most 256`);
}
