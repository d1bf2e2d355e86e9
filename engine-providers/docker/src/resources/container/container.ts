/** `docker:index/container:Container`. */
import {
  asProperties,
  InitializationFailedError,
  isList,
  isMap,
  plain,
  resourceType,
  Unknown,
} from "@automatos/provider-plugin";
import type {
  CheckFailure,
  Diff,
  DiffRequest,
  OperationContext,
  PropertyMap,
  PropertyValue,
  ResourceType,
} from "@automatos/provider-plugin";
import type { Daemon } from "../../daemon/daemon.ts";
import { statusOf } from "../../daemon/errors.ts";
import { createOptions, MEGABYTE, resourcesOf, restartPolicy } from "./create-options.ts";
import { CONTAINER_OUTPUTS, containerInputs } from "./inputs.ts";
import type { ContainerInputs } from "./inputs.ts";
import { joinNetworks } from "./networks.ts";
import { driftedInputs, importedInputs, outputsOf } from "./outputs.ts";
import { inspectContainer, runToEnd, startContainer, waitUntilHealthy } from "./run.ts";
import { archiveUploads, uploadProblem, volumeProblem } from "./storage.ts";

export function containerType(daemon: Daemon): ResourceType {
  return resourceType({
    autoNamed: true,
    // As Pulumi's own provider: ports and names of the old one are taken.
    deleteBeforeReplace: true,
    inputs: containerInputs,
    outputs: CONTAINER_OUTPUTS,
    updatedOutputs: ["exitCode", "networkDatas"],
    check: async ({ inputs }) => ({ inputs, failures: problems(inputs) }),
    diff: noticingStopped,
    async plan(inputs) {
      return inputs["ports"] === undefined ? {} : { ports: plannedPorts(inputs["ports"]) };
    },

    async create(inputs, context) {
      const { id } = await daemon.ask(`create container ${inputs.name}`, (docker) =>
        docker.createContainer({ ...createOptions(inputs), abortSignal: context.signal }),
      );
      try {
        await prepare(daemon, id, inputs);
        if (inputs.start && inputs.attach) return await attached(daemon, id, inputs, context);
        if (inputs.start) await startContainer(daemon, id, inputs.name);
      } catch (error) {
        // A half-made container would be in the way of the next try.
        await remove(daemon, id, { force: true, volumes: true });
        throw error;
      }
      await healthy(daemon, id, inputs, context);
      return { id, outputs: await outputs(daemon, id, inputs) };
    },

    async update(id, inputs, old, context) {
      if (inputs.mustRun && inputs.start && !inputs.attach) await startContainer(daemon, id, inputs.name);
      if (limitsOf(inputs) !== limitsOf(old.inputs)) {
        const limits = { ...resourcesOf(inputs), ...swapBeside(inputs), RestartPolicy: restartPolicy(inputs) };
        await daemon.ask(`update container ${inputs.name}`, (docker) => docker.getContainer(id).update(limits));
      }
      await healthy(daemon, id, inputs, context);
      return outputs(daemon, id, inputs);
    },

    async read(id, { inputs, outputs: known }) {
      const info = await inspectContainer(daemon, id);
      if (!info) return undefined;
      const read = inputs
        ? driftedInputs(info, asProperties(inputs))
        : importedInputs(info, await imageOf(daemon, info.Image));
      const { containerLogs } = known;
      const found = { ...read, ...outputsOf(info, read), ...(containerLogs !== undefined && { containerLogs }) };
      return { id: info.Id, inputs: read, outputs: found };
    },

    async delete(id, { attach, destroyGraceSeconds, removeVolumes }) {
      if (attach !== true) {
        const seconds = typeof destroyGraceSeconds === "number" ? destroyGraceSeconds : 0;
        await daemon
          .find(`stop container ${id}`, (docker) => docker.getContainer(id).stop({ t: seconds }))
          // 304: it is not running.
          .catch((error: unknown) => {
            if (statusOf(error) !== 304) throw error;
          });
      }
      await remove(daemon, id, { force: true, volumes: removeVolumes !== false });
    },
  });
}

async function prepare(daemon: Daemon, id: string, inputs: ContainerInputs): Promise<void> {
  await joinNetworks(daemon, id, inputs.networksAdvanced ?? []);
  if (!inputs.uploads?.length) return;
  const archive = await archiveUploads(inputs.uploads);
  await daemon.ask(`upload files into container ${inputs.name}`, (docker) =>
    docker.getContainer(id).putArchive(archive, { path: "/" }),
  );
}

