import assert from "node:assert/strict";
import { describeRows } from "./support/describe-rows.ts";
import { preview, up } from "./support/row.ts";

interface Digest {
  readonly config: Record<string, string>;
  readonly steps: readonly {
    readonly op: string;
    readonly urn: string;
    readonly oldState?: { readonly inputs: unknown };
    readonly newState?: { readonly inputs: unknown };
    readonly diffReasons?: readonly string[];
    readonly replaceReasons?: readonly string[];
    readonly detailedDiff: Record<string, { kind: string; inputDiff: boolean }> | null;
  }[];
  readonly changeSummary: Record<string, number>;
}

describeRows("previews and events", {
  "a preview touches nothing": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { n: a.twice });
    },
    run: [preview({ steps: ["create a", "create b"], ledger: [], state: {} })],
  },

  "what is not known before the creation is unknown at preview, and what the provider foretells is known": {
    program: ({ Thing, note }) => {
      const a = new Thing("a", { n: 2 });
      a.twice.apply((twice) => note(`twice is ${twice}`));
      a.address.apply((address) => note(`address is ${address}`));
    },
    run: [
      preview({ ledger: ["twice is 4"] }),
      up({ ledger: ["create a", ["twice is 4", "address is conf://here/a"]] }),
    ],
  },

  "a program knows whether it is a preview": {
    program: ({ pulumi, note }) => {
      note(`dry run: ${pulumi.runtime.isDryRun()}`);
    },
    run: [preview({ ledger: ["dry run: true"] }), up({ ledger: ["dry run: false"] })],
  },

  "preview --json tells each step, what differs and why": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version });
      new Thing("b", { key: `k${version}` });
      if (version === 2) new Thing("c");
    },
    settings: "config:\n  conf-project:hello: world\n",
    run: [
      up(),
      preview({
        version: 2,
        flags: ["--json"],
        check: ({ stdout }) => {
          const digest = JSON.parse(stdout) as Digest;
          const step = (op: string, name: string) =>
            digest.steps.find((one) => one.op === op && one.urn.endsWith(`::${name}`)) ??
            assert.fail(`there is no step ${op} ${name}`);
          assert.deepEqual(digest.config, { "conf-project:hello": "world" });
          assert.deepEqual(digest.changeSummary, { create: 1, replace: 1, same: 1, update: 1 });
          const update = step("update", "a");
          assert.deepEqual(update.oldState?.inputs, { n: 1 });
          assert.deepEqual(update.newState?.inputs, { n: 2 });
          assert.deepEqual(update.diffReasons, ["n"]);
          assert.deepEqual(update.detailedDiff, { n: { kind: "update", inputDiff: true } });
          assert.deepEqual(step("replace", "b").replaceReasons, ["key"]);
          assert.deepEqual(step("replace", "b").detailedDiff, {
            key: { kind: "update-replace", inputDiff: true },
          });
          assert.deepEqual(step("create", "c").newState?.inputs, { n: 1 });
        },
      }),
    ],
  },

  "events are numbered from the first to the last, which says that there are no more": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    run: [
      up({
        check: ({ events }) => {
          assert.deepEqual(
            events.map(({ sequence }) => sequence),
            events.map((_, index) => index),
          );
          assert.ok(events[0]?.preludeEvent, "the first is the prelude");
          assert.ok(events.at(-1)?.cancelEvent, "the last is the cancel event");
          const now = Date.now() / 1_000;
          assert.ok(events.every(({ timestamp }) => Math.abs(timestamp - now) < 3_600, "seconds since 1970"));
        },
      }),
    ],
  },

  "each step begins with an event and ends with one, and the summary counts them": {
    program: ({ Thing }) => {
      new Thing("a");
      new Thing("b", { refuse: "create" });
    },
    run: [
      up({
        fails: /create refused/,
        check: ({ events, changes }) => {
          const urns = (kind: "resourcePreEvent" | "resOutputsEvent" | "resOpFailedEvent"): string[] =>
            events
              .flatMap((event) => event[kind]?.metadata.urn.split("::").at(-1) ?? [])
              .filter((name) => name === "a" || name === "b");
          assert.deepEqual(urns("resourcePreEvent").sort(), ["a", "b"]);
          assert.deepEqual(urns("resOutputsEvent"), ["a"]);
          assert.deepEqual(urns("resOpFailedEvent"), ["b"]);
          assert.deepEqual(changes, { create: 2 });
        },
      }),
    ],
  },

  "what the program prints and logs is told, with the resource that it is about": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a");
      console.log("printed by the program");
      void pulumi.log.warn("beware", a);
    },
    run: [
      up({
        warns: /beware/,
        says: /printed by the program/,
        check: ({ events }) => {
          const warning = events.find(({ diagnosticEvent: said }) => said?.message.includes("beware"));
          assert.match(warning?.diagnosticEvent?.urn ?? "", /::a$/);
        },
      }),
    ],
  },
});
