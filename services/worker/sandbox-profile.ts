import type { TaskResources } from "../../contracts/task.ts";
import type { SandboxLimits } from "../sandbox/sandbox.ts";

/** Processes and threads that one command may have at once. */
const MAX_PROCESSES = 512;
const MIB = 1024 ** 2;
/** A token outlives the time of what it is for by this: a clock that differs a little must not cut the network off. */
export const TOKEN_SLACK_SECONDS = 60;

/** What a command of a task or call may take of the machine. */
export const sandboxLimits = ({
  cpuMillicores,
  memoryMb,
  diskMb,
}: Pick<TaskResources, "cpuMillicores" | "memoryMb" | "diskMb">): SandboxLimits => ({
  cpuMillicores,
  memoryMb,
  maxProcesses: MAX_PROCESSES,
  maxFileBytes: diskMb * MIB,
});

/** Variables by which git in a sandbox reaches the gateway, and knows whose commits it makes. */
export function gitEnvironment(name: string, workspaceId: string): Record<string, string> {
  const email = `${workspaceId}@agents.invalid`;
  return {
    // The gateway takes Basic alone: git need not ask first which methods there are.
    GIT_HTTP_PROXY_AUTHMETHOD: "basic",
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}
