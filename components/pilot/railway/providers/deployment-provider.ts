import { z } from "zod";
import { RailwayNotFoundError, RailwayOutcomeUnknownError } from "../client/errors.ts";
import { findSettled } from "../client/make-once.ts";
import { deploy, latestDeployments } from "../client/deployment-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import { awaitDeployment, isAsWished } from "./await-deployment.ts";
import { confirmGone } from "./confirm-gone.ts";
import { changedKeys, failuresOf, GONE, maybe, type RailwayProvider } from "./provider.ts";

export interface DeploymentInputs {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly serviceId: string;
  readonly serviceName: string;
  /** Revisions of what it runs with: another one deploys it anew. */
  readonly triggers: Readonly<Record<string, string>>;
  /** `completed`: it has done its work and ended, as migrations do. */
  readonly waitFor: "running" | "completed";
  readonly timeoutSeconds: number;
}

export interface DeploymentOutputs extends DeploymentInputs {
  readonly deploymentId: string;
  /** As Railway tells it; `SUCCESS` while all is well. */
  readonly status: string;
  readonly stopped: boolean;
}

const Inputs = z.object({
  workspaceId: maybe(z.string().min(1)),
  projectId: maybe(z.string().min(1)),
  environmentId: maybe(z.string().min(1)),
  serviceId: maybe(z.string().min(1)),
  serviceName: maybe(z.string().min(1)),
  triggers: maybe(z.record(z.string(), z.string())),
  waitFor: z.enum(["running", "completed"]),
  timeoutSeconds: z.int().min(1).max(7_200),
});

/** The life of what runs: deployed anew when something of it changed or it crashed, and awaited. */
export function deploymentProvider(open: () => RailwayClient): RailwayProvider<DeploymentInputs, DeploymentOutputs> {
  const latest = async ({ environmentId, serviceId }: Pick<DeploymentInputs, "environmentId" | "serviceId">) =>
    (await open().call(latestDeployments, { input: { environmentId, serviceId } })).deployments.nodes[0];

  const run = async (inputs: DeploymentInputs): Promise<DeploymentOutputs> => {
    const client = open();
    const { environmentId, serviceId } = inputs;
    const before = (await latest(inputs))?.id;
    const id = await startOnce(client, { environmentId, serviceId }, async () => {
      const now = await latest(inputs);
      return now?.id === before ? undefined : now?.id;
    });
    const ended = await awaitDeployment(client, id, inputs);
    return { ...inputs, deploymentId: id, status: ended.status, stopped: ended.deploymentStopped };
  };

  return {
    check: async (_olds, news) => ({ inputs: news, failures: failuresOf(Inputs, news) }),

    async diff(_id, olds, news) {
      const replaces = changedKeys(["environmentId", "serviceId"], olds, news);
      const changes = changedKeys(["triggers", "waitFor"], olds, news);
      const isWell = isAsWished({ status: olds.status, deploymentStopped: olds.stopped }, olds.waitFor);
      return { changes: replaces.length + changes.length > 0 || !isWell, replaces };
    },

    create: async (inputs) => ({ id: `${inputs.environmentId}/${inputs.serviceId}`, outs: await run(inputs) }),

    async read(id, props) {
      if (props === undefined) return GONE;
      const now = await latest(props).catch((error: unknown) => {
        if (!(error instanceof RailwayNotFoundError)) throw error;
        return undefined; // gone with its service
      });
      if (now !== undefined) {
        return { id, props: { ...props, deploymentId: now.id, status: now.status, stopped: now.deploymentStopped } };
      }
      await confirmGone(open(), props);
      return GONE;
    },

    update: async (_id, _olds, news) => ({ outs: await run(news) }),

    // what runs ends with its service
    delete: async () => undefined,
  };
}

/** Starts a deployment; one whose answer was lost is found as the newest one, and not started twice. */
async function startOnce(
  client: RailwayClient,
  key: { readonly environmentId: string; readonly serviceId: string },
  findNew: () => Promise<string | undefined>,
): Promise<string> {
  const ROUNDS = 4;
  for (let round = 1; ; round += 1) {
    try {
      return (await client.call(deploy, key)).serviceInstanceDeployV2;
    } catch (error) {
      if (!(error instanceof RailwayOutcomeUnknownError)) throw error;
      const started = await findSettled(client, findNew);
      if (started !== undefined) return started;
      if (round === ROUNDS) throw error;
    }
  }
}
