import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { WorkerClient } from "../../../services/api/calls/worker-client.ts";
import { WorkerContents } from "../../../services/api/contents/worker-contents.ts";
import { VolumeContents } from "../../../services/workspace/contents/volume-contents.ts";
import { Repositories } from "../../../services/workspace/repositories.ts";
import { InMemoryRepositoryLocks } from "../../../services/workspace/repository-locks.ts";
import { CountedUsageMeter } from "../../../services/workspace/usage/counted-usage-meter.ts";
import { type ContentsHarness, describeWorkspaceContents } from "../../contract/workspace-contents.contract.ts";
import { silentLog } from "../../support/database.ts";
import { startToolServer } from "../../support/tool-server.ts";

const KEY = new Uint8Array(32).fill(3);
const grants = {
  for: async (workspaceId: string, callId: string): Promise<CallGrant> => ({
    callId,
    workspaceId,
    uid: 100_001,
    plan: "pro",
    createdAt: new Date().toISOString(),
    quotaBytes: 1,
    maxCalls: 1,
    toolPolicy: ToolPolicy.parse({}),
  }),
};

async function onVolume(): Promise<ContentsHarness> {
  const rootDir = await mkdtemp(join(tmpdir(), "contents-"));
  const locks = new InMemoryRepositoryLocks();
  const meter = new CountedUsageMeter({ rootDir, logger: silentLog });
  const repositories = new Repositories({ rootDir, locks, meter, isLive: async () => false, logger: silentLog });
  return {
    contents: new VolumeContents({ rootDir, repositories, meter }),
    rootDir,
    locks,
    createWorkspace: async () => randomUUID(),
    maxBufferedBytes: 1024 ** 2,
    async openFiles() {
      const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
      return (await Promise.all(links)).filter((target) => target.startsWith(join(rootDir, ""))).length;
    },
    async close() {
      await meter.close();
      await locks.close();
      await rm(rootDir, { recursive: true });
    },
  };
}

async function throughWorker(): Promise<ContentsHarness> {
  const volume = await onVolume();
  const server = await startToolServer({ grantKey: KEY, workspaceDir: volume.rootDir, contents: volume.contents });
  const directory = { for: async () => [{ workerId: "worker-0", url: server.url }], forget: () => undefined };
  const workers = new WorkerClient({ directory, grantKey: KEY });
  return {
    ...volume,
    contents: new WorkerContents({ workers, grants }),
    async close() {
      await workers.close();
      await server.close(0);
      await volume.close();
    },
  };
}

describeWorkspaceContents("on the volume itself", onVolume);
describeWorkspaceContents("through a worker", throughWorker);

describe("the contents of workspaces, without a worker", () => {
  it("say so, with what to do", async () => {
    const directory = { for: async () => [], forget: () => undefined };
    const workers = new WorkerClient({ directory, grantKey: KEY });
    const contents = new WorkerContents({ workers, grants });
    const { signal } = new AbortController();
    await assert.rejects(contents.listArtifacts(randomUUID(), { callId: randomUUID(), signal }), {
      code: "NO_WORKER",
      status: 503,
      remedy: /start a worker/,
    });
    await workers.close();
  });

  it("are not given for a grant that another key has signed", async () => {
    const volume = await onVolume();
    const server = await startToolServer({ grantKey: KEY, workspaceDir: volume.rootDir, contents: volume.contents });
    const directory = { for: async () => [{ workerId: "worker-0", url: server.url }], forget: () => undefined };
    const workers = new WorkerClient({ directory, grantKey: new Uint8Array(32).fill(4) });
    const contents = new WorkerContents({ workers, grants });
    const { signal } = new AbortController();
    await assert.rejects(contents.readStorage(randomUUID(), { callId: randomUUID(), signal }), {
      code: "GRANT_REFUSED",
    });
    await workers.close();
    await server.close(0);
    await volume.close();
  });
});
