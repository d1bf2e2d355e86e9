import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, refresh, up } from "./support/row.ts";

describeRows("import and read", {
  "the import option takes over what exists": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: 3 }, version === 1 ? { import: "found" } : {});
    },
    world: { found: { n: 3 } },
    run: [
      preview({ steps: ["import a"] }),
      up({
        steps: ["import a"],
        ledger: [],
        state: {
          a: {
            id: "found",
            importID: "found",
            inputs: { n: 3 },
            outputs: { n: 3, twice: 6, address: "conf://here/found" },
          },
        },
      }),
      up({ version: 2, steps: ["same a"], ledger: [], state: { a: { id: "found" } } }),
      destroy({ ledger: ["delete found"] }),
    ],
  },

  "what is imported is brought to what the program says": {
    program: ({ Thing }) => {
      new Thing("a", { n: 4 }, { import: "found" });
    },
    world: { found: { n: 3 } },
    run: [
      up({ steps: ["import a", "update a"], ledger: ["update found"], state: { a: { inputs: { n: 4 } } } }),
      up({ flags: ["--expect-no-changes"] }),
    ],
  },

  "what does not exist cannot be imported": {
    program: ({ Thing }) => {
      new Thing("a", {}, { import: "nothing" });
    },
    run: [up({ fails: /'nothing' does not exist/, ledger: [], state: {} })],
  },

  "the id of what is managed already is no import": {
    program: ({ Thing }, version) => {
      new Thing("a", {}, version === 1 ? {} : { import: "a" });
    },
    run: [up(), up({ version: 2, steps: ["same a"], ledger: [] })],
  },

  "another id replaces what is managed by what exists": {
    program: ({ Thing }, version) => {
      new Thing("a", {}, version === 1 ? {} : { import: "found" });
    },
    world: { found: { n: 1 } },
    run: [
      up(),
      up({
        version: 2,
        steps: ["import-replacement a", "replace a", "delete-replaced a"],
        ledger: ["delete a"],
        state: { a: { id: "found" } },
      }),
    ],
  },

  "what was imported is not replaced as long as the program names its id": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}` }, { import: "found" });
    },
    world: { found: { n: 1, key: "k1" } },
    run: [
      up(),
      up({ version: 2, fails: /previously-imported resources that still specify an ID may not be replaced/ }),
    ],
  },

  "get reads what others manage, and destroy leaves it there": {
    program: ({ Thing }) => {
      const a = Thing.get("a", "theirs");
      new Thing("b", { n: a.twice });
      return { twice: a.twice };
    },
    world: { theirs: { n: 3 } },
    run: [
      up({
        steps: ["read a", "create b"],
        outputs: { twice: 6 },
        state: { a: { id: "theirs", external: true }, b: { inputs: { n: 6 } } },
      }),
      up({ meanwhile: { theirs: { n: 4 } }, steps: ["read a", "update b"], outputs: { twice: 8 } }),
      destroy({ ledger: ["delete b"], state: {} }),
    ],
  },

  "what is read no longer is forgotten, not deleted": {
    program: ({ Thing }, version) => {
      if (version === 1) Thing.get("a", "theirs");
    },
    world: { theirs: { n: 3 } },
    run: [up({ state: { a: { external: true } } }), up({ version: 2, steps: ["discard a"], ledger: [], state: {} })],
  },

  "what does not exist cannot be read": {
    program: ({ Thing }) => {
      Thing.get("a", "nothing");
    },
    run: [up({ fails: /'nothing' does not exist/, state: {} })],
  },

  "an id that is not known yet is read when it is": {
    program: ({ Thing }) => {
      const a = new Thing("a", { n: 2 });
      const again = Thing.get("again", a.id);
      return { twice: again.twice };
    },
    run: [
      preview({ steps: ["create a", "read again"] }),
      up({ steps: ["create a", "read again"], outputs: { twice: 4 } }),
    ],
  },

  "what was managed may become what is only read": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a", { n: 3 });
      else Thing.get("a", "theirs");
    },
    world: { theirs: { n: 5 } },
    run: [
      up(),
      up({
        version: 2,
        steps: ["read-replacement a", "replace a", "delete-replaced a"],
        ledger: ["delete a"],
        state: { a: { id: "theirs", external: true } },
      }),
    ],
  },

  "refresh looks at what is read, too": {
    program: ({ Thing }) => {
      Thing.get("a", "theirs");
    },
    world: { theirs: { n: 3 } },
    run: [
      up(),
      refresh({
        meanwhile: { theirs: { n: 9 } },
        state: { a: { external: true, outputs: { n: 9, twice: 18, address: "conf://here/theirs" } } },
      }),
    ],
  },
});
