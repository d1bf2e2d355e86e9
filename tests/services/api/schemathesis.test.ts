import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { completed, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { missingForSchemathesis, schemathesis } from "../../support/schemathesis/schemathesis.ts";

const missing = missingForSchemathesis();

/**
 * Requests made out of /openapi.json, good ones and bad ones, alone and in sequences, with each kind of token: no answer
 * is a 5xx, none has a status, a type or a body that the document does not name, and nothing is open without a token.
 */
describe("the API against its own document, by Schemathesis", { skip: missing ?? false }, () => {
  let postgres: TestPostgres;
  let api: TestApi;

  before(async () => {
    postgres = await startPostgres();
  });

  after(async () => {
    await postgres.stop();
  });

  for (const role of ["admin", "workspace"] as const) {
    it(`holds with the token of ${role === "admin" ? "an administrator" : "a workspace"}`, async () => {
      api = await startApi(postgres);
      try {
        await api.work(async () => completed());
        const { workspaceId } = await api.createWorkspace();
        const token = role === "admin" ? api.adminToken : await api.createToken(workspaceId);
        const { exitCode, output } = await schemathesis([
          `${await api.url()}/openapi.json`,
          ...["--header", `Authorization: Bearer ${token}`],
          ...["--exclude-operation-id", "leave"], // it closes the workspace that all others need: moves.test.ts
          ...["--phases", "examples,coverage,fuzzing,stateful"],
          ...["--max-examples", "15", "--max-time", "75", "--request-timeout", "20"],
        ]);
        assert.equal(exitCode, 0, output);
        assert.match(output, /Test cases:\s+\d{3,} generated/, output);
      } finally {
        await api.stop();
      }
    });
  }
});
