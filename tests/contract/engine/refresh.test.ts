import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, refresh, up } from "./support/row.ts";

describeRows("refresh", {
  "what changed behind the engine's back is taken over into state, and undone by the next update": {
    program: ({ Thing }) => ({ twice: new Thing("a", { n: 1 }).twice }),
    run: [
      up(),
      refresh({
        meanwhile: { a: { n: 5 } },
        steps: ["refresh a"],
        ledger: [],
        state: { a: { inputs: { n: 5 }, outputs: { n: 5, twice: 10, address: "conf://here/a" } } },
      }),
      up({ steps: ["update a"], ledger: ["update a"], outputs: { twice: 2 } }),
    ],
  },

  "--expect-no-changes fails where there is a difference": {
    program: ({ Thing }) => {
      new Thing("a", { n: 1 });
    },
    run: [
      up(),
      refresh({ meanwhile: { a: { n: 2 } }, flags: ["--expect-no-changes"], fails: /no changes were expected/ }),
    ],
  },

  "what is gone is forgotten, and created again by the next update": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { label: a.address });
    },
    run: [
      up(),
      refresh({ meanwhile: { a: null }, state: { b: { dependencies: undefined } } }),
      up({ steps: ["create a", "same b"], ledger: ["create a"] }),
    ],
  },

  "up --refresh sees what is there before it decides": {
    program: ({ Thing }) => {
      new Thing("a", { n: 1 });
      new Thing("b", { n: 1 });
    },
    run: [
      up(),
      up({
        meanwhile: { a: { n: 5 }, b: null },
        flags: ["--refresh"],
        ledger: [["update a", "create b"]],
        state: { a: { inputs: { n: 1 } }, b: {} },
      }),
    ],
  },

  "preview --refresh shows it and changes nothing": {
    program: ({ Thing }) => {
      new Thing("a", { n: 1 });
    },
    run: [
      up(),
      preview({
        meanwhile: { a: { n: 5 } },
        flags: ["--refresh"],
        steps: ["refresh a", "update a"],
        state: { a: { inputs: { n: 1 } } },
      }),
    ],
  },

  "destroy --refresh does not delete what is gone": {
    program: ({ Thing }) => {
      new Thing("a");
      new Thing("b");
    },
    run: [up(), destroy({ meanwhile: { a: null }, flags: ["--refresh"], ledger: ["delete b"], state: {} })],
  },

  "a provider that cannot look fails it, and the state stays": {
    program: ({ Thing }, version) => {
      new Thing("a", version === 1 ? {} : { refuse: "read" });
    },
    run: [
      up(),
      refresh({
        meanwhile: { a: { n: 1, refuse: "read" } },
        fails: /read refused/,
        state: { a: { inputs: { n: 1 } } },
      }),
    ],
  },

  "what is found unhealthy is recorded as such, and updated by the next update": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    run: [
      up(),
      refresh({
        meanwhile: { a: { n: 1, sick: "read" } },
        state: { a: { initErrors: ["it does not answer"] } },
      }),
      up({ steps: ["update a"], ledger: ["update a"], state: { a: { initErrors: undefined } } }),
    ],
  },

  "ignored properties follow what is there": {
    program: ({ Thing }) => {
      new Thing("a", { n: 1 }, { ignoreChanges: ["n"] });
    },
    run: [
      up(),
      refresh({ meanwhile: { a: { n: 5 } }, state: { a: { outputs: { n: 5, twice: 10, address: "conf://here/a" } } } }),
      up({ ledger: [] }),
    ],
  },
});
