import assert from "node:assert/strict";
import { VolumeContents } from "../../services/workspace/contents/volume-contents.ts";
import type { WorkspaceContents } from "../../services/workspace/contents/workspace-contents.ts";
import { CountedUsageMeter } from "../../services/workspace/usage/counted-usage-meter.ts";
import { ToolServer, type CallTimes } from "../../services/worker/tool-server/tool-server.ts";
import { silentLog } from "./database.ts";

const NO_CONTENTS = new VolumeContents({
  rootDir: "/nonexistent",
  repositories: { list: () => assert.fail("no repositories"), drop: () => assert.fail("no repositories") },
  meter: new CountedUsageMeter({ rootDir: "/nonexistent", logger: silentLog }),
});

export interface TestToolServer {
  readonly url: string;
  /** Calls under way, as the quota's guard sees them. */
  readonly watched: number;
  close(graceMs: number): Promise<void>;
}

/** A worker's door for tool calls, in this process, over one folder that is every workspace's; it runs no commands. */
export async function startToolServer(options: {
  readonly grantKey: Uint8Array;
  readonly workspaceDir: string;
  /** What is to be done before a workspace can be used. */
  readonly prepare?: () => Promise<unknown>;
  readonly times?: CallTimes;
  /** What is on the volume. @default nothing may be asked for */
  readonly contents?: WorkspaceContents;
}): Promise<TestToolServer> {
  const { workspaceDir, prepare, times = {}, contents = NO_CONTENTS } = options;
  let watched = 0;
  const server = new ToolServer({
    host: "127.0.0.1",
    port: 0,
    concurrency: 10,
    volume: {
      workspaceDir: () => workspaceDir,
      prepare: async () => {
        await prepare?.();
        return workspaceDir;
      },
    },
    usage: { refreshInBackground: () => undefined, read: () => Promise.resolve({ usedBytes: 0 } as never) },
    contents,
    guard: {
      admit: () => Promise.resolve(undefined),
      watch: () => {
        watched += 1;
        const { signal } = new AbortController();
        return { signal, refused: () => Promise.resolve(), stop: () => (watched -= 1) };
      },
    },
    sandbox: {
      kind: "none",
      status: { kind: "none", available: true, problem: null, limitedBy: "nothing", userPerWorkspace: false },
      run: () => Promise.reject(new Error("no commands are run here")),
      recover: () => Promise.resolve(0),
    },
    gateway: { socketPath: "/nonexistent", tokenKey: options.grantKey },
    gitHosts: async () => [],
    environment: {},
    times,
    log: silentLog,
  });
  await server.start();
  return {
    url: `http://127.0.0.1:${server.port}`,
    get watched() {
      return watched;
    },
    close: (graceMs) => server.close(graceMs),
  };
}
