import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const Schema = z.looseObject({});
const Content = z.record(z.string().regex(/^[a-z]+\/[a-z0-9.+-]+(; .*)?$/), z.strictObject({ schema: Schema }));
const Parameter = z.strictObject({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  required: z.boolean().optional(),
  description: z.string().optional(),
  schema: Schema,
});
const Operation = z.strictObject({
  operationId: z.string().optional(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z
    .array(z.enum(["tasks", "workflows", "workspaces", "tools", "moves", "backups", "admin", "service"]))
    .length(1),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z.array(Parameter).optional(),
  requestBody: z.strictObject({ required: z.boolean().optional(), content: Content }).optional(),
  responses: z.record(
    z.string().regex(/^(101|[2-5][0-9][0-9])$/),
    z.strictObject({ description: z.string(), content: Content.optional() }),
  ),
});
/** What of OpenAPI 3.1 this API uses, strictly: a keyword of 3.0, or one that nobody meant, is refused. */
const Document = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  components: z.strictObject({
    securitySchemes: z.strictObject({
      token: z.strictObject({ type: z.literal("http"), scheme: z.literal("bearer") }),
    }),
    schemas: z.record(z.string().regex(/^[A-Za-z0-9._-]+$/), Schema),
  }),
  paths: z.record(
    z.string().startsWith("/"),
    z.partialRecord(z.enum(["get", "post", "put", "patch", "delete"]), Operation),
  ),
});

describe("the OpenAPI document", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let document: z.infer<typeof Document>;
  let operations: { name: string; path: string; operation: z.infer<typeof Operation> }[];

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    const response = await api.request("GET", "/openapi.json", { token: null });
    assert.match(String(response.headers["content-type"]), /^application\/json/);
    document = Document.parse(response.json());
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
    );
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  it("has every route and no other", () => {
    const routes = api.app.routeTable
      .filter(({ url }) => url !== "/openapi.json")
      .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{*}")}`);
    assert.deepEqual(operations.map(({ name }) => name).toSorted(), routes.toSorted());
  });

  it("names each operation once, and each parameter of its path", () => {
    const ids = operations.map(({ operation }) => operation.operationId).filter((id) => id !== undefined);
    assert.equal(new Set(ids).size, ids.length);
    for (const { name, path, operation } of operations) {
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, parameter]) => parameter);
      const described = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      assert.deepEqual(described.map((parameter) => parameter.name).toSorted(), inPath.toSorted(), name);
      assert.ok(
        described.every(({ required }) => required === true),
        name,
      );
    }
  });

  it("has a schema for what every route takes and for every answer with a body", () => {
    for (const { name, operation } of operations) {
      const takesBody = /^(POST|PUT|PATCH)/.test(name) && !/(cancel|pause|resume|rotate|terminal)$/.test(name);
      assert.equal(operation.requestBody !== undefined, takesBody, name);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (status === "204" || status === "101") continue;
        const contents = Object.values(response.content ?? {});
        assert.ok(
          contents.length > 0 && contents.every(({ schema }) => Object.keys(schema).length > 0),
          `${name} ${status}`,
        );
      }
      const isOpen = operation.security?.length === 0;
      assert.equal(isOpen, operation.responses["401"] === undefined, `${name}: a token is asked for, or it is public`);
    }
  });

  it("has no reference that leads nowhere, and no component that nothing refers to", () => {
    const used = new Set<string>();
    JSON.stringify(document, (key, value: unknown) => {
      if (key === "$ref") used.add(String(value));
      return value;
    });
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    assert.deepEqual([...used].toSorted(), known.toSorted());
    assert.ok(used.has("#/components/schemas/Problem") && used.has("#/components/schemas/TaskStatus"));
  });

  it("is shown on a page that loads nothing from elsewhere", async () => {
    const page = await api.request("GET", "/docs/", { token: null });
    const { body } = page.statusCode === 200 ? page : await api.request("GET", "/docs", { token: null });
    assert.match(body, /swagger-ui/);
    assert.doesNotMatch(body, /(src|href)="https?:/);
    const script = await api.request("GET", "/docs/static/swagger-ui.css", { token: null });
    assert.equal(script.statusCode, 200);
    assert.match(String(script.headers["content-security-policy"]), /default-src 'self'/);
    assert.doesNotMatch(String(script.headers["content-security-policy"]), /https:|upgrade-insecure/);
  });
});
