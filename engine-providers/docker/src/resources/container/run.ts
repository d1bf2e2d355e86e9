/** Starting a container, and waiting for it: to become healthy, or to end. */
import { setTimeout } from "node:timers/promises";
import type { OperationContext } from "@automatos/provider-plugin";
import type { ContainerInspectInfo } from "dockerode";
import type { Daemon } from "../../daemon/daemon.ts";
import type { ContainerInputs } from "./inputs.ts";
import { readLogs } from "./logs.ts";

const POLL_MILLISECONDS = 200;

/** The container is there, and not as the program wants it. */
class UnhealthyContainerError extends Error {
  override readonly name = "UnhealthyContainerError";
}

/** What an ended container left. */
export interface Ended {
  readonly exitCode: number;
  readonly logs: string;
}

/** Starting what runs is no failure. */
export async function startContainer(daemon: Daemon, id: string, name: string): Promise<void> {
  await daemon.ask(`start container ${name}`, async (docker) => {
    const container = docker.getContainer(id);
    if (!(await container.inspect()).State.Running) await container.start();
  });
}

/** @throws UnhealthyContainerError when its time is over, it ended, or has no health check. */
export async function waitUntilHealthy(
  daemon: Daemon,
  id: string,
  { name, waitTimeout }: ContainerInputs,
  { signal }: OperationContext,
): Promise<void> {
  const deadline = Date.now() + waitTimeout * 1_000;
  for (;;) {
    const { State: state } = await daemon.ask(`inspect container ${name}`, (docker) =>
      docker.getContainer(id).inspect(),
    );
    const status = state.Health?.Status;
    if (status === "healthy") return;
    if (!state.Running) {
      const logs = await readLogs(daemon, id, { tail: 10 });
      throw new UnhealthyContainerError(
        `container ${name} ended with exit code ${state.ExitCode} before it was healthy${quoted(logs)}`,
      );
    }
    if (status === undefined || status === "none") {
      throw new UnhealthyContainerError(
        `container ${name} has no health check to wait for; add healthcheck, or leave out wait`,
      );
    }
    if (Date.now() > deadline) {
      const last = state.Health?.Log.at(-1);
      const check = last ? `; the last check ended with ${last.ExitCode}${quoted(last.Output)}` : "";
      throw new UnhealthyContainerError(`container ${name} is ${status} after ${waitTimeout} seconds${check}`);
    }
    await setTimeout(POLL_MILLISECONDS, undefined, { signal });
  }
}

function quoted(text: string): string {
  return text.trim() === "" ? "" : `: ${text.trim()}`;
}

/** Follows a container that was not started yet to its end. */
export async function runToEnd(
  daemon: Daemon,
  id: string,
  inputs: ContainerInputs,
  signal: AbortSignal,
): Promise<Ended> {
  const { name } = inputs;
  return daemon.ask(`run container ${name} to its end`, async (docker) => {
    const container = docker.getContainer(id);
    // Both before the start: a container with `rm` is gone with its end.
    const logs = inputs.logs ? readLogs(daemon, id, { follow: true }) : Promise.resolve("");
    logs.catch(() => undefined);
    const ended = container.wait({ condition: "next-exit", abortSignal: signal }) as Promise<{ StatusCode: number }>;
    ended.catch(() => undefined);
    await container.start();
    return { exitCode: (await ended).StatusCode, logs: await logs };
  });
}

/** Undefined when it is gone. */
export function inspectContainer(daemon: Daemon, id: string): Promise<ContainerInspectInfo | undefined> {
  return daemon.find(`inspect container ${id}`, (docker) => docker.getContainer(id).inspect());
}
