import type { Readable } from "node:stream";
import type { Artifact, CachedRepository } from "../../../contracts/workspace.ts";
import {
  CONTENTS_ANSWERS,
  type ContentsRequest,
  type DocumentList,
  MODIFIED_AT_HEADER,
  type StorageReading,
} from "../../../contracts/workspace-contents.ts";
import type { z } from "zod";
import type { ContentsCaller, OpenedArtifact, WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import type { CallGrants } from "../calls/call-grants.ts";
import { WorkerLostError } from "../calls/errors.ts";
import type { WorkerClient } from "../calls/worker-client.ts";

export interface WorkerContentsDeps {
  readonly workers: Pick<WorkerClient, "request">;
  readonly grants: Pick<CallGrants, "for">;
}

/** The contents of workspaces whose volume is a worker's: each question is put to one of the workers that live. */
export class WorkerContents implements WorkspaceContents {
  readonly #workers: Pick<WorkerClient, "request">;
  readonly #grants: Pick<CallGrants, "for">;

  constructor(deps: WorkerContentsDeps) {
    this.#workers = deps.workers;
    this.#grants = deps.grants;
  }

  listArtifacts(workspaceId: string, caller: ContentsCaller): Promise<Artifact[]> {
    return this.#ask(CONTENTS_ANSWERS.artifacts, workspaceId, { want: "artifacts" }, caller);
  }

  async openArtifact(workspaceId: string, path: string, caller: ContentsCaller): Promise<OpenedArtifact> {
    const { body, headers } = await this.#send(workspaceId, { want: "artifact", path }, caller);
    const sizeBytes = Number(headers["content-length"]);
    const artifact = { path, sizeBytes, modifiedAt: String(headers[MODIFIED_AT_HEADER]) };
    return { artifact, stream: body };
  }

  async removeArtifact(workspaceId: string, path: string, caller: ContentsCaller): Promise<void> {
    await this.#ask(CONTENTS_ANSWERS.artifact_removed, workspaceId, { want: "artifact_removed", path }, caller);
  }

  listRepositories(workspaceId: string, caller: ContentsCaller): Promise<CachedRepository[]> {
    return this.#ask(CONTENTS_ANSWERS.repositories, workspaceId, { want: "repositories" }, caller);
  }

  async dropRepository(workspaceId: string, name: string, caller: ContentsCaller): Promise<void> {
    await this.#ask(CONTENTS_ANSWERS.repository_dropped, workspaceId, { want: "repository_dropped", name }, caller);
  }

  listDocuments(workspaceId: string, caller: ContentsCaller): Promise<DocumentList> {
    return this.#ask(CONTENTS_ANSWERS.documents, workspaceId, { want: "documents" }, caller);
  }

  readDocument(workspaceId: string, path: string, caller: ContentsCaller): Promise<string> {
    return this.#ask(CONTENTS_ANSWERS.document_text, workspaceId, { want: "document_text", path }, caller);
  }

  readStorage(workspaceId: string, caller: ContentsCaller): Promise<StorageReading> {
    return this.#ask(CONTENTS_ANSWERS.storage, workspaceId, { want: "storage" }, caller);
  }

  async #ask<Schema extends z.ZodType>(
    answer: Schema,
    workspaceId: string,
    request: ContentsRequest,
    caller: ContentsCaller,
  ): Promise<z.infer<Schema>> {
    const { body } = await this.#send(workspaceId, request, caller);
    const read = await body.json().catch((error: unknown) => {
      caller.signal.throwIfAborted();
      throw new WorkerLostError(error);
    });
    return answer.parse(read);
  }

  async #send(
    workspaceId: string,
    request: ContentsRequest,
    { callId, signal }: ContentsCaller,
  ): Promise<{ body: Readable & { json(): Promise<unknown> }; headers: Readonly<Record<string, unknown>> }> {
    const grant = await this.#grants.for(workspaceId, callId);
    return this.#workers.request(grant, {
      method: "POST",
      path: "/v1/contents",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal,
    });
  }
}
