import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Secret } from "../../src/model.ts";
import { StackUnderTest } from "./support/stack-under-test.ts";

const GEARS = new URL("./support/gears-plugin.mjs", import.meta.url).pathname;
const LIBRARY = `
  class Gear extends pulumi.ComponentResource {
    constructor(name, args, opts) {
      super("gears:index:Gear", name, { doubled: undefined, told: undefined, hidden: undefined, nested: undefined, ...args }, opts, true);
    }
    spin(times) { return pulumi.runtime.call("gears:index:Gear/spin", { __self__: this, times }, this); }
  }
  class GearsProvider extends pulumi.ProviderResource {
    constructor(name, args, opts) { super("gears", name, args ?? {}, opts); }
  }
`;

describe("components of other packages", () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-gears-"));
  const plugins = [{ name: "gears", path: folder }];
  const config = new Map([
    ["test:plain", { value: "p", secret: false }],
    ["test:hidden", { value: "h", secret: true }],
  ]);
  let stack = new StackUnderTest();

  before(() => symlinkSync(GEARS, join(folder, "pulumi-resource-gears")));
  afterEach(() => {
    stack.remove();
    stack = new StackUnderTest();
  });
  after(() => {
    stack.remove();
    rmSync(folder, { recursive: true });
  });

  const urnOf = (name: string) => stack.state(name)?.urn ?? "";
  const told = () => JSON.parse(stack.state("test-dev")?.outputs?.["told"] as string) as Record<string, unknown>;

  it("are made by their provider, with the program's options, dependencies, secrets and configuration", async () => {
    const program = `${LIBRARY}
      const first = new pulumi.Stash("first", { input: 21 });
      const gear = new Gear("gear", {
        teeth: first.output, hidden: pulumi.secret("x"), nested: { deep: [first.output, pulumi.secret(2)] },
      }, { protect: true, ignoreChanges: ["a"], replaceOnChanges: ["b"], customTimeouts: { create: "3m" }, dependsOn: [first] });
      const { doubled, told, hidden, nested } = gear;
      module.exports = { doubled, told, hidden, nested, spun: gear.spin(first.output) };
      new pulumi.Stash("last", { input: pulumi.output(gear.spin(first.output)).spun });`;
    const preview = await stack.program(program).preview({ plugins, config });
    assert.deepEqual(preview.errors, []);
    assert.deepEqual(preview.steps.sort(), [
      "create first",
      "create gear",
      "create gear-rod",
      "create last",
      "create test-dev",
    ]);

    const made = await stack.up({ plugins, config });
    assert.deepEqual(made.errors, []);
    const root = stack.state("test-dev")?.outputs;
    assert.equal(root?.["doubled"], 42);
    assert.deepEqual(root["hidden"], new Secret("x"));
    assert.deepEqual(root["spun"], { spun: "gear x21" });
    assert.deepEqual(told(), {
      protect: true,
      ignoreChanges: ["a"],
      replaceOnChanges: ["b"],
      customTimeouts: { create: "3m", update: "", pb_delete: "", read: "" },
      retainOnDelete: false,
      providers: [],
      dependsOn: 1,
      aliases: [],
      project: "test",
      stack: "dev",
      organization: "organization",
      config: "p",
      isHidden: true,
      dryRun: false,
    });
    const gear = stack.state("gear");
    assert.equal(gear?.custom, false);
    assert.equal(gear.parent, urnOf("test-dev"));
    assert.deepEqual(gear.inputs?.["hidden"], new Secret("x"));
    assert.deepEqual(gear.inputs["nested"], { deep: [21, new Secret(2)] });
    assert.deepEqual(gear.dependencies, [urnOf("first")]);
    assert.deepEqual(gear.propertyDependencies?.["teeth"], [urnOf("first")]);
    assert.deepEqual(gear.outputs, { doubled: 42 });
    const rod = stack.state("gear-rod");
    assert.equal(rod?.urn, "urn:pulumi:dev::test::gears:index:Gear$pulumi:index:Stash::gear-rod");
    assert.equal(rod.protect, true, "handed down by the component");
    assert.deepEqual(stack.state("last")?.dependencies, [urnOf("first")], "what the method's answer came from");

    const same = await stack.up({ plugins, config });
    assert.deepEqual(same.changes, { same: 5 });
  });

  it("can be given a provider, transforms and aliases, and change with the program", async () => {
    const program = (name: string, teeth: number, opts: string) => `${LIBRARY}
      const mine = new GearsProvider("mine");
      const gear = new Gear("${name}", { teeth: ${teeth} }, { provider: mine, ${opts} });
      exports.doubled = gear.doubled;`;
    const transforms = `transforms: [({ type, props, opts }) =>
      type === "pulumi:index:Stash" ? { props: { ...props, input: 5 }, opts } : undefined]`;
    assert.deepEqual((await stack.program(program("gear", 1, transforms)).up({ plugins })).errors, []);
    assert.deepEqual(stack.state("gear-rod")?.inputs, { input: 5 }, "a transform of the component reaches its child");
    const providers = stack.snapshot.resources.filter(({ type }) => type === "pulumi:providers:gears");
    assert.deepEqual(
      providers.map(({ urn }) => urn.split("::").at(-1)),
      ["mine"],
    );

    const renamed = await stack.program(program("cog", 5, `aliases: [{ name: "gear" }]`)).up({ plugins });
    assert.deepEqual(renamed.errors, []);
    assert.deepEqual(renamed.steps.sort(), ["same cog-rod", "same test-dev", "update cog"]);

    const gone = await stack.program(``).up({ plugins });
    assert.deepEqual(gone.steps.sort(), ["delete cog", "delete cog-rod", "same test-dev"]);
  });

  it("that refuse their inputs are told by type, name, property and value; so are methods that fail", async () => {
    const refused = await stack.program(`${LIBRARY} new Gear("gear", { teeth: 1, refuse: "now" });`).up({ plugins });
    assert.match(
      refused.errors.join("\n"),
      /gears:index:Gear resource 'gear' has a problem: \s*- property refuse with value '"now"' has a problem: must not be set/,
    );
    const failed = await stack
      .program(
        `${LIBRARY} const g = new Gear("gear", { teeth: 1 }); exports.x = pulumi.runtime.call("gears:index:Gear/jam", { __self__: g }, g);`,
      )
      .up({ plugins });
    assert.match(
      failed.errors.join("\n"),
      /call to function 'gears:index:Gear\/jam' failed: unknown method gears:index:Gear\/jam/,
    );
  });

  it("whose provider crashes end the operation with its last words", async () => {
    const { errors } = await stack.program(`${LIBRARY} new Gear("gear", { teeth: 1, crash: true });`).up({ plugins });
    assert.match(
      errors.join("\n"),
      /resource plugin gears ended unexpectedly \(exit code 7\); its last words:\nthe gearbox is on fire/,
    );
  });

  it(
    "in TypeScript, as componentProviderHost serves them, are run from their source",
    { timeout: 300_000 },
    async () => {
      const widgets = join(folder, "widgets");
      const write = (file: string, text: string) => writeFileSync(join(widgets, file), text);
      mkdirSync(widgets);
      symlinkSync(
        dirname(dirname(dirname(createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json")))),
        join(widgets, "node_modules"),
      );
      write("PulumiPlugin.yaml", "runtime: nodejs\n");
      write("package.json", JSON.stringify({ name: "widgets", version: "1.2.3", main: "index.ts" }));
      write(
        "tsconfig.json",
        JSON.stringify({
          compilerOptions: { target: "ES2022", module: "nodenext", strict: true, skipLibCheck: true },
          files: ["index.ts"],
        }),
      );
      write(
        "index.ts",
        `
      import * as pulumi from "@pulumi/pulumi";
      export interface WidgetArgs { label: pulumi.Input<string>; }
      export class Widget extends pulumi.ComponentResource {
        readonly greeting: pulumi.Output<string>;
        constructor(name: string, args: WidgetArgs, opts?: pulumi.ComponentResourceOptions) {
          super("widgets:index:Widget", name, args, opts);
          const child = new pulumi.Stash(name + "-child", { input: args.label }, { parent: this });
          this.greeting = pulumi.interpolate\`hello \${child.output}\`;
          this.registerOutputs({ greeting: this.greeting });
        }
      }`,
      );
      const { errors } = await stack
        .program(
          `
        class Widget extends pulumi.ComponentResource {
          constructor(name, args, opts) { super("widgets:index:Widget", name, { greeting: undefined, ...args }, opts, true); }
        }
        exports.greeting = new Widget("w", { label: "world" }).greeting;`,
        )
        .up({ plugins: [{ name: "widgets", path: widgets }] });
      assert.deepEqual(errors, []);
      assert.deepEqual(stack.state("test-dev")?.outputs, { greeting: "hello world" });
      assert.deepEqual(stack.state("w")?.outputs, { greeting: "hello world" });
    },
  );
});
