/** Packs of every make, several at once, and packs that are broken: the pack is named, and nothing is created. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { exitCodes } from "../../src/backend/errors.ts";
import { PolicySandbox, type Outcome } from "./support/policy-sandbox.ts";

const report = (text: string, name = "says") =>
  `[{ name: ${JSON.stringify(name)}, description: "d", validateResource(args, report) { if (args.props.ident) report(${JSON.stringify(text)}); } }]`;

function messages(outcome: Outcome): unknown[] {
  return outcome
    .of("policyEvent")
    .map((event) => `${String(event["policyPackName"])}: ${String(event["message"]).trim()}`);
}

describe("policy packs", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(`new Thing("one", {});`);
  });
  after(() => stack.remove());

  it("may be TypeScript, which the SDK compiles", async () => {
    await stack.pack("typed", {
      version: "2.0.0",
      files: {
        "index.ts": `import { PolicyPack } from "@pulumi/policy";
          import { words } from "./words";
          enum Kind { Thing = "ident" }
          new PolicyPack("typed", { policies: [{ name: "says", description: "d",
            validateResource: (args, report): void => { if (args.props[Kind.Thing]) report(words()); } }] });`,
        "words.ts": `export function words(): string { return "typed words"; }`,
        "package.json": JSON.stringify({ name: "typed", version: "2.0.0", main: "index.ts" }),
      },
    });
    await rm(join(stack.sandbox.work, "typed", "index.js"));
    const outcome = await stack.run("preview", ["--policy-pack", "typed"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(messages(outcome), ["typed: d\ntyped words"]);
    assert.match(outcome.stdout, /typed@v2\.0\.0/);
  });

  it("may be ES modules in TypeScript, which Node runs, with modules named as they are", async () => {
    await stack.pack("modules", {
      files: {
        "index.ts": `import { PolicyPack } from "@pulumi/policy";
          import { rule } from "./rules/rule.ts";
          new PolicyPack("modules", { policies: [rule] });`,
        "package.json": JSON.stringify({ name: "modules", version: "1.0.0", type: "module", main: "index.ts" }),
      },
    });
    await rm(join(stack.sandbox.work, "modules", "index.js"));
    await mkdir(join(stack.sandbox.work, "modules", "rules"));
    await writeFile(
      join(stack.sandbox.work, "modules", "rules", "rule.ts"),
      `import type { ResourceValidationPolicy } from "@pulumi/policy";
       export const rule: ResourceValidationPolicy = { name: "says", description: "d",
         validateResource(args, report) { if (args.props.ident) report("module words"); } };`,
    );
    const outcome = await stack.run("preview", ["--policy-pack", "modules"]);
    assert.deepEqual(messages(outcome), ["modules: d\nmodule words"], outcome.stdout);
  });

  it("may be several, with policies of the same name, and carry the version of PulumiPolicy.yaml", async () => {
    await stack.pack("alpha", { policies: report("from alpha"), version: "1.1.1" });
    await stack.pack("beta", { policies: report("from beta"), yaml: "runtime: nodejs\nversion: 9.9.9\n" });
    const outcome = await stack.run("preview", ["--policy-pack", "alpha,beta"]);
    assert.deepEqual(messages(outcome), ["alpha: d\nfrom alpha", "beta: d\nfrom beta"]);
    assert.deepEqual(outcome.of("summaryEvent")[0]?.["PolicyPacks"], {
      "alpha|local|alpha": "1.1.1",
      "beta|local|beta": "9.9.9",
    });
    assert.deepEqual(
      outcome.of("policyEvent").map((event) => event["policyPackVersionTag"]),
      ["1.1.1", "9.9.9"],
    );
  });

  it("may be a program that serves policies by itself", async () => {
    const folder = join(
      stack.sandbox.work,
      await stack.pack("served", { policies: report("served"), version: "3.0.0" }),
    );
    const program = join(folder, "serve");
    await writeFile(program, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} index.js\n`);
    await chmod(program, 0o755);
    const outcome = await stack.run("preview", ["--policy-pack", "served/serve"]);
    assert.deepEqual(messages(outcome), ["served: d\nserved"], outcome.stdout);
    assert.match(outcome.stdout, /served@v3\.0\.0 \(local: served\/serve\)/);
  });

  it("print to the diagnostics", async () => {
    await stack.pack("chatty", { before: `console.error("good morning"); console.log("I see");` });
    const outcome = await stack.run("preview", ["--policy-pack", "chatty"]);
    assert.equal(outcome.code, 0, outcome.stdout);
    assert.deepEqual(
      outcome.of("diagnosticEvent").map(({ severity, message }) => `${String(severity)} ${String(message)}`),
      ["info#err good morning\n", "info I see\n"],
    );
  });
});

describe("a policy pack that is broken", () => {
  let stack: PolicySandbox;
  before(async () => {
    stack = await PolicySandbox.create(`new Thing("one", {});`);
  });
  after(() => stack.remove());

  /** Runs an update with it; what is told goes by `expected`. */
  const refuses = async (path: string, ...expected: RegExp[]): Promise<void> => {
    const outcome = await stack.run("up", ["--policy-pack", path]);
    assert.equal(outcome.code, exitCodes.failure, outcome.stdout);
    const told = outcome
      .of("diagnosticEvent")
      .map(({ message }) => message)
      .join("");
    for (const pattern of expected) assert.match(told, pattern);
    assert.deepEqual(await stack.effects(), []);
    assert.equal(outcome.of("summaryEvent")[0]?.["result"], "failed");
  };

  it("for it is not there", () =>
    refuses("nowhere", /policy pack not found at ".*nowhere": there is no PulumiPolicy\.yaml/));

  it("for its PulumiPolicy.yaml is", async () => {
    await stack.pack("no-runtime", { yaml: "description: x\n" });
    await refuses("no-runtime", /PulumiPolicy\.yaml: project is missing a 'runtime' attribute/);
    await stack.pack("no-yaml", { yaml: "runtime: [" });
    await refuses("no-yaml", /could not use .*no-yaml\/PulumiPolicy\.yaml/);
    await stack.pack("snake", { yaml: "runtime: python\n" });
    await refuses("snake", /does not support policy packs of the runtime 'python'/);
  });

  it("for it does not compile", async () => {
    await stack.pack("wrong", {
      files: {
        "index.ts": `const level: number = "mandatory";`,
        "package.json": JSON.stringify({ name: "wrong", version: "1.0.0", main: "index.ts" }),
      },
    });
    await rm(join(stack.sandbox.work, "wrong", "index.js"));
    await refuses(
      "wrong",
      /policy pack ".*wrong" failed to start: it ended with exit code \d+; it said:/,
      /index\.ts\(1,7\): error TS2322: Type 'string' is not assignable to type 'number'/,
    );
  });

  it("for it throws when it is loaded", async () => {
    await stack.pack("thrower", { before: `throw new Error("no policies today");` });
    await refuses("thrower", /policy pack ".*thrower" failed to start/, /no policies today/);
  });

  it("for it has no PolicyPack", async () => {
    await stack.pack("empty", { files: { "index.js": "" } });
    await refuses(
      "empty",
      /policy pack ".*empty" failed to start: it ended with exit code 0 without serving a PolicyPack/,
    );
  });

  it("for the SDK refuses it", async () => {
    await stack.pack("named", { policies: `[{ name: "all", description: "d", validateResource() {} }]` });
    await refuses("named", /policy pack ".*named" failed to start/, /Invalid policy name "all"/);
  });

  it("for its dependencies are not installed", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "engine-pack-"));
    try {
      await writeFile(join(elsewhere, "PulumiPolicy.yaml"), "runtime: nodejs\n");
      await refuses(
        elsewhere,
        /dependencies are not installed: @pulumi\/pulumi was not found from/,
        /Run `npm install` in ".*engine-pack-/,
      );
    } finally {
      await rm(elsewhere, { recursive: true });
    }
    await stack.pack("half", { before: `require("@pulumi/policy-that-is-not-there");` });
    await refuses("half", /dependencies are not installed: @pulumi\/policy-that-is-not-there was not found/);
  });

  it("for a policy throws: pack and policy are named", async () => {
    await stack.pack("fragile", {
      policies: `[{ name: "breaks", description: "d", validateResource(args) { if (args.props.ident) throw new Error("I cannot"); } }]`,
    });
    await refuses(
      "fragile",
      /failed to run policy \(policy pack fragile@v1\.0\.0\): Error validating resource with policy 'breaks' from policy pack 'fragile@v1\.0\.0':\nError: I cannot/,
    );
  });

  it("for a remediation throws", async () => {
    await stack.pack("quack", {
      policies: `[{ name: "cures", description: "d", enforcementLevel: "remediate", remediateResource() { throw new Error("no cure"); } }]`,
    });
    await refuses("quack", /failed to run remediation .*'cures' from policy pack 'quack@v1\.0\.0':\nError: no cure/);
  });

  it("for its process dies while it is asked", async () => {
    await stack.pack("mortal", {
      policies: `[{ name: "dies", description: "d", validateResource() { process.exit(3); } }]`,
    });
    await refuses("mortal", /policy pack mortal@v1\.0\.0\): its process ended unexpectedly \(exit code 3\)/);
  });

  it("for it is a program that serves nothing", async () => {
    const binary = join(stack.sandbox.work, "analyzer");
    await writeFile(binary, "#!/bin/sh\necho not a port >&2\nexit 4\n");
    await chmod(binary, 0o755);
    await refuses("analyzer", /failed to start: it ended with exit code 4; it said:\nnot a port/);
  });

  it("beside one that is not", async () => {
    await stack.pack("fine", { policies: report("fine") });
    await refuses("fine,nowhere", /policy pack not found at ".*nowhere"/);
  });
});

describe("a stack policy that throws", () => {
  it("fails the update after it, and is named", async () => {
    const stack = await PolicySandbox.create(`new Thing("one", {});`);
    try {
      await stack.pack("late", {
        policies: `[{ name: "sees-all", description: "d", validateStack() { throw new Error("too much"); } }]`,
      });
      const outcome = await stack.run("up", ["--policy-pack", "late"]);
      assert.equal(outcome.code, exitCodes.failure);
      assert.deepEqual(await stack.effects(), ["create one"]);
      const told = outcome
        .of("diagnosticEvent")
        .map(({ message }) => message)
        .join("");
      assert.match(
        told,
        /failed to run stack policy .*policy 'sees-all' from policy pack 'late@v1\.0\.0':\nError: too much/,
      );
    } finally {
      await stack.remove();
    }
  });
});
