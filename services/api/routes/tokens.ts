import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/http-api.ts";
import { pathOf } from "../problem.ts";
import type { TokenStore } from "../token-store.ts";
import type { WorkspaceRecords } from "./workspaces.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface TokenRoutesDeps {
  readonly tokens: TokenStore;
  readonly workspaces: Pick<WorkspaceRecords, "get">;
}

const tokenParams = z.strictObject({ tokenId: z.uuid().toLowerCase() });
const workspaceTokenParams = workspaceParams.extend(tokenParams.shape);
const created = { 201: api.CreatedToken };

/**
 * Tokens of a workspace and of the administrators. Only an administrator makes one, so that a leaked workspace token
 * cannot outlive its revocation; its holder may list those of the workspace, and revoke those that may not approve: an agent
 * that holds its workspace's token must not lock out who answers its questions.
 */
export const tokenRoutes: FastifyPluginAsyncZod<TokenRoutesDeps> = async (app, { tokens, workspaces }) => {
  const tags = ["workspaces"];
  app.post(
    "/api/workspaces/:workspaceId/tokens",
    {
      config: { access: "workspace-admin", action: "token.create" },
      schema: {
        tags,
        operationId: "createToken",
        summary: "Make a token that acts in this workspace only",
        params: workspaceParams,
        body: api.TokenCreation,
        response: { ...created, ...problems(400, 403, 404, 413, 415) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      const token = await tokens.create(workspaceId, request.body);
      return reply
        .code(201)
        .header("location", `${pathOf(request)}/${token.tokenId}`)
        .send(token);
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/tokens",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listTokens",
        summary: "The workspace's tokens",
        params: workspaceParams,
        response: { 200: api.TokenList, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      return { items: await tokens.list(workspaceId) };
    },
  );

  app.delete(
    "/api/workspaces/:workspaceId/tokens/:tokenId",
    {
      config: { access: "workspace", action: "token.revoke", whileMoving: true },
      schema: {
        tags,
        operationId: "revokeToken",
        summary: "Revoke a token",
        description: "One that may approve is revoked by an administrator only.",
        params: workspaceTokenParams,
        response: { 200: api.ApiToken, ...problems(400, 403, 404) },
      },
    },
    async (request) => {
      const { workspaceId, tokenId } = request.params;
      return tokens.revoke(workspaceId, tokenId, { approvers: request.caller?.kind === "admin" });
    },
  );

  const adminTags = ["admin"];
  app.post(
    "/api/admin/tokens",
    {
      config: { access: "admin", action: "admin_token.create" },
      schema: {
        tags: adminTags,
        operationId: "createAdminToken",
        summary: "Make an admin token",
        body: api.TokenCreation,
        response: { ...created, ...problems(400, 403, 413, 415) },
      },
    },
    async (request, reply) => {
      const token = await tokens.create(null, request.body);
      return reply.code(201).header("location", `/api/admin/tokens/${token.tokenId}`).send(token);
    },
  );

  app.get(
    "/api/admin/tokens",
    {
      config: { access: "admin" },
      schema: {
        tags: adminTags,
        operationId: "listAdminTokens",
        summary: "The admin tokens",
        response: { 200: api.TokenList, ...problems(403) },
      },
    },
    async () => ({ items: await tokens.list(null) }),
  );

  app.delete(
    "/api/admin/tokens/:tokenId",
    {
      config: { access: "admin", action: "admin_token.revoke" },
      schema: {
        tags: adminTags,
        operationId: "revokeAdminToken",
        summary: "Revoke an admin token",
        params: tokenParams,
        response: { 200: api.ApiToken, ...problems(400, 403, 404) },
      },
    },
    async (request) => tokens.revoke(null, request.params.tokenId, { approvers: true }),
  );
};
