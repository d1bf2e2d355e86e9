import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Child } from "../../src/deploy/provider/child.ts";
import { processesWith, until } from "../support/processes.ts";
import { StackUnderTest } from "./support/stack-under-test.ts";

const FAKE = new URL("./support/fake-plugin.mjs", import.meta.url).pathname;
const RUN = new URL("./support/run-until-killed.ts", import.meta.url).pathname;
const NEEDS_PROC = process.platform !== "linux" && "needs /proc";

describe("a plugin", () => {
  const bin = mkdtempSync(join(tmpdir(), "engine-life-"));
  const path = process.env["PATH"];
  const write = (name: string, text: string) => {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };
  let stack = new StackUnderTest();

  before(() => {
    symlinkSync(FAKE, join(bin, "pulumi-resource-fake"));
    process.env["PATH"] = `${bin}${delimiter}${path ?? ""}`;
    process.env["FAKE_LEDGER"] = join(bin, "ledger");
    writeFileSync(join(bin, "ledger"), "");
  });
  afterEach(() => {
    stack.remove();
    stack = new StackUnderTest();
  });
  after(() => {
    process.env["PATH"] = path;
    delete process.env["FAKE_LEDGER"];
    stack.remove();
    rmSync(bin, { recursive: true });
  });

  it("that crashes in the middle is named with its last words, and what it had begun stays on record", async () => {
    const { errors, events } = await stack
      .program(`const a = new Thing("a", {}); new Thing("b", { n: a.twice, dieAt: "create" });`)
      .up();
    assert.match(errors.join("\n"), /resource plugin pulumi-nodejs ended unexpectedly \(exit code 3\)/);
    assert.ok(stack.state("a"), "what was done before is done");
    assert.deepEqual(
      stack.snapshot.pendingOperations.map(({ type, resource }) => [type, resource.urn.split("::").at(-1)]),
      [["creating", "b"]],
    );
    const summary = events.find((event) => "summaryEvent" in event)?.["summaryEvent"] as { maybeCorrupt: boolean };
    assert.equal(summary.maybeCorrupt, true);
  });

  it("is told where it is, and its errors read as it wrote them", async () => {
    write(
      "pulumi-resource-polite",
      `#!/usr/bin/env node
       const { createRequire } = require("node:module");
       const sdk = createRequire(process.env.PULUMI_PROGRAM_DIRECTORY + "/index.js");
       const grpc = createRequire(sdk.resolve("@pulumi/pulumi/package.json"))("@grpc/grpc-js");
       const { ResourceProviderService } = sdk("@pulumi/pulumi/proto/provider_grpc_pb");
       const pb = sdk("@pulumi/pulumi/proto/provider_pb");
       let shaken;
       const server = new grpc.Server();
       server.addService(ResourceProviderService, {
         handshake: ({ request }, done) => {
           shaken = request.toObject();
           const response = new pb.ProviderHandshakeResponse();
           response.setAcceptSecrets(true);
           done(null, response);
         },
         configure: (_call, done) => done(null, new pb.ConfigureResponse()),
         check: ({ request }, done) => {
           console.error("not for the user's eyes");
           const failed = shaken === undefined || shaken.engineAddress !== process.argv[2] || request.getRandomseed_asU8().length !== 32;
           const told = [shaken?.rootDirectory, shaken?.configureWithUrn, shaken?.invokeWithPreview, process.env.WANTED, process.env.PULUMI_CONFIG, failed];
           done({ code: grpc.status.UNKNOWN, details: "told " + JSON.stringify(told) });
         },
       });
       server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(port));`,
    );
    process.env["GIVEN"] = "value";
    const config = new Map([
      ["polite:region", { value: "here", secret: false }],
      ["test:other", { value: "x", secret: false }],
    ]);
    const { errors, events } = await stack
      .program(
        `
        class Polite extends pulumi.ProviderResource { constructor(name, opts) { super("polite", name, {}, opts); } }
        const p = new Polite("p", { envVarMappings: { GIVEN: "WANTED" } });
        new pulumi.CustomResource("polite:index:X", "x", {}, { provider: p });`,
      )
      .up({ config });
    delete process.env["GIVEN"];
    const told = JSON.stringify([bin, true, true, "value", JSON.stringify({ region: "here" }), false]);
    assert.equal(errors[0], `told ${told}`);
    assert.doesNotMatch(JSON.stringify(events), /not for the user's eyes/);
    const provider = stack.snapshot.resources.find(({ type }) => type === "pulumi:providers:polite");
    assert.deepEqual(provider?.inputs, { __internal: { envVarMappings: { GIVEN: "WANTED" } } });
    assert.deepEqual(provider.outputs, {});
  });

  it("that never shakes hands is not waited for for ever", async () => {
    write("pulumi-resource-mute", `#!/bin/sh\necho 1\nexec sleep 600\n`);
    const { errors } = await stack.program(`new pulumi.CustomResource("mute:index:X", "x", {});`).preview();
    assert.match(errors.join("\n"), /resource plugin mute did not start: it did not shake hands/);
  });

  it(
    "or a program that listens to nobody is gone when the engine is killed",
    { skip: NEEDS_PROC, timeout: 120_000 },
    async () => {
      // It starts a process of its own, prints a port, and goes round for ever.
      write(
        "pulumi-resource-deaf",
        `#!/bin/sh\ntrap '' TERM INT HUP\nsleep 600 &\necho up > "$DEAF_SIGN"\nwhile :; do :; done\n`,
      );
      const sign = join(bin, "deaf-sign");
      stack.program(`
      new pulumi.CustomResource("deaf:index:X", "x", {});
      const { existsSync, writeFileSync } = require("node:fs");
      (function loopWhenPluginLoops() {
        if (!existsSync(process.env.DEAF_SIGN)) return setImmediate(loopWhenPluginLoops);
        writeFileSync(process.env.DEAF_SIGN + ".program", "");
        for (;;);
      })();`);
      const mark = `UNDER_TEST=${stack.folder}`;
      const engine = spawn(process.execPath, [RUN, stack.folder], {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, UNDER_TEST: stack.folder, DEAF_SIGN: sign },
      });
      await until("plugin and program go round", () => existsSync(`${sign}.program`));
      assert.ok((await processesWith(mark)).length >= 4, "engine, program, plugin and what the plugin started");
      engine.kill("SIGKILL");
      await until("no process is left", async () => (await processesWith(mark)).length === 0);
    },
  );

  it(
    "that ends by itself may leave others running, as those that it started for later",
    { skip: NEEDS_PROC, timeout: 120_000 },
    async () => {
      const mark = `LEFT_BY=${bin}`;
      const child = new Child({
        command: "/bin/sh",
        args: ["-c", "sleep 600 >/dev/null 2>&1 & exit 5"],
        cwd: bin,
        env: { ...process.env, LEFT_BY: bin },
        onStdout: () => undefined,
        onStderr: () => undefined,
      });
      assert.deepEqual(await child.ended, { code: 5, signal: null });
      await until("what it left runs alone", async () => (await processesWith(mark)).length === 1);
      for (const { pid } of await processesWith(mark)) process.kill(pid, "SIGKILL");
    },
  );
});
