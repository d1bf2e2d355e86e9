import { pipeline, type Readable, Transform } from "node:stream";
import { PlatformError } from "../../contracts/errors.ts";
import type { Artifact } from "../../contracts/workspace.ts";
import { SafeFs } from "./safe-fs.ts";
import type { UsageMeter } from "./usage/usage-meter.ts";
import { workspacePath } from "./workspace-path.ts";

const FOLDER = "artifacts";
const MAX_LISTED = 10_000;

export class ArtifactNotFoundError extends PlatformError {
  constructor(path: string, cause?: unknown) {
    super("ARTIFACT_NOT_FOUND", `artifacts/${path.slice(0, 200)} does not exist`, {
      remedy: "List the artifacts with `automatos workspace artifacts`.",
      status: 404,
      cause,
    });
  }
}

/** What tasks keep for people in `artifacts/`: reports, coverage, builds. Paths are below that folder. */
export class Artifacts {
  readonly #rootDir: string;
  readonly #meter: UsageMeter;

  constructor(deps: { readonly rootDir: string; readonly meter: UsageMeter }) {
    this.#rootDir = deps.rootDir;
    this.#meter = deps.meter;
  }

  /** Regular files, sorted by path; at most 10,000. */
  async list(workspaceId: string): Promise<Artifact[]> {
    const found = this.#files(workspaceId).list(FOLDER, { maxEntries: MAX_LISTED, recursive: true });
    const { entries } = await found.catch((error: unknown) => {
      if (isMissing(error)) return { entries: [] };
      throw error;
    });
    return entries
      .filter(({ type }) => type === "file")
      .map(({ path, sizeBytes, modifiedAt }) => ({
        path: path.slice(FOLDER.length + 1),
        sizeBytes,
        modifiedAt: modifiedAt.toISOString(),
      }));
  }

  /**
   * Opens a file for download. The stream gives as many bytes as `sizeBytes` says, even if the file grows meanwhile, and
   * an error if it shrinks; whoever does not read it to its end destroys it.
   *
   * @throws ArtifactNotFoundError
   */
  async open(workspaceId: string, path: string): Promise<{ readonly artifact: Artifact; readonly stream: Readable }> {
    const handle = await this.#files(workspaceId)
      .openFile(below(path))
      .catch((error: unknown) => {
        throw isMissing(error) ? new ArtifactNotFoundError(path, error) : error;
      });
    try {
      const stats = await handle.stat();
      const artifact = { path, sizeBytes: stats.size, modifiedAt: stats.mtime.toISOString() };
      // An empty file has no last byte to name.
      const stream = handle.createReadStream(stats.size === 0 ? { start: 0 } : { start: 0, end: stats.size - 1 });
      return { artifact, stream: wholeOnly(stream, stats.size) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Removes a file, or a folder with all that is in it. @throws ArtifactNotFoundError */
  async remove(workspaceId: string, path: string): Promise<void> {
    const files = this.#files(workspaceId);
    await files.stat(below(path)).catch((error: unknown) => {
      throw isMissing(error) ? new ArtifactNotFoundError(path, error) : error;
    });
    await files.remove(below(path));
    await this.#meter.measure(workspaceId);
  }

  #files(workspaceId: string): SafeFs {
    return new SafeFs(workspacePath(this.#rootDir, workspaceId));
  }
}

/** The same bytes; an end before all of `size` is an error, so that nobody takes a part for the file. */
function wholeOnly(stream: Readable, size: number): Readable {
  let left = size;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      done(null, chunk);
    },
    flush(done) {
      done(left > 0 ? new Error(`the file has lost its last ${left} bytes`) : null);
    },
  });
  pipeline(stream, counted, () => undefined); // whoever reads `counted` hears of an error, and ends both
  return counted;
}

/** @throws ArtifactNotFoundError for what is no way down: SafeFs would take `a/../../repos` for a path of the workspace. */
function below(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0 || parts.includes("..") || parts.includes(".")) throw new ArtifactNotFoundError(path);
  return `${FOLDER}/${parts.join("/")}`;
}

/** To whom asks, a folder, a link or a FIFO is no artifact. */
const isMissing = (error: unknown): boolean =>
  [
    "FILE_NOT_FOUND",
    "NOT_A_DIRECTORY",
    "NOT_A_FILE",
    "PATH_IS_SYMLINK",
    "PATH_TOO_LONG",
    "PATH_OUTSIDE_WORKSPACE",
  ].includes(String((error as { code?: unknown }).code));
