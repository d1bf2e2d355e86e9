import type { Artifact, CachedRepository } from "../../../contracts/workspace.ts";
import type { DocumentList, StorageReading } from "../../../contracts/workspace-contents.ts";
import { Artifacts } from "../artifacts.ts";
import type { Repositories } from "../repositories.ts";
import { SafeFs } from "../safe-fs.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import { workspacePath } from "../workspace-path.ts";
import { listDocuments, readText } from "./documents.ts";
import type { OpenedArtifact, WorkspaceContents } from "./workspace-contents.ts";

/** The contents of workspaces whose volume is mounted here. */
export class VolumeContents implements WorkspaceContents {
  readonly #rootDir: string;
  readonly #artifacts: Artifacts;
  readonly #repositories: Pick<Repositories, "list" | "drop">;
  readonly #meter: Pick<UsageMeter, "read" | "status">;

  constructor(deps: {
    /** Folder of all workspaces. */
    readonly rootDir: string;
    readonly repositories: Pick<Repositories, "list" | "drop">;
    readonly meter: UsageMeter;
  }) {
    this.#rootDir = deps.rootDir;
    this.#artifacts = new Artifacts(deps);
    this.#repositories = deps.repositories;
    this.#meter = deps.meter;
  }

  listArtifacts(workspaceId: string): Promise<Artifact[]> {
    return this.#artifacts.list(workspaceId);
  }

  openArtifact(workspaceId: string, path: string): Promise<OpenedArtifact> {
    return this.#artifacts.open(workspaceId, path);
  }

  removeArtifact(workspaceId: string, path: string): Promise<void> {
    return this.#artifacts.remove(workspaceId, path);
  }

  listRepositories(workspaceId: string): Promise<CachedRepository[]> {
    return this.#repositories.list(workspaceId);
  }

  dropRepository(workspaceId: string, name: string): Promise<void> {
    return this.#repositories.drop(workspaceId, name);
  }

  listDocuments(workspaceId: string): Promise<DocumentList> {
    return listDocuments(this.#files(workspaceId));
  }

  readDocument(workspaceId: string, path: string): Promise<string> {
    return readText(this.#files(workspaceId), path);
  }

  async readStorage(workspaceId: string): Promise<StorageReading> {
    const { usedBytes, measuredAt } = await this.#meter.read(workspaceId);
    const { kind: quotaKind, hardLimit } = this.#meter.status;
    return { usedBytes, measuredAt, quotaKind, hardLimit };
  }

  #files(workspaceId: string): SafeFs {
    return new SafeFs(workspacePath(this.#rootDir, workspaceId));
  }
}
