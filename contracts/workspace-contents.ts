import { z } from "zod";
import { QuotaKind } from "./workspace-quota.ts";
import { Artifact, CachedRepository } from "./workspace.ts";

const path = z.string().max(4_096);

/** What the API asks a worker of the files of a workspace, beside the calls of tools. */
export const ContentsRequest = z.discriminatedUnion("want", [
  z.strictObject({ want: z.literal("artifacts") }),
  z.strictObject({ want: z.literal("artifact"), path }),
  z.strictObject({ want: z.literal("artifact_removed"), path }),
  z.strictObject({ want: z.literal("repositories") }),
  z.strictObject({ want: z.literal("repository_dropped"), name: z.string().max(200) }),
  z.strictObject({ want: z.literal("documents") }),
  z.strictObject({ want: z.literal("document_text"), path }),
  z.strictObject({ want: z.literal("storage") }),
]);
export type ContentsRequest = z.infer<typeof ContentsRequest>;

/** What a workspace takes on the volume, and how that is counted there. */
export const StorageReading = z.strictObject({
  usedBytes: z.int().min(0),
  measuredAt: z.iso.datetime({ offset: true }),
  quotaKind: QuotaKind,
  hardLimit: z.boolean(),
});
export type StorageReading = z.infer<typeof StorageReading>;

/** A file that is searched for text. */
export const DocumentFile = z.strictObject({
  path: z.string(),
  sizeBytes: z.int().min(0),
  modifiedMs: z.int(),
});
export type DocumentFile = z.infer<typeof DocumentFile>;

/** The documents of a workspace; not `complete` where there are more than are looked at. */
export const DocumentList = z.strictObject({ found: z.array(DocumentFile), complete: z.boolean() });
export type DocumentList = z.infer<typeof DocumentList>;

/** What a worker answers, by what was wanted; an artifact itself comes as bytes. */
export const CONTENTS_ANSWERS = {
  artifacts: z.array(Artifact),
  artifact_removed: z.null(),
  repositories: z.array(CachedRepository),
  repository_dropped: z.null(),
  documents: DocumentList,
  document_text: z.string(),
  storage: StorageReading,
} as const;

/** Header of an artifact's bytes: when it was written, to the millisecond. */
export const MODIFIED_AT_HEADER = "x-modified-at";
