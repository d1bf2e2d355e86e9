import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Registry } from "prom-client";
import { createRunnerMetrics } from "../../../services/runner/metrics.ts";
import { startHealthServer } from "../../../services/runtime/health.ts";
import { aTask } from "../../support/runner.ts";
import { silentLog } from "../../support/database.ts";

const root = new URL("../../../", import.meta.url);
/** Runs a module that imports from services/runtime/. */
const program = (source: string) => ["--input-type=module-typescript", "--eval", source];
const run = (source: string, env: Record<string, string> = {}) =>
  spawnSync(process.execPath, program(source), { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });

describe("parseEnv", () => {
  const source = `
    import { z } from "zod";
    import { parseEnv } from "./services/runtime/parse-env.ts";
    const schema = z.object({ PORT_X: z.coerce.number().int(), NAME_X: z.string().default("n") });
    console.log(JSON.stringify(parseEnv("api", schema, process.env)));`;

  it("parses", () => {
    assert.deepEqual(JSON.parse(run(source, { PORT_X: "80" }).stdout), { PORT_X: 80, NAME_X: "n" });
  });

  it("says all that is wrong, and ends with 2", () => {
    const strict = source.replace('.default("n")', ".min(3)");
    const { status, stderr } = run(strict, { PORT_X: "x", NAME_X: "n" });
    assert.equal(status, 2);
    assert.match(stderr, /^api: the environment is not right/);
    assert.match(stderr, /PORT_X/);
    assert.match(stderr, /NAME_X/);
  });
});

describe("createLogger", () => {
  it("writes ids and events, and keeps secrets and prompts out", () => {
    const { stdout } = run(`
      import { createLogger } from "./services/runtime/logger.ts";
      const log = createLogger({ service: "api" });
      const error = new Error("outer", { cause: Object.assign(new Error("inner"), { code: "X1" }) });
      log.info({ event: "e", taskId: "t1", prompt: "SECRET", task: { prompt: "SECRET", deep: { token: "SECRET" } },
        headers: { authorization: "SECRET" }, err: error }, "done");
      log.debug("not shown");`);
    const line = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(line["service"], "api");
    assert.equal(line["event"], "e");
    assert.equal(line["taskId"], "t1");
    assert.equal(line["msg"], "done");
    assert.ok(!stdout.includes("SECRET"));
    assert.match(stdout, /"cause":\{"type":"Error","message":"inner","code":"X1"/);
  });
});

describe("onShutdown", () => {
  const source = (close: string) => `
    import { createLogger } from "./services/runtime/logger.ts";
    import { onShutdown } from "./services/runtime/shutdown.ts";
    const log = createLogger({ service: "x" });
    const stays = setInterval(() => {}, 1e6);
    const { shutdown } = onShutdown({ log, deadlineMs: 300, close: [${close}] });
    console.log("ready");`;
  const first = '{ name: "a", close: async () => console.log("a closed") }';
  const second = '{ name: "b", close: async () => console.log("b closed") }';

  async function end(code: string, signals: NodeJS.Signals[]): Promise<{ code: number | null; out: string }> {
    const child = spawn(process.execPath, program(code), { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (!out.includes("ready") && (out + text).includes("ready")) for (const signal of signals) child.kill(signal);
      out += text;
    });
    const [exit] = (await once(child, "close")) as [number | null];
    return { code: exit, out };
  }

  it("closes in order, once, and ends with 0", async () => {
    for (const signals of [["SIGTERM"], ["SIGINT", "SIGTERM"]] as NodeJS.Signals[][]) {
      const { code, out } = await end(source(`${first}, ${second}`), signals);
      assert.equal(code, 0);
      assert.equal(out.split("a closed").length, 2);
      assert.ok(out.indexOf("a closed") < out.indexOf("b closed"));
    }
  });

  it("goes on when a part does not close, and ends with 1", async () => {
    const failing = '{ name: "f", close: async () => { throw new Error("no"); } }';
    const { code, out } = await end(source(`${failing}, ${second}`), ["SIGTERM"]);
    assert.equal(code, 1);
    assert.ok(out.includes("b closed"));
    assert.ok(out.includes("shutdown_step_failed"));
  });

  it("ends with 1 at its deadline, and on what nobody caught", async () => {
    const hanging = await end(source('{ name: "h", close: () => new Promise(() => {}) }'), ["SIGTERM"]);
    assert.equal(hanging.code, 1);
    assert.ok(hanging.out.includes('"closer":"h"'));
    for (const crash of ['throw new Error("x")', 'Promise.reject(new Error("x"))']) {
      const { code, out } = await end(`${source(first)}; setImmediate(() => { ${crash}; })`, []);
      assert.equal(code, 1);
      assert.ok(out.includes('"crashed"'));
    }
  });
});

describe("startHealthServer", () => {
  it("tells life, readiness and metrics", async () => {
    const registry = new Registry();
    const metrics = createRunnerMetrics(registry);
    metrics.submitted(aTask("7c9e6679-7425-40de-944b-e07fc1f90ae7"));
    let failing = false;
    const checks = {
      database: async () => {
        if (failing) throw new Error("not connected");
      },
      other: async () => undefined,
    };
    const server = await startHealthServer({ host: "127.0.0.1", port: 0, log: silentLog, checks, registry });
    const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
    assert.deepEqual(await (await get("/healthz")).json(), { status: "ok" });
    assert.equal((await get("/readyz?x=1")).status, 200);
    assert.match(await (await get("/metrics")).text(), /automatos_task_submitted_total\{workspace="7c9e/);
    assert.equal((await get("/else")).status, 404);
    failing = true;
    const unready = await get("/readyz");
    assert.equal(unready.status, 503);
    assert.deepEqual(await unready.json(), {
      status: "unavailable",
      checks: { database: "not connected", other: "ok" },
    });
    assert.equal((await get("/healthz")).status, 200);
    await server.close();
    await assert.rejects(get("/healthz"));
  });
});
