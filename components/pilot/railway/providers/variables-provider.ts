import { randomUUID } from "node:crypto";
import { z } from "zod";
import { RailwayNotFoundError } from "../client/errors.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import { readVariables, writeVariables } from "../client/service-operations.ts";
import { confirmGone } from "./confirm-gone.ts";
import { changedKeys, failuresOf, GONE, maybe, type RailwayProvider } from "./provider.ts";

export interface VariablesInputs {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly serviceId: string;
  /** All of the service's variables: one that is not among them is removed. Secrets. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface VariablesOutputs extends VariablesInputs {
  /** Another one after each change: what runs must be deployed anew. It says nothing of the values. */
  readonly revision: string;
}

const Inputs = z.object({
  workspaceId: maybe(z.string().min(1)),
  projectId: maybe(z.string().min(1)),
  environmentId: maybe(z.string().min(1)),
  serviceId: maybe(z.string().min(1)),
  variables: maybe(z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a name of a variable"), z.string())),
});

/** The life of all variables of a service: they are written as one, and deployed by RailwayDeployment. */
export function variablesProvider(open: () => RailwayClient): RailwayProvider<VariablesInputs, VariablesOutputs> {
  const write = async (inputs: VariablesInputs): Promise<VariablesOutputs> => {
    const { workspaceId, projectId, environmentId, serviceId, variables } = inputs;
    const input = { projectId, environmentId, serviceId, variables, replace: true, skipDeploys: true } as const;
    await open().call(writeVariables, { input });
    return { workspaceId, projectId, environmentId, serviceId, variables, revision: randomUUID() };
  };

  return {
    check: async (_olds, news) => ({ inputs: news, failures: failuresOf(Inputs, news) }),

    async diff(_id, olds, news) {
      const replaces = changedKeys(["projectId", "environmentId", "serviceId"], olds, news);
      const changes = changedKeys(["variables"], olds, news);
      return { changes: replaces.length + changes.length > 0, replaces };
    },

    create: async (inputs) => ({ id: `${inputs.environmentId}/${inputs.serviceId}`, outs: await write(inputs) }),

    async read(id, props) {
      if (props === undefined) return GONE;
      const { projectId, environmentId, serviceId } = props;
      try {
        const { variables } = await open().call(readVariables, { projectId, environmentId, serviceId });
        // Railway tells what it provides itself (RAILWAY_PROJECT_ID ...) beside what was set
        const ours = Object.entries(variables).filter(
          ([name]) => !name.startsWith("RAILWAY_") || Object.hasOwn(props.variables, name),
        );
        return { id, props: { ...props, variables: Object.fromEntries(ours) } };
      } catch (error) {
        if (!(error instanceof RailwayNotFoundError)) throw error;
        await confirmGone(open(), props);
        return GONE;
      }
    },

    update: async (_id, _olds, news) => ({ outs: await write(news) }),

    async delete(_id, props) {
      try {
        await write({ ...props, variables: {} });
      } catch (error) {
        if (!(error instanceof RailwayNotFoundError)) throw error;
        await confirmGone(open(), props); // with its service
      }
    },
  };
}
