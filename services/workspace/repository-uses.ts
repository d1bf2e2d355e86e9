import type { ServiceRecords } from "./service-records.ts";
import type { IsLive } from "./workspace-volume.ts";

/** Which running tasks use which repository. Asked and changed under the repository's lock. */
export class RepositoryUses {
  readonly #records: ServiceRecords;
  readonly #isLive: IsLive;

  constructor(records: ServiceRecords, isLive: IsLive) {
    this.#records = records;
    this.#isLive = isLive;
  }

  async add(workspaceId: string, repository: string, taskId: string): Promise<void> {
    await this.#records.write(workspaceId, ["uses", repository, taskId], {});
  }

  /** Running tasks that use it, but for `taskId`. What a task that crashed left is forgotten on the way. */
  async others(workspaceId: string, repository: string, taskId: string | undefined): Promise<string[]> {
    const others: string[] = [];
    for (const user of await this.#records.names(workspaceId, ["uses", repository])) {
      if (user === taskId) continue;
      if (await this.#runs(user)) others.push(user);
      else await this.#records.remove(workspaceId, ["uses", repository, user]);
    }
    return others;
  }

  async removeTask(workspaceId: string, taskId: string): Promise<void> {
    for (const repository of await this.#records.names(workspaceId, ["uses"])) {
      await this.#records.remove(workspaceId, ["uses", repository, taskId]);
    }
  }

  async #runs(taskId: string): Promise<boolean> {
    return this.#isLive(taskId).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === "TASK_NOT_FOUND") return false;
      throw error;
    });
  }
}
