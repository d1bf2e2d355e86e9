import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { LlmUsage } from "../../../contracts/llm.ts";
import type { Workspace } from "../../../contracts/workspace.ts";
import type { WorkspaceStore } from "../../workspace/workspace-store.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface LlmRoutesDeps {
  readonly workspaces: Pick<WorkspaceStore, "get">;
  readonly llmUsage: (workspace: Workspace) => Promise<LlmUsage>;
}

/** `/api/workspaces/{id}/llm-usage`: what tasks use of language models, and of the plan's tokens. */
export const llmRoutes: FastifyPluginAsyncZod<LlmRoutesDeps> = async (app, { workspaces, llmUsage }) => {
  app.get(
    "/api/workspaces/:workspaceId/llm-usage",
    {
      config: { access: "workspace" },
      schema: {
        tags: ["workspaces"],
        operationId: "readLlmUsage",
        summary: "Tokens of language models that the workspace uses, today and this month",
        params: workspaceParams,
        response: { 200: LlmUsage, ...problems(400, 404) },
      },
    },
    async (request) => llmUsage(await workspaces.get(request.params.workspaceId)),
  );
};
