/** Starting a container, and waiting for it: to become healthy, or to end. */
import { buffer } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import type { OperationContext } from "@automatos/provider-plugin";
import type { ContainerInspectInfo } from "dockerode";
import type { Daemon } from "../../daemon/daemon.ts";
import { statusOf } from "../../daemon/errors.ts";
import type { ContainerInputs } from "./inputs.ts";
import { readLogs, textOf } from "./logs.ts";

const POLL_MILLISECONDS = 200;

/** The container is there, and not as the program wants it. */
class UnhealthyContainerError extends Error {
  override readonly name = "UnhealthyContainerError";
}

/** What an ended container left. */
export interface Ended {
  /** Undefined of one that was removed (`rm`) before it could be asked. */
  readonly exitCode: number | undefined;
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
    // Both before the start: a container with `rm` is gone with its end, and its logs with it.
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    const logs = inputs.logs ? buffer(output) : Promise.resolve(Buffer.alloc(0));
    if (!inputs.logs) output.resume();
    logs.catch(() => undefined);
    const end = (condition: "not-running" | "removed"): Promise<{ StatusCode: number }> =>
      container.wait({ condition, abortSignal: signal }) as Promise<{ StatusCode: number }>;
    const removed = inputs.rm ? end("removed") : undefined;
    removed?.catch(() => undefined);
    await container.start();
    const exitCode = await (removed ?? end("not-running")).then(
      ({ StatusCode }) => StatusCode,
      (error: unknown) => {
        // Gone before it could be asked.
        if (inputs.rm && statusOf(error) === 404) return undefined;
        throw error;
      },
    );
    return { exitCode, logs: textOf(await logs, inputs.tty) };
  });
}

/** Undefined when it is gone. */
export function inspectContainer(daemon: Daemon, id: string): Promise<ContainerInspectInfo | undefined> {
  return daemon.find(`inspect container ${id}`, (docker) => docker.getContainer(id).inspect());
}
