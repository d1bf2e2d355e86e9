import type { Readable } from "node:stream";
import type { Artifact, CachedRepository } from "../../../contracts/workspace.ts";
import type { DocumentList, StorageReading } from "../../../contracts/workspace-contents.ts";

/** Whose request it is, and for how long somebody waits for the answer. */
export interface ContentsCaller {
  /** The request's id. */
  readonly callId: string;
  /** Fires when the caller has gone away. */
  readonly signal: AbortSignal;
}

export interface OpenedArtifact {
  readonly artifact: Artifact;
  /** Gives `sizeBytes` bytes or an error; whoever does not read it to its end destroys it. */
  readonly stream: Readable;
}

/**
 * What lies on the volume of a workspace, as the API shows it. Whether the volume is here or at a worker makes no
 * difference: tests/contract/workspace-contents.contract.ts. No path leads out of the workspace, whatever links the
 * tenant made. At a worker each may fail with NoWorkerError (503) or WorkerLostError (502).
 */
export interface WorkspaceContents {
  /** Regular files below `artifacts/`, sorted by path; at most 10,000. None of a workspace in which nothing has run. */
  listArtifacts(workspaceId: string, caller: ContentsCaller): Promise<Artifact[]>;
  /** @throws ArtifactNotFoundError */
  openArtifact(workspaceId: string, path: string, caller: ContentsCaller): Promise<OpenedArtifact>;
  /** Removes a file, or a folder with all that is in it. @throws ArtifactNotFoundError */
  removeArtifact(workspaceId: string, path: string, caller: ContentsCaller): Promise<void>;
  /** Every folder below `repos/`. */
  listRepositories(workspaceId: string, caller: ContentsCaller): Promise<CachedRepository[]>;
  /** Removes a clone and all that is in it. @throws RepositoryNotFoundError, RepositoryInUseError */
  dropRepository(workspaceId: string, name: string, caller: ContentsCaller): Promise<void>;
  /** The files that search_documents looks at; at most 5,000. */
  listDocuments(workspaceId: string, caller: ContentsCaller): Promise<DocumentList>;
  /** Its first 512 KiB; empty for what is no text, or is there no more. */
  readDocument(workspaceId: string, path: string, caller: ContentsCaller): Promise<string>;
  /** What is known: never looks at the files, but of a workspace that was never measured. */
  readStorage(workspaceId: string, caller: ContentsCaller): Promise<StorageReading>;
}
