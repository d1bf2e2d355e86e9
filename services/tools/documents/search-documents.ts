import type { Pool } from "pg";
import type { ToolInput } from "../../../contracts/tools.ts";
import type { WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import { splitWorkspacePath } from "../../workspace/safe-path.ts";
import { withDeadline } from "../deadline.ts";
import type { AdapterContext, ToolAdapter } from "../tool-adapter.ts";
import { DocumentIndex, type DocumentSearch } from "./document-index.ts";

export interface SearchDocumentsDeps {
  readonly pool: Pick<Pool, "query">;
  readonly contents: Pick<WorkspaceContents, "listDocuments" | "readDocument">;
  /** A text search configuration of PostgreSQL. */
  readonly language: string;
}

const TIMEOUT_SECONDS = 30;

/**
 * Full-text search over the text files of a workspace that are in no repository. The index is brought up to date by each
 * search, so that an answer is as fresh as the files were when it began, but for the `notIndexed` that it did not get to.
 * Of a file of more than 512 KiB its beginning is searched; files beyond the first 5,000 are not.
 *
 * Answers `{ results: [{ path, sizeBytes, modifiedAt, score, passages }], found, notIndexed }`, the best first.
 */
export class SearchDocumentsAdapter implements ToolAdapter<"search_documents"> {
  readonly name = "search_documents";
  readonly #index: DocumentIndex;
  readonly #contents: SearchDocumentsDeps["contents"];

  constructor(deps: SearchDocumentsDeps) {
    this.#index = new DocumentIndex(deps);
    this.#contents = deps.contents;
  }

  async call(input: ToolInput<"search_documents">, { identity, signal }: AdapterContext): Promise<DocumentSearch> {
    const { query, maxResults, path } = input;
    const folder = path === undefined ? undefined : splitWorkspacePath(path).join("/") || undefined;
    const { workspaceId } = identity;
    return withDeadline(this.name, TIMEOUT_SECONDS, signal, (until) => {
      const caller = { callId: identity.taskId, signal: until };
      const files = {
        list: () => this.#contents.listDocuments(workspaceId, caller),
        read: (document: string) => this.#contents.readDocument(workspaceId, document, caller),
      };
      return this.#index.search(workspaceId, files, { query, folder, maxResults }, until);
    });
  }
}
