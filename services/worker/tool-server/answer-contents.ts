import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { type ContentsRequest, MODIFIED_AT_HEADER } from "../../../contracts/workspace-contents.ts";
import type { ContentsCaller, WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import type { IdleTimer } from "./idle-timer.ts";

/** What is asked for, and what a transfer's bytes are told to. */
export interface ContentsCall {
  readonly workspaceId: string;
  readonly request: ContentsRequest;
  readonly caller: ContentsCaller;
  readonly idle: IdleTimer;
}

/** Answers the API, which has no volume, with what lies on this one. An artifact goes as fast as it is taken. */
export async function answerContents(
  contents: WorkspaceContents,
  call: ContentsCall,
  response: ServerResponse,
): Promise<void> {
  if (call.request.want === "artifact") {
    await sendArtifact(contents, call.request.path, call, response);
    return;
  }
  const body = Buffer.from(JSON.stringify((await read(contents, call.request, call)) ?? null));
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}

function read(
  contents: WorkspaceContents,
  request: Exclude<ContentsRequest, { want: "artifact" }>,
  { workspaceId, caller }: ContentsCall,
): Promise<unknown> {
  switch (request.want) {
    case "artifacts":
      return contents.listArtifacts(workspaceId, caller);
    case "artifact_removed":
      return contents.removeArtifact(workspaceId, request.path, caller);
    case "repositories":
      return contents.listRepositories(workspaceId, caller);
    case "repository_dropped":
      return contents.dropRepository(workspaceId, request.name, caller);
    case "documents":
      return contents.listDocuments(workspaceId, caller);
    case "document_text":
      return contents.readDocument(workspaceId, request.path, caller);
    case "storage":
      return contents.readStorage(workspaceId, caller);
  }
}

async function sendArtifact(
  contents: WorkspaceContents,
  path: string,
  { workspaceId, caller, idle }: ContentsCall,
  response: ServerResponse,
): Promise<void> {
  const { artifact, stream } = await contents.openArtifact(workspaceId, path, caller);
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": artifact.sizeBytes,
    [MODIFIED_AT_HEADER]: artifact.modifiedAt,
  });
  idle.feed();
  stream.on("data", () => idle.feed());
  await pipeline(stream, response, { signal: caller.signal });
}
