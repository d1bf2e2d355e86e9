import type { Pool } from "pg";
import type { DocumentFile, DocumentList } from "../../../contracts/workspace-contents.ts";

/** The documents of one workspace. */
export interface Documents {
  list(): Promise<DocumentList>;
  /** Its text; empty for what is none, or is there no more. */
  read(path: string): Promise<string>;
}

export interface FoundDocument {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: string;
  /** How well it matches; comparable within one search only. */
  readonly score: number;
  /** Where it matches, as it is at this moment; empty for results that come after 4 MiB of others. */
  readonly passages: string;
}

export interface DocumentSearch {
  readonly results: readonly FoundDocument[];
  /** Documents that match, beyond `maxResults` too. */
  readonly found: number;
  /** Files that are new or changed and that this search had no time or room to index. The next one goes on. */
  readonly notIndexed: number;
}

interface Row {
  readonly path: string;
  readonly size_bytes: string;
  readonly modified_ms: string;
  readonly score: number;
  readonly found: string;
}

/** What one search may index before it answers. */
const MAX_BYTES_PER_SEARCH = 32 * 1024 ** 2;
const MAX_MS_PER_SEARCH = 8_000;
/** Of the texts in which passages are looked for: that takes a second for some MiB. */
const MAX_PASSAGE_CHARS = 4 * 1024 ** 2;
const HEADLINE = 'MaxFragments=3, MaxWords=40, MinWords=15, StartSel="", StopSel="", FragmentDelimiter=" … "';
/** PostgreSQL: the words of the text are more than a tsvector holds. */
const TOO_MANY_WORDS = "54000";

/** Full-text search over a workspace's documents, by PostgreSQL. Each search first indexes what has changed. */
export class DocumentIndex {
  readonly #pool: Pick<Pool, "query">;
  readonly #language: string;

  constructor(deps: { readonly pool: Pick<Pool, "query">; readonly language: string }) {
    this.#pool = deps.pool;
    this.#language = deps.language;
  }

  async search(
    workspaceId: string,
    files: Documents,
    search: { readonly query: string; readonly folder: string | undefined; readonly maxResults: number },
    signal: AbortSignal,
  ): Promise<DocumentSearch> {
    const notIndexed = await this.#bringUpToDate(workspaceId, files, signal);
    const { rows } = await this.#pool.query<Row>(
      `SELECT path, size_bytes, modified_ms, ts_rank_cd(words, wanted, 1) AS score, count(*) OVER () AS found
       FROM workspace_documents, websearch_to_tsquery($2::text::regconfig, $3::text) AS wanted
       WHERE workspace_id = $1 AND words @@ wanted AND ($4::text IS NULL OR path = $4 OR starts_with(path, $4 || '/'))
       ORDER BY score DESC, path LIMIT $5`,
      [workspaceId, this.#language, search.query, search.folder ?? null, search.maxResults],
    );
    const passages = await this.#passages(files, search.query, rows);
    const results = rows.map(({ path, size_bytes, modified_ms, score }, index) => ({
      path,
      sizeBytes: Number(size_bytes),
      modifiedAt: new Date(Number(modified_ms)).toISOString(),
      score,
      passages: passages[index] ?? "",
    }));
    return { results, found: Number(rows[0]?.found ?? 0), notIndexed };
  }

  async #bringUpToDate(workspaceId: string, files: Documents, signal: AbortSignal): Promise<number> {
    const { found, complete } = await files.list();
    const { rows } = await this.#pool.query<Omit<Row, "score" | "found">>(
      "SELECT path, size_bytes, modified_ms FROM workspace_documents WHERE workspace_id = $1 AND language = $2",
      [workspaceId, this.#language],
    );
    const known = new Map(rows.map((row) => [row.path, `${row.size_bytes} ${row.modified_ms}`]));
    const changed = found
      .filter(({ path, sizeBytes, modifiedMs }) => known.get(path) !== `${sizeBytes} ${modifiedMs}`)
      .sort((a, b) => b.modifiedMs - a.modifiedMs);
    if (complete) {
      await this.#pool.query("DELETE FROM workspace_documents WHERE workspace_id = $1 AND path <> ALL ($2::text[])", [
        workspaceId,
        found.map(({ path }) => path),
      ]);
    }
    const deadline = performance.now() + MAX_MS_PER_SEARCH;
    let bytes = 0;
    for (const [index, file] of changed.entries()) {
      signal.throwIfAborted();
      if (bytes > MAX_BYTES_PER_SEARCH || performance.now() > deadline) return changed.length - index;
      const text = await files.read(file.path);
      bytes += text.length;
      await this.#write(workspaceId, file, text);
    }
    return 0;
  }

  async #write(workspaceId: string, { path, sizeBytes, modifiedMs }: DocumentFile, text: string): Promise<void> {
    for (let length = text.length; ; length = Math.floor(length / 2)) {
      try {
        await this.#pool.query(
          `INSERT INTO workspace_documents (workspace_id, path, size_bytes, modified_ms, language, words)
           VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::text = '' THEN ''::tsvector ELSE
             setweight(to_tsvector('simple', translate($2::text, '/._-', '    ')), 'A')
             || to_tsvector($5::text::regconfig, $6::text) END)
           ON CONFLICT (workspace_id, path) DO UPDATE SET size_bytes = EXCLUDED.size_bytes,
             modified_ms = EXCLUDED.modified_ms, language = EXCLUDED.language, words = EXCLUDED.words`,
          [workspaceId, path, sizeBytes, modifiedMs, this.#language, text.slice(0, length)],
        );
        return;
      } catch (error) {
        if ((error as { code?: unknown }).code !== TOO_MANY_WORDS || length === 0) throw error;
      }
    }
  }

  async #passages(files: Documents, query: string, found: readonly Row[]): Promise<string[]> {
    const texts: string[] = [];
    let length = 0;
    for (const { path } of found) {
      const text = length > MAX_PASSAGE_CHARS ? "" : await files.read(path);
      length += text.length;
      texts.push(text);
    }
    const { rows } = await this.#pool.query<{ passages: string }>(
      `SELECT ts_headline($1::text::regconfig, text, websearch_to_tsquery($1::text::regconfig, $2::text), $3::text) AS passages
       FROM unnest($4::text[]) WITH ORDINALITY AS t (text, n) ORDER BY n`,
      [this.#language, query, HEADLINE, texts],
    );
    return rows.map(({ passages }) => passages);
  }
}
