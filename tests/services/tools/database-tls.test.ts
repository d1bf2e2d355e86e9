import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import * as tls from "node:tls";
import { promisify } from "node:util";
import pg from "pg";
import { TOOLS } from "../../../contracts/tools.ts";
import { DatabaseQueryAdapter } from "../../../services/tools/database/database-query.ts";
import { ConfiguredDatabases } from "../../../services/tools/database/database-sources.ts";
import type { Rows } from "../../../services/tools/database/read-rows.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { TASK, WORKSPACE } from "../gateway/support.ts";

const run = promisify(execFile);
const OPENSSL = "openssl";
const skip = spawnSync(OPENSSL, ["version"]).error === undefined ? false : "openssl is not installed";
const SSL_REQUEST_BYTES = 8;

describe("database_query over TLS", { skip }, () => {
  let postgres: TestPostgres;
  let port: number;
  let certificate: string;
  const resources = new AsyncDisposableStack();
  before(async () => {
    postgres = await startPostgres();
    resources.defer(() => postgres.stop());
    const admin = new pg.Client({ connectionString: postgres.adminUrl });
    await admin.connect();
    await admin.query("CREATE ROLE reader LOGIN PASSWORD 'x'");
    await admin.end();
    const folder = await mkdtemp(path.join(tmpdir(), "database-tls-"));
    resources.defer(() => rm(folder, { recursive: true }));
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2"];
    await run(OPENSSL, ["req", "-x509", "-nodes", ...curve, ...files, ...subject], { cwd: folder });
    certificate = await readFile(path.join(folder, "cert.pem"), "utf8");
    port = await serveTls(certificate, await readFile(path.join(folder, "key.pem"), "utf8"));
  });
  after(() => resources.disposeAsync());

  /** In front of the real server: answers the SSLRequest of PostgreSQL's protocol, and takes TLS off. */
  async function serveTls(cert: string, key: string): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      sockets.add(client);
      client.on("error", () => undefined);
      client.once("readable", () => {
        client.read(SSL_REQUEST_BYTES);
        client.write("S");
        const open = new tls.TLSSocket(client, { isServer: true, cert, key });
        const upstream = connect(postgres.port, "127.0.0.1");
        open.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
        upstream.on("error", () => open.destroy()).on("close", () => open.destroy());
        open.pipe(upstream).pipe(open);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    resources.defer(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  const query = async (host: string, text: string, mode = "verify-full") => {
    const url = `postgres://reader:x@${host}:${port}/automatos?sslmode=${mode}`;
    const databases = new ConfiguredDatabases([{ name: "default", url, workspaces: "all" }]);
    const context = {
      identity: { workspaceId: WORKSPACE, taskId: TASK },
      networkAccess: false,
      signal: new AbortController().signal,
    };
    const adapter = new DatabaseQueryAdapter({ databases });
    return (await adapter.call(TOOLS.database_query.input.parse({ query: text }), context)) as Rows;
  };
  const refused = { code: "DATABASE_UNREACHABLE", message: /TLS certificate is not trusted/ };

  it("trusts certificates that the process trusts, by the host's name, whatever sslmode says from require on", async () => {
    for (const mode of ["require", "verify-ca", "verify-full"]) {
      await assert.rejects(query("localhost", "SELECT 1", mode), refused);
    }
    const trusted = tls.getCACertificates("default");
    tls.setDefaultCACertificates([...trusted, certificate]);
    try {
      assert.deepEqual((await query("localhost", "SELECT 1 AS one")).rows, [[1]]);
      assert.deepEqual((await query("localhost", "SELECT 1 AS one", "require")).rows, [[1]]);
      await assert.rejects(query("127.0.0.1", "SELECT 1"), refused);
      await assert.rejects(query("localhost", "SELECT repeat('x', 100000000)"), { code: "DATABASE_ANSWER_TOO_LARGE" });
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });
});
