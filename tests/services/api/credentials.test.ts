import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Credential, CredentialKeys, CredentialRotation } from "../../../contracts/credential.ts";
import { expectJson, startApi, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const SECRET = "npm_0123456789abcdef";

describe("the credentials of a workspace", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let base: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    base = `/api/workspaces/${(await api.createWorkspace()).workspaceId}/credentials`;
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  it("are set, listed and removed, and never given back", async () => {
    const body = { kind: "env", variable: "NPM_TOKEN", value: SECRET };
    const answers = [
      await api.request("PUT", `${base}/npm`, { body }),
      await api.request("PUT", `${base}/npm`, { body: { ...body, value: `${SECRET}2` } }),
      await api.request("GET", base),
    ];
    const [first, second] = answers.map((answer) => expectJson<Credential>(answer, 200));
    assert.deepEqual([first?.version, second?.version, second?.target], [1, 2, "NPM_TOKEN"]);
    assert.notEqual(first?.fingerprint, second?.fingerprint);
    assert.equal(expectJson<{ items: Credential[] }>(await api.request("GET", base), 200).items.length, 1);
    assert.equal((await api.request("GET", `${base}/npm`)).statusCode, 405, "there is no way to read one");
    assert.equal((await api.request("DELETE", `${base}/npm`)).statusCode, 204);
    assert.equal((await api.request("DELETE", `${base}/npm`)).statusCode, 404);
    for (const { body: text } of answers) assert.doesNotMatch(text, /npm_0123456789/);
  });

  it("are in no log, no refusal and no row of the audit log", async () => {
    const wrong = [
      { kind: "env", variable: "1", value: SECRET },
      { kind: "nothing", value: SECRET },
      { kind: "env", variable: "A", value: SECRET, surplus: SECRET },
      { kind: "database", url: `mysql://u:${SECRET}@host/db` },
      { kind: "ssh_key", host: "h", privateKey: SECRET, knownHosts: SECRET },
    ];
    for (const body of wrong) {
      const answer = await api.request("PUT", `${base}/wrong`, { body });
      assert.equal(answer.statusCode, 400);
      assert.doesNotMatch(answer.body, /npm_0123456789/);
    }
    await api.request("PUT", `${base}/npm`, { body: { kind: "env", variable: "NPM_TOKEN", value: SECRET } });
    const { rows } = await api.pool.query<{ action: string }>("SELECT * FROM audit_log");
    assert.ok(rows.some(({ action }) => action === "credential.set"));
    assert.doesNotMatch(JSON.stringify([rows, api.log]), /npm_0123456789/);
  });

  it("have keys whose use an administrator sees, and rotates", async () => {
    const keys = expectJson<CredentialKeys>(await api.request("GET", "/api/admin/credential-keys"), 200);
    assert.deepEqual(keys.items, [{ keyId: "test", credentials: 1, state: "current" }]);
    await api.pool.query("UPDATE credentials SET key_id = 'gone'");
    const result = await api.request("POST", "/api/admin/credential-keys/rotate");
    const { rotated, remaining, keys: after } = expectJson<CredentialRotation>(result, 200);
    assert.deepEqual([rotated, remaining, after.at(-1)?.state], [0, 1, "missing"]);
  });
});
