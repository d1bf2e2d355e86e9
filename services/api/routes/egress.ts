import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import * as api from "../../../contracts/http-api.ts";
import type { Workspace } from "../../../contracts/workspace.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";
import type { ChangeEgressRules } from "../egress-rules.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface EgressRoutesDeps {
  readonly workspaces: Pick<WorkspaceStore, "get" | "updateEgressRules">;
  readonly changeEgressRules: ChangeEgressRules;
}

const tags = ["workspaces"];
const params = workspaceParams;
const rulesOf = ({ egressRules }: Workspace): api.EgressRules => ({ rules: egressRules });

/**
 * `/api/workspaces/{id}/egress`: where sandboxes may go. Only administrators change it: a rule with a port also opens a
 * private address, such as the platform's own database.
 */
export const egressRoutes: FastifyPluginAsyncZod<EgressRoutesDeps> = async (app, deps) => {
  const { workspaces, changeEgressRules } = deps;

  app.get(
    "/api/workspaces/:workspaceId/egress",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "readEgressRules",
        summary: "Destinations that the workspace's sandboxes may reach",
        params,
        response: { 200: api.EgressRules, ...problems(400, 404) },
      },
    },
    async (request) => rulesOf(await workspaces.get(request.params.workspaceId)),
  );

  app.put(
    "/api/workspaces/:workspaceId/egress",
    {
      config: { access: "workspace-admin", action: "workspace.egress.set" },
      schema: {
        tags,
        operationId: "setEgressRules",
        summary: "Replace the rules",
        params,
        body: api.EgressRules,
        response: { 200: api.EgressRules, ...problems(400, 403, 404, 413, 415) },
      },
    },
    async (request) => {
      const egressRules = [...new Set(request.body.rules)];
      return rulesOf(await workspaces.updateEgressRules(request.params.workspaceId, egressRules));
    },
  );

  app.patch(
    "/api/workspaces/:workspaceId/egress",
    {
      config: { access: "workspace-admin", action: "workspace.egress.change" },
      schema: {
        tags,
        operationId: "changeEgressRules",
        summary: "Add and remove rules",
        params,
        body: api.EgressRulesChange,
        response: { 200: api.EgressRules, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async (request) => rulesOf(await changeEgressRules(request.params.workspaceId, request.body)),
  );
};
