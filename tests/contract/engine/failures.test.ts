import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up } from "./support/row.ts";

describeRows("failure and recovery", {
  "what depends on a failed creation is not tried; what was created stays, and the next update goes on": {
    program: ({ Thing }, version) => {
      const a = new Thing("a");
      const b = new Thing("b", { n: a.twice, refuse: version === 1 ? "create" : undefined });
      new Thing("c", { n: b.twice });
    },
    run: [
      up({ fails: /create refused/, ledger: ["create a"], state: { a: {} } }),
      up({ version: 2, steps: ["same a", "create b", "create c"], ledger: ["create b", "create c"] }),
    ],
  },

  "a failed update leaves the inputs as they were, and is tried again": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version === 1 ? 1 : 2, refuse: version === 2 ? "update" : undefined });
    },
    run: [
      up(),
      up({
        version: 2,
        fails: /update refused/,
        ledger: [],
        state: { a: { inputs: { n: 1 }, outputs: { n: 1, twice: 2, address: "conf://here/a" } } },
      }),
      up({ version: 3, ledger: ["update a"], state: { a: { inputs: { n: 2 } } } }),
    ],
  },

  "a failed deletion keeps the resource": {
    program: ({ Thing }) => {
      const a = new Thing("a", { refuse: "delete" });
      new Thing("b", { n: a.twice });
    },
    run: [up(), destroy({ fails: /delete refused/, ledger: ["delete b"], state: { a: {} } })],
  },

  "nothing is deleted after something failed": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version, refuse: version === 2 ? "update" : undefined });
      if (version === 1) new Thing("b");
    },
    run: [up(), up({ version: 2, fails: /update refused/, ledger: [], state: { a: {}, b: {} } })],
  },

  "a created resource that is not healthy is recorded with the reason, fails the update, and is updated by the next": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { sick: version === 1 ? "create" : undefined });
      new Thing("b", { n: a.twice });
    },
    run: [
      up({
        fails: /it does not answer/,
        ledger: ["create a"],
        state: { a: { id: "a", initErrors: ["it does not answer"] } },
      }),
      up({
        version: 2,
        steps: ["update a", "create b"],
        ledger: ["update a", "create b"],
        state: { a: { initErrors: undefined }, b: {} },
      }),
    ],
  },

  "an update that leaves the resource unhealthy keeps the old inputs, so that it is tried again": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version === 1 ? 1 : 2, sick: version === 2 ? "update" : undefined });
    },
    run: [
      up(),
      up({
        version: 2,
        fails: /it does not answer/,
        ledger: ["update a"],
        state: {
          a: {
            inputs: { n: 1 },
            initErrors: ["it does not answer"],
            outputs: { n: 2, sick: "update", twice: 4, address: "conf://here/a" },
          },
        },
      }),
      up({ version: 3, ledger: ["update a"], state: { a: { inputs: { n: 2 }, initErrors: undefined } } }),
    ],
  },

  "a program that throws leaves what it did, and deletes nothing": {
    program: ({ Thing }, version) => {
      new Thing("a");
      if (version === 2) throw new Error("the program is wrong");
      new Thing("b");
    },
    run: [
      up(),
      up({ version: 2, fails: /the program is wrong/, state: { a: {}, b: {} } }),
      up({ version: 3, steps: [["same a", "same b"]] }),
    ],
  },

  "an apply that throws fails the update": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      a.twice.apply(() => {
        throw new Error("this cannot be applied");
      });
    },
    run: [up({ fails: /this cannot be applied/, state: { a: {} } })],
  },

  "a provider that dies in the middle fails the update": {
    program: ({ Thing }, version) => {
      new Thing("a", { crash: version === 1 ? "create" : undefined });
    },
    run: [up({ fails: /conf/, ledger: [] }), up({ version: 2, ledger: ["create a"], state: { a: {} } })],
  },

  "destroy --continue-on-error goes on with what does not depend on the failure": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { n: a.twice, refuse: "delete" });
      const c = new Thing("c");
      new Thing("d", { n: c.twice });
    },
    run: [
      up(),
      destroy({
        flags: ["--continue-on-error"],
        fails: /delete refused/,
        ledger: ["delete d", "delete c"],
        state: { a: {}, b: {} },
      }),
    ],
  },

  "a ResourceError is the user's: it is told without a stack": {
    program: ({ pulumi }) => {
      throw new pulumi.RunError("choose another name");
    },
    run: [preview({ fails: /choose another name/, says: /choose another name(?![\s\S]*at .*index\.js)/ })],
  },
});
