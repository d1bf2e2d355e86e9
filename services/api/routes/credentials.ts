import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  Credential,
  CredentialInput,
  CredentialKeys,
  CredentialList,
  CredentialName,
  CredentialRotation,
} from "../../../contracts/credential.ts";
import type { CredentialStore } from "../../workspace/credentials/credential-store.ts";
import { problems, workspaceParams } from "./shared.ts";
import type { WorkspaceRecords } from "./workspaces.ts";

export interface CredentialRoutesDeps {
  readonly credentials: Pick<CredentialStore, "set" | "list" | "remove" | "keyUse" | "rotateKeys">;
  readonly workspaces: Pick<WorkspaceRecords, "get">;
}

const credentialParams = workspaceParams.extend({ name: CredentialName });

/** Credentials of a workspace, which can be set and removed and never read; and the keys that they are kept with. */
export const credentialRoutes: FastifyPluginAsyncZod<CredentialRoutesDeps> = async (
  app,
  { credentials, workspaces },
) => {
  const tags = ["workspaces"];
  app.put(
    "/api/workspaces/:workspaceId/credentials/:name",
    {
      config: { access: "workspace", action: "credential.set" },
      schema: {
        tags,
        operationId: "setCredential",
        summary: "Set a credential, or give it another value",
        params: credentialParams,
        body: CredentialInput,
        response: { 200: Credential, ...problems(400, 404, 409, 413, 415) },
      },
    },
    async (request) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      return credentials.set(workspaceId, request.params.name, request.body);
    },
  );

  app.get(
    "/api/workspaces/:workspaceId/credentials",
    {
      config: { access: "workspace" },
      schema: {
        tags,
        operationId: "listCredentials",
        summary: "The workspace's credentials, without their values",
        params: workspaceParams,
        response: { 200: CredentialList, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { workspaceId } = await workspaces.get(request.params.workspaceId);
      return { items: await credentials.list(workspaceId) };
    },
  );

  app.delete(
    "/api/workspaces/:workspaceId/credentials/:name",
    {
      config: { access: "workspace", action: "credential.remove" },
      schema: {
        tags,
        operationId: "removeCredential",
        summary: "Remove a credential; tasks that run keep what they were given",
        params: credentialParams,
        response: { 204: z.null(), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      await credentials.remove(request.params.workspaceId, request.params.name);
      return reply.code(204).send(null);
    },
  );

  const adminTags = ["admin"];
  app.get(
    "/api/admin/credential-keys",
    {
      config: { access: "admin" },
      schema: {
        tags: adminTags,
        operationId: "listCredentialKeys",
        summary: "How many credentials each key decrypts",
        response: { 200: CredentialKeys, ...problems(403) },
      },
    },
    async () => ({ items: await credentials.keyUse() }),
  );

  app.post(
    "/api/admin/credential-keys/rotate",
    {
      config: { access: "admin", action: "credential_keys.rotate" },
      schema: {
        tags: adminTags,
        operationId: "rotateCredentialKeys",
        summary: "Encrypt with the first key what another one has encrypted; may be repeated",
        response: { 200: CredentialRotation, ...problems(400, 403, 413, 415) },
      },
    },
    async () => credentials.rotateKeys(),
  );
};
