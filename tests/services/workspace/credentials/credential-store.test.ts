import { randomBytes, randomUUID } from "node:crypto";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CredentialInput } from "../../../../contracts/credential.ts";
import { CredentialKeysText, restrictCredentialKeys } from "../../../../contracts/credential-keys.ts";
import { createPool, type Pool } from "../../../../services/runtime/database.ts";
import { CredentialReader } from "../../../../services/workspace/credentials/credential-reader.ts";
import { CredentialStore } from "../../../../services/workspace/credentials/credential-store.ts";
import { CredentialKeyRing } from "../../../../services/workspace/credentials/key-ring.ts";
import { listKeyUse, rotateCredentialKeys } from "../../../../services/workspace/credentials/rotate-keys.ts";
import { WorkspaceStore } from "../../../../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

const aKey = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;
const ringOf = (text: string) => CredentialKeyRing.create(CredentialKeysText.parse(text));
const env = (variable: string, value: string) => CredentialInput.parse({ kind: "env", variable, value });

describe("the credential store", () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let workspaceId: string;
  const first = aKey("2026-01");

  before(async () => {
    postgres = await startPostgres();
    const { url } = await migratedDatabase(postgres);
    pool = createPool({ url, applicationName: "test", log: silentLog });
  });
  after(async () => {
    await pool.end();
    await postgres.stop();
  });

  const aWorkspace = async () => (await new WorkspaceStore({ pool }).create({ name: "test" })).workspaceId;
  const open = async (text: string) => {
    const keys = await ringOf(text);
    return { keys, store: new CredentialStore({ pool, keys }), reader: new CredentialReader({ pool, keys }) };
  };

  it("gives a value to who may have it and to nobody else", async () => {
    workspaceId = await aWorkspace();
    const { store, reader } = await open(first);
    const set = await store.set(workspaceId, "npm", env("NPM_TOKEN", "npm_0123456789"));
    assert.equal(set.target, "NPM_TOKEN");
    assert.doesNotMatch(JSON.stringify([set, await store.list(workspaceId)]), /npm_0123456789/);
    assert.deepEqual(await reader.forTask(workspaceId, ["npm"]), [
      { name: "npm", kind: "env", variable: "NPM_TOKEN", value: "npm_0123456789" },
    ]);
    assert.notEqual((await store.list(workspaceId))[0]?.lastUsedAt, null);
    await assert.rejects(reader.forTask(await aWorkspace(), ["npm"]), { code: "CREDENTIAL_NOT_FOUND" });
    await assert.rejects(reader.database(workspaceId, "npm"), { code: "CREDENTIAL_NOT_FOUND" });
  });

  it("keeps nothing of a value in the database", async () => {
    const { rows } = await pool.query<{ dump: string }>(
      "SELECT string_agg(to_jsonb(c)::text || encode(sealed, 'escape'), '') AS dump FROM credentials c",
    );
    assert.doesNotMatch(rows[0]?.dump ?? "", /npm_0123456789/);
    assert.ok(!rows[0]?.dump.includes(Buffer.from("npm_0123456789").toString("hex")));
  });

  it("counts versions, over a removal too, and refuses another kind under the same name", async () => {
    const { store } = await open(first);
    const id = await aWorkspace();
    assert.equal((await store.set(id, "a", env("A", "first-value"))).version, 1);
    const second = await store.set(id, "a", env("A", "second-value"));
    assert.equal(second.version, 2);
    const file = CredentialInput.parse({ kind: "file", path: ".netrc", content: "machine example.com" });
    await assert.rejects(store.set(id, "a", file), { code: "CREDENTIAL_KIND_CONFLICT" });
    await store.remove(id, "a");
    await assert.rejects(store.remove(id, "a"), { code: "CREDENTIAL_NOT_FOUND" });
    assert.equal((await store.set(id, "a", file)).version, 3);
  });

  it("opens no row that stands in the place of another", async () => {
    const { store, reader } = await open(first);
    const [mine, other] = [await aWorkspace(), await aWorkspace()];
    for (const id of [mine, other]) {
      await store.set(id, "token", env("TOKEN", `value of ${id}`));
      await store.set(id, "second", env("SECOND", `second of ${id}`));
    }
    const moves = [
      ["another workspace", "SELECT nonce, sealed FROM credentials WHERE workspace_id = $2 AND name = 'token'"],
      ["another name", "SELECT nonce, sealed FROM credentials WHERE workspace_id = $1 AND name = 'second'"],
    ] as const;
    for (const [what, from] of moves) {
      await pool.query(
        `UPDATE credentials c SET nonce = o.nonce, sealed = o.sealed FROM (${from}) o
         WHERE c.workspace_id = $1 AND c.name = 'token' AND $2::uuid IS NOT NULL`,
        [mine, other],
      );
      await assert.rejects(reader.forTask(mine, ["token"]), { code: "CREDENTIAL_UNREADABLE" }, what);
    }
    for (const change of [
      "version = version + 1",
      "target = 'LD_PRELOAD'",
      "kind = 'file'",
      "sealed = sealed || 'x'",
    ]) {
      await store.set(mine, "token", env("TOKEN", "once more the value"));
      await pool.query(`UPDATE credentials SET ${change} WHERE workspace_id = $1 AND name = 'token'`, [mine]);
      await assert.rejects(reader.forTask(mine, ["token"]), { code: "CREDENTIAL_UNREADABLE" }, change);
      await store.remove(mine, "token");
    }
  });

  it("restricts a service to its own kinds", async () => {
    const { store, reader } = await open(first);
    const id = await aWorkspace();
    await store.set(id, "token", env("TOKEN", "some value"));
    const git = CredentialInput.parse({ kind: "git_https", host: "github.com", token: "ghp_0123456789" });
    await store.set(id, "git", git);
    const gateway = await open(await restrictCredentialKeys(first, ["git_https"]));
    assert.equal((await gateway.reader.gitHttps(id))[0]?.token, "ghp_0123456789");
    await assert.rejects(gateway.reader.forTask(id, ["token"]), { code: "CREDENTIAL_KEY_MISSING" });
    await assert.rejects(gateway.store.set(id, "x", env("X", "some value")), { code: "CREDENTIAL_KEY_MISSING" });
    // A task cannot be given what only the gateway may have.
    await assert.rejects(reader.forTask(id, ["git"]), { code: "CREDENTIAL_NOT_FOUND" });
  });

  it("holds a limited number for each workspace", async () => {
    const { store } = await open(first);
    const id = await aWorkspace();
    await pool.query(
      `INSERT INTO credentials SELECT $1, 'n' || n, 'env', 'N', 1, 'k', decode(repeat('00', 12), 'hex'), '', ''
       FROM generate_series(1, 200) n`,
      [id],
    );
    await assert.rejects(store.set(id, "more", env("MORE", "some value")), { code: "TOO_MANY_CREDENTIALS" });
    await pool.query("DELETE FROM credentials WHERE workspace_id = $1", [id]);
  });

  it("rotates in batches, again after a stop, beside changes, and says what is left", async () => {
    await pool.query("DELETE FROM credentials");
    const second = aKey("2026-02");
    const lost = aKey("lost");
    const id = await aWorkspace();
    const old = await open(first);
    for (let index = 0; index < 25; index++) await old.store.set(id, `c${index}`, env("V", `value number ${index}`));
    const vanished = await open(lost);
    await vanished.store.set(id, "orphan", env("V", "nobody can read this"));

    const both = await open(`${second},${first}`);
    assert.deepEqual(await listKeyUse(pool, both.keys), [
      { keyId: "2026-02", credentials: 0, state: "current" },
      { keyId: "2026-01", credentials: 25, state: "old" },
      { keyId: "lost", credentials: 1, state: "missing" },
    ]);
    const [one, two] = await Promise.all([
      rotateCredentialKeys({ pool, keys: both.keys }, { batch: 4 }),
      rotateCredentialKeys({ pool, keys: both.keys }, { batch: 3 }),
      both.store.set(id, "c7", env("V", "another value in between")),
    ]);
    assert.ok(one.rotated + two.rotated >= 24 && one.rotated + two.rotated <= 25);
    const again = await rotateCredentialKeys({ pool, keys: both.keys });
    assert.deepEqual([again.rotated, again.remaining], [0, 1]);

    const onlyNew = await open(second);
    const names = Array.from({ length: 25 }, (_, index) => `c${index}`);
    const values = await onlyNew.reader.forTask(id, names);
    assert.equal(values.length, 25);
    assert.ok(
      values.some((credential) => credential.kind === "env" && credential.value === "another value in between"),
    );
    await assert.rejects(onlyNew.reader.forTask(id, ["orphan"]), { code: "CREDENTIAL_KEY_MISSING" });
  });

  it("refuses what cannot be a key ring, without repeating it", () => {
    const key = randomBytes(32).toString("base64");
    for (const text of ["", "a", `a:${key.slice(4)}`, `a:${key},a:${key}`, `a/nothing:${key}`, `:${key}`, `a ${key}`]) {
      const parsed = CredentialKeysText.safeParse(text);
      assert.equal(parsed.success, false, text);
      assert.ok(text.length < 20 || !JSON.stringify(parsed.error).includes(key.slice(4)));
    }
  });

  it("refuses values that could not be redacted, and places that are the platform's", () => {
    const wrong: unknown[] = [
      { kind: "env", variable: "A", value: "short" },
      { kind: "env", variable: "LD_PRELOAD", value: "/tmp/some.so" },
      { kind: "env", variable: "HTTPS_PROXY", value: "http://elsewhere" },
      { kind: "file", path: "../outside", content: "some content" },
      { kind: "file", path: "/etc/passwd", content: "some content" },
      { kind: "file", path: ".ssh/config", content: "some content" },
      { kind: "file", path: "repos/x", content: "some content" },
      { kind: "git_https", host: "*.example.com", token: "some-token" },
      { kind: "git_https", host: "example.com", username: "a:b", token: "some-token" },
      { kind: "ssh_key", host: "example.com", privateKey: "no key at all", knownHosts: "x" },
      { kind: "database", url: "mysql://u:p@host/database" },
    ];
    for (const input of wrong) assert.equal(CredentialInput.safeParse(input).success, false, JSON.stringify(input));
  });

  it("has ids of its own for what is not there", async () => {
    const { store } = await open(first);
    await assert.rejects(store.set(randomUUID(), "a", env("A", "some value")), { code: "23503" });
  });
});
