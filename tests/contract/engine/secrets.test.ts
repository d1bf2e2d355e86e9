import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describeRows } from "./support/describe-rows.ts";
import { preview, pulumi, up, type Outcome } from "./support/row.ts";

/** `config set --secret conf-project:password hunter2` for the suite's passphrase. */
const stdin = () => Promise.resolve("hunter2");

async function showsNoSecret({ stdout, stderr, events, project }: Outcome): Promise<void> {
  const state = await readFile(project.stateFile("dev"), "utf8");
  for (const [where, text] of Object.entries({ stdout, stderr, state, events: JSON.stringify(events) }))
    assert.ok(!text.includes("hunter2"), `${where} shows the secret`);
}

describeRows("secrets", {
  "a secret of the configuration is encrypted wherever it goes": {
    program: ({ Thing, config }) => {
      const password = config.requireSecret("password");
      const a = new Thing("a", { label: password });
      return { label: a.label, upper: a.upper, length: password.apply((text) => text.length), n: a.n };
    },
    run: [
      pulumi("config set --secret password", { stdin }),
      preview({ check: showsNoSecret }),
      up({
        outputs: { label: "<secret>", upper: "<secret>", length: "<secret>", n: 1 },
        state: { a: { inputs: { n: 1, label: "<secret>" } } },
        check: showsNoSecret,
      }),
      up({ flags: ["--expect-no-changes"], steps: ["same a"] }),
    ],
  },

  "stack output shows a secret to who asks for it": {
    program: ({ pulumi }) => ({ hidden: pulumi.secret("hunter2"), shown: "plain", deep: { list: [pulumi.secret(1)] } }),
    run: [
      up({ outputs: { hidden: "<secret>", shown: "plain", deep: { list: ["<secret>"] } }, check: showsNoSecret }),
      pulumi("stack output --json", {
        check: ({ stdout }) =>
          assert.deepEqual(JSON.parse(stdout), { hidden: "[secret]", shown: "plain", deep: { list: ["[secret]"] } }),
      }),
      pulumi("stack output --json --show-secrets", {
        check: ({ stdout }) =>
          assert.deepEqual(JSON.parse(stdout), { hidden: "hunter2", shown: "plain", deep: { list: [1] } }),
      }),
    ],
  },

  "a secret in the middle of a value is encrypted where it is": {
    program: ({ Thing, pulumi }) => {
      new Thing("a", { blob: { open: 1, list: ["x", pulumi.secret("hunter2")] } });
    },
    run: [
      up({
        state: { a: { inputs: { n: 1, blob: { open: 1, list: ["x", "<secret>"] } } } },
        check: showsNoSecret,
      }),
      up({ flags: ["--expect-no-changes"] }),
    ],
  },

  "additionalSecretOutputs makes outputs secret": {
    program: ({ Thing }) => {
      const a = new Thing("a", { n: 2 }, { additionalSecretOutputs: ["twice"] });
      return { twice: a.twice, n: a.n };
    },
    run: [
      up({
        outputs: { twice: "<secret>", n: 2 },
        state: {
          a: {
            additionalSecretOutputs: ["twice"],
            outputs: { n: 2, twice: "<secret>", address: "conf://here/a" },
          },
        },
      }),
    ],
  },

  "unsecret shows what was hidden": {
    program: ({ pulumi }) => ({ shown: pulumi.unsecret(pulumi.secret("plain")) }),
    run: [up({ outputs: { shown: "plain" } })],
  },

  "an input that becomes secret without another value is no change to the provider": {
    program: ({ Thing, pulumi }, version) => {
      new Thing("a", { label: version === 1 ? "l" : pulumi.secret("l") });
    },
    run: [up(), up({ version: 2, steps: ["same a"], state: { a: { inputs: { n: 1, label: "<secret>" } } } })],
  },

  "secrets in the outputs of a component": {
    program: ({ Group, pulumi }) => {
      const group = new Group("g");
      group.done({ hidden: pulumi.secret("hunter2"), shown: 1 });
    },
    run: [up({ state: { g: { outputs: { hidden: "<secret>", shown: 1 } } }, check: showsNoSecret })],
  },
});
