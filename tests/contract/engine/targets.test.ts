import { describeRows } from "./support/describe-rows.ts";
import { destroy, refresh, up, urn } from "./support/row.ts";

describeRows("targets and exclusions", {
  "--target changes what it names alone": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { n: version });
      new Thing("b", { n: a.twice });
      new Thing("c", { n: version });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: [["same a", "same b", "update c"]],
        flags: ["--target", urn("c")],
        ledger: ["update c"],
        state: { a: { inputs: { n: 1 } }, b: { inputs: { n: 2 } }, c: { inputs: { n: 2 } } },
      }),
    ],
  },

  "--target-dependents takes along what depends on the target": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { n: version });
      new Thing("b", { n: a.twice });
      new Thing("c", { n: version });
    },
    run: [
      up(),
      up({ version: 2, flags: ["--target", urn("a"), "--target-dependents"], ledger: ["update a", "update b"] }),
    ],
  },

  "a target may be a pattern": {
    program: ({ Thing }, version) => {
      for (const name of ["web-1", "web-2", "db-1"]) new Thing(name, { n: version });
    },
    run: [up(), up({ version: 2, flags: ["--target", "**::web-*"], ledger: [["update web-1", "update web-2"]] })],
  },

  "a new resource that is no target is not created": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version });
      if (version === 2) new Thing("b");
    },
    run: [up(), up({ version: 2, flags: ["--target", urn("a")], ledger: ["update a"], state: { a: {} } })],
  },

  "a target that needs a new resource which is no target fails": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("b");
      else new Thing("b", { n: new Thing("a").twice });
    },
    run: [
      up(),
      up({
        version: 2,
        flags: ["--target", urn("b")],
        fails: /depends on .*::a' which was was not specified in --target list/,
        ledger: [],
        state: { b: {} },
      }),
    ],
  },

  "what the program gave up stays unless it is a target": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version });
      if (version === 1) {
        new Thing("b");
        new Thing("c");
      }
    },
    run: [
      up(),
      up({
        version: 2,
        flags: ["--target", urn("a"), "--target", urn("b")],
        ledger: ["update a", "delete b"],
        state: { a: {}, c: {} },
      }),
    ],
  },

  "a target that nobody knows fails": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    run: [up(), up({ flags: ["--target", urn("z")], fails: /could not be found/, ledger: [] })],
  },

  "--exclude leaves alone what it names": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version });
      new Thing("b", { n: version });
      if (version === 2) new Thing("c");
    },
    run: [
      up(),
      up({
        version: 2,
        flags: ["--exclude", urn("a"), "--exclude", urn("c")],
        ledger: ["update b"],
        state: { a: { inputs: { n: 1 } }, b: { inputs: { n: 2 } } },
      }),
    ],
  },

  "--target-replace replaces what it names alone": {
    program: ({ Thing }, version) => {
      new Thing("a");
      new Thing("b", { n: version });
    },
    run: [
      up(),
      up({
        version: 2,
        flags: ["--target-replace", urn("a")],
        ledger: ["create a-2", "delete a"],
        state: { a: { id: "a-2" }, b: { inputs: { n: 1 } } },
      }),
    ],
  },

  "destroy --target refuses to leave a dependant without what it needs": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { n: a.twice });
      new Thing("c");
    },
    run: [
      up(),
      destroy({ flags: ["--target", urn("a")], fails: /--target-dependents/, ledger: [] }),
      destroy({
        flags: ["--target", urn("a"), "--target-dependents"],
        steps: ["same c", "delete b", "delete a"],
        ledger: ["delete b", "delete a"],
        state: { c: {} },
      }),
    ],
  },

  "destroy --exclude keeps what is excluded, and what that needs": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { n: a.twice });
      new Thing("c");
    },
    run: [up(), destroy({ flags: ["--exclude", urn("b")], ledger: ["delete c"], state: { a: {}, b: {} } })],
  },

  "refresh --target looks at what it names alone": {
    program: ({ Thing }) => {
      new Thing("a");
      new Thing("b");
    },
    run: [
      up(),
      refresh({
        meanwhile: { a: { n: 5 }, b: { n: 6 } },
        flags: ["--target", urn("a")],
        state: { a: { inputs: { n: 5 } }, b: { inputs: { n: 1 } } },
      }),
    ],
  },
});
