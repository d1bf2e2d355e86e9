import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { CredentialKeysText, restrictCredentialKeys } from "../../contracts/credential-keys.ts";
import { TASK_CREDENTIAL_KINDS } from "../../contracts/credential.ts";
import { type GitServer, startGitServer } from "../../demo/git-server.ts";
import type { TaskResult } from "../../contracts/task.ts";
import type { ToolCallAnswer } from "../../contracts/tool-call.ts";
import { CredentialKeyRing } from "../../services/workspace/credentials/key-ring.ts";
import { CredentialStore } from "../../services/workspace/credentials/credential-store.ts";
import { makeCertificates } from "../support/certificates.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const TOKEN = `git-token-${randomUUID()}`;

/** A git server behind TLS that asks for a password, and a platform whose workspace has it. */
describe("a private repository, from inside a task's sandbox", () => {
  let folder: string;
  let git: GitServer;
  let server: Server;
  let platform: TestPlatform;
  let owner: pg.Pool;
  let credentials: CredentialStore;
  let workspaceId: string;
  let host: string;
  /** Of requests that came with the right password. */
  const served: IncomingMessage[] = [];
  let redirect: string | undefined;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "git-credentials-"));
    const seed = path.join(folder, "seed");
    const run = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { stdio: "pipe" });
    run("init", "--quiet", "--initial-branch=main", seed);
    run("-C", seed, "commit", "--quiet", "--allow-empty", "-m", "first");
    run("clone", "--quiet", "--bare", seed, path.join(folder, "repos/team/private.git"));
    git = await startGitServer(path.join(folder, "repos"));
    const { caFile, key, cert } = await makeCertificates(folder);
    server = createServer({ key, cert }, (request, response) => {
      if (request.headers.authorization !== `Basic ${Buffer.from(`bot:${TOKEN}`).toString("base64")}`) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
        return;
      }
      served.push(request);
      if (redirect !== undefined) {
        response.writeHead(301, { location: redirect }).end();
        return;
      }
      const headers = { ...request.headers, host: "localhost" };
      const onward = httpRequest({ port: git.port, method: request.method, path: request.url, headers });
      onward.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)));
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `localhost:${(server.address() as AddressInfo).port}`;
    const keys = `test:${randomBytes(32).toString("base64")}`;
    platform = await startPlatform({
      processEnv: { gateway: { NODE_EXTRA_CA_CERTS: caFile } },
      gatewayEnv: { CREDENTIAL_KEYS: await restrictCredentialKeys(keys, ["git_https"]) },
      workerEnv: { CREDENTIAL_KEYS: await restrictCredentialKeys(keys, TASK_CREDENTIAL_KINDS) },
    });
    owner = new pg.Pool({ connectionString: platform.postgres.url });
    const ring = await CredentialKeyRing.create(CredentialKeysText.parse(keys));
    credentials = new CredentialStore({ pool: owner, keys: ring });
    workspaceId = await platform.createWorkspace({ egressRules: [host] });
    await credentials.set(workspaceId, "code", { kind: "git_https", host, username: "bot", token: TOKEN });
  });
  after(async () => {
    await owner.end();
    await platform.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await git.stop();
    await rm(folder, { recursive: true });
  });

  const submit = async (task: Record<string, unknown>): Promise<TaskResult> => {
    const taskId = randomUUID();
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, ...task });
    return platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=60`);
  };
  const command = (...argv: string[]) => ({ tool: "execute_command", input: { argv, timeoutSeconds: 60 } });
  const url = () => `https://${host}/team/private.git`;
  const outputs = (result: TaskResult) => {
    assert.equal(result.status, "completed", JSON.stringify(result, null, 1));
    return result.steps.map(({ output }) => (output as { stdout: string }).stdout);
  };

  it("is made ready, fetched, and pushed to, and its URL stays the real one", async () => {
    const result = await submit({
      resources: { repoClone: true },
      repositories: [{ url: url(), name: "private" }],
      steps: [
        command("git", "-C", "repos/private", "config", "--get", "remote.origin.url"),
        // Larger than what git sends in one piece: the push comes in chunks.
        command("python3", "-c", "import os; open('repos/private/large', 'wb').write(os.urandom(3_000_000))"),
        command("git", "-C", "repos/private", "add", "large"),
        command("git", "-C", "repos/private", "commit", "-m", "from a sandbox"),
        command("git", "-C", "repos/private", "push", "origin", "HEAD:refs/heads/pushed"),
        command("git", "ls-remote", url()),
        command("git", "clone", "--quiet", url(), "scratch-clone"),
      ],
    });
    const [origin, , , , , refs = ""] = outputs(result);
    assert.equal(origin?.trim(), url());
    assert.match(refs, /refs\/heads\/pushed/);
    for (const { headers } of served) {
      assert.equal(headers["proxy-authorization"], undefined);
      assert.ok(!JSON.stringify(headers).includes("3128"), "nothing of the gateway's is told");
    }
  });

  it("is read by a call without a task, too", async () => {
    const call = { args: ["ls-remote", url()] };
    const { ok, output } = await platform.request<ToolCallAnswer>("POST", `/api/workspaces/${workspaceId}/git`, call);
    assert.ok(ok, JSON.stringify(output));
    assert.match((output as { stdout: string }).stdout, /refs\/heads\/main/);
  });

  it("leaves its token nowhere in the sandbox, in no event and in no log", async () => {
    const script = `
import os, glob
paths = glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline")
for top in ("/workspace", "/run", "/tmp", "/etc"):
    for folder, _, names in os.walk(top): paths += [os.path.join(folder, name) for name in names]
seen = [str(dict(os.environ))]
for path in paths:
    try: seen.append(open(path, "rb").read(10000000).decode("latin1"))
    except OSError: pass
print(any("git-" + "token-" in text for text in seen), "insteadOf" in seen[0])
`;
    const curl = command(
      "curl",
      "-sS",
      "-i",
      `http://127.0.0.1:3128/git/${host}/team/private.git/info/refs?service=git-upload-pack`,
    );
    const traced = {
      tool: "execute_command",
      input: { argv: ["git", "ls-remote", url()], environment: { GIT_CURL_VERBOSE: "1", GIT_TRACE_CURL: "1" } },
    };
    const result = await submit({ steps: [command("python3", "-c", script), curl, traced] });
    const [seen, answer = ""] = outputs(result);
    assert.equal(seen?.trim(), "False True");
    assert.match(answer, /200 OK/);
    assert.ok(!JSON.stringify(result).includes(TOKEN));
    assert.ok(!JSON.stringify(result).includes(Buffer.from(`bot:${TOKEN}`).toString("base64")));
    const logs = await Promise.all([platform.gateway, platform.api, ...platform.workers].map((one) => one.log()));
    assert.ok(!logs.join("\n").includes(TOKEN));
    assert.match(logs[0] ?? "", /"kind":"git"/);
  });

  it("opens nothing else of its server, and no other server", async () => {
    const ask = async (target: string) => {
      const [answer = ""] = outputs(
        await submit({ steps: [command("curl", "-sS", "-i", `http://127.0.0.1:3128/git/${target}`)] }),
      );
      return answer;
    };
    const count = served.length;
    assert.match(await ask(`${host}/api/v3/user`), /400 .*smart HTTP/s);
    assert.match(
      await ask("github.com/a/b.git/info/refs?service=git-upload-pack"),
      /403 .*no git credential for github\.com/s,
    );
    await platform.request("PUT", `/api/workspaces/${workspaceId}/egress`, { rules: [] });
    let refused = "";
    while (!refused.includes("403")) refused = await ask(`${host}/team/private.git/info/refs?service=git-upload-pack`);
    assert.match(refused, /not on the allow-list/);
    await platform.request("PUT", `/api/workspaces/${workspaceId}/egress`, { rules: [host] });
    let again = "";
    while (!again.includes("200 OK")) again = await ask(`${host}/team/private.git/info/refs?service=git-upload-pack`);
    assert.ok(served.length > count);
    const other = await platform.createWorkspace({ egressRules: [host] });
    const foreign = await submit({ workspaceId: other, steps: [command("git", "ls-remote", url())] });
    assert.equal(foreign.status, "failed");
  });

  it("is followed to a new name on its server, and not to another one", async () => {
    const lsRemote = () => submit({ steps: [command("git", "ls-remote", `https://${host}/team/old.git`)] });
    const elsewhere = served.length;
    redirect = "https://127.0.0.1:1/team/private.git/info/refs?service=git-upload-pack";
    const refused = await lsRemote();
    assert.equal(refused.status, "failed");
    assert.match(JSON.stringify(refused.steps), /sends git to another server/);
    assert.equal(served.length, elsewhere + 1);
    redirect = "/team/private.git/info/refs?service=git-upload-pack";
    const follows = lsRemote();
    while (served.length < elsewhere + 2) await new Promise((resolve) => setTimeout(resolve, 5));
    redirect = undefined;
    assert.match(outputs(await follows)[0] ?? "", /refs\/heads\/main/);
  });

  it("says what to do when the token is no longer good, and asks nobody for another", async () => {
    const old = { kind: "git_https", host, username: "bot", token: "an-old-token" } as const;
    await credentials.set(workspaceId, "code", old);
    const result = await submit({ steps: [command("git", "ls-remote", url())] });
    assert.equal(result.status, "failed");
    const said = JSON.stringify(result.steps);
    assert.match(said, /does not accept the credential code/);
    assert.ok(!said.includes("an-old-token") && !said.includes("could not read Username"));
  });
});
