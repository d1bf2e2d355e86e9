import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { StackUnderTest } from "./support/stack-under-test.ts";

/** The shim that is serialised into the state is small; the provider is loaded by name in the provider's process. */
const RESOURCE = `
import * as pulumi from "@pulumi/pulumi";
const provider: pulumi.dynamic.ResourceProvider = {
  async diff(id: string, olds: Record<string, unknown>, news: Record<string, unknown>) {
    return (await import("#components/file-provider.ts")).diff(id, olds, news);
  },
  async create(inputs: Record<string, unknown>) {
    return (await import("#components/file-provider.ts")).create(inputs as { text: string });
  },
};
export class File extends pulumi.dynamic.Resource {
  declare readonly length: pulumi.Output<number>;
  constructor(name: string, args: { text: pulumi.Input<string> }, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args, length: undefined }, opts, "files", "File");
  }
}
`;

const PROVIDER = `
import { randomUUID } from "node:crypto";
interface Inputs { text: string }
export async function diff(_id: string, olds: Record<string, unknown>, news: Record<string, unknown>) {
  return { changes: olds["text"] !== news["text"] };
}
export async function create(inputs: Inputs): Promise<{ id: string; outs: Inputs & { length: number } }> {
  return { id: randomUUID(), outs: { ...inputs, length: inputs.text.length } };
}
`;

const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";
import { File } from "../components/file.ts";
const config: pulumi.Config = new pulumi.Config();
const file = new File("notes", { text: config.require("text") });
console.log("the program says hello");
export const length = file.length;
`;

describe("a program in native ESM TypeScript", () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it("runs as it is, with dynamic resources whose provider is a module of its own", async () => {
    const write = (name: string, text: string) => writeFileSync(join(stack.folder, name), text);
    mkdirSync(join(stack.folder, "components"));
    mkdirSync(join(stack.folder, "stacks"));
    write(
      "package.json",
      JSON.stringify({ name: "esm", type: "module", private: true, imports: { "#components/*": "./components/*" } }),
    );
    write("components/file.ts", RESOURCE);
    write("components/file-provider.ts", PROVIDER);
    write("stacks/index.ts", PROGRAM);
    stack.config.set("test:text", { value: "hello", secret: false });
    const options = { program: join(stack.folder, "stacks/index.ts"), config: stack.config };

    const made = await stack.up(options);
    assert.deepEqual(made.errors, []);
    assert.equal(made.ok, true);
    assert.deepEqual(stack.state("test-dev")?.outputs, { length: 5 });
    assert.equal(stack.state("notes")?.type, "pulumi-nodejs:dynamic/files:File");
    const state = JSON.stringify(stack.state("notes"));
    assert.ok(!state.includes(stack.folder), "the state knows no path of this checkout");
    const said = made.events.filter((event) => JSON.stringify(event).includes("the program says hello"));
    assert.equal(said.length, 1);

    const again = await stack.up({ ...options, program: join(stack.folder, "stacks") });
    assert.deepEqual(again.changes, { same: 2 });
  });
});