async function attached(daemon: Daemon, id: string, inputs: ContainerInputs, { signal }: OperationContext) {
  const ended = await runToEnd(daemon, id, inputs, signal);
  const left = inputs.rm ? {} : await outputs(daemon, id, inputs);
  return {
    id,
    outputs: {
      ...left,
      ...(ended.exitCode !== undefined && { exitCode: ended.exitCode }),
      ...(inputs.logs && { containerLogs: ended.logs }),
    },
  };
}

/** @throws InitializationFailedError: the container stays, with what is wrong. */
async function healthy(daemon: Daemon, id: string, inputs: ContainerInputs, context: OperationContext): Promise<void> {
  if (!inputs.wait || !inputs.start || inputs.attach) return;
  try {
    await waitUntilHealthy(daemon, id, inputs, context);
  } catch (error) {
    // Cancelled or cut off as well: the container is there, and must not be forgotten.
    const reason = error instanceof Error ? error.message : String(error);
    const found = await outputs(daemon, id, inputs).catch(() => ({}));
    const plainInputs = asProperties(inputs);
    throw new InitializationFailedError({
      id,
      inputs: plainInputs,
      outputs: { ...plainInputs, ...found },
      reasons: [reason],
    });
  }
}

/** Of a container that ended and was removed at once (`rm`): nothing. */
async function outputs(daemon: Daemon, id: string, inputs: ContainerInputs): Promise<PropertyMap> {
  const info = await inspectContainer(daemon, id);
  return info ? outputsOf(info, asProperties(inputs)) : {};
}

async function remove(daemon: Daemon, id: string, options: { force: boolean; volumes: boolean }): Promise<void> {
  const { force, volumes: v } = options;
  await daemon
    .find(`remove container ${id}`, (docker) => docker.getContainer(id).remove({ force, v }))
    .catch(async (error: unknown) => {
      // Somebody else, or `rm`, is at it.
      if (statusOf(error) !== 409) throw error;
      await daemon.find(`wait for the end of container ${id}`, (docker) =>
        docker.getContainer(id).wait({ condition: "removed" }),
      );
    });
}

function imageOf(daemon: Daemon, id: string) {
  return daemon.find(`inspect image ${id}`, (docker) => docker.getImage(id).inspect());
}

/** Everything that an update changes in the daemon, as text. */
function limitsOf(inputs: ContainerInputs): string {
  return JSON.stringify([resourcesOf(inputs), restartPolicy(inputs)]);
}

/** The daemon refuses more memory than memory and swap together, which it set to twice the memory on its own. */
function swapBeside({ memory, memorySwap }: ContainerInputs) {
  return memory && memorySwap === undefined ? { MemorySwap: 2 * memory * MEGABYTE } : {};
}

function problems(inputs: PropertyMap): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const each = (name: string, problem: (item: never) => string | undefined): void => {
    const value = plain(inputs[name] ?? []);
    if (!isList(value)) return;
    value.forEach((item, index) => {
      // The fields have seen to the items' type.
      const reason = problem(item as never);
      if (reason !== undefined) failures.push({ property: `${name}[${index}]`, reason: `${name}[${index}] ${reason}` });
    });
  };
  each("volumes", volumeProblem);
  each("uploads", uploadProblem);
  each("envs", (env: unknown) =>
    typeof env === "string" && !env.includes("=") ? `is not of the form NAME=value` : undefined,
  );
  each("command", (part: unknown) => (part === "" ? "is empty; leave it out" : undefined));
  if (inputs["gpus"] !== undefined && inputs["deviceRequests"] !== undefined) {
    failures.push({ property: "gpus", reason: "gpus and deviceRequests are both given; leave one out" });
  }
  if (inputs["logs"] === true && inputs["attach"] === false) {
    failures.push({ property: "logs", reason: "logs needs attach: only what ran to its end has its logs kept" });
  }
  return failures;
}

/** A container that was found stopped is started, though the inputs are what they were. */
function noticingStopped({ oldOutputs, inputs }: DiffRequest, found: Diff): Diff {
  if (oldOutputs["mustRun"] !== false || inputs["mustRun"] !== true || found.diffs?.includes("mustRun")) return found;
  return {
    ...found,
    changes: true,
    diffs: [...(found.diffs ?? []), "mustRun"],
    detailedDiff: { ...found.detailedDiff, mustRun: { kind: "update" } },
  };
}

/** The daemon's own choice is not known before. */
function plannedPorts(ports: PropertyValue): PropertyValue {
  if (!isList(ports)) return ports;
  return ports.map((port) => (isMap(port) && !port["external"] ? { ...port, external: Unknown.instance } : port));
}
