import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, pulumi, up, urn } from "./support/row.ts";

describeRows("protect, retainOnDelete and deletedWith", {
  "what is protected is not deleted; the program or `state unprotect` must give it free first": {
    program: ({ Thing }, version) => {
      new Thing("b");
      if (version !== 2) new Thing("a", {}, { protect: version === 1 });
    },
    run: [
      up({ state: { a: { protect: true }, b: { protect: undefined } } }),
      up({ version: 2, fails: /cannot be deleted\s+because it is protected/, ledger: [], state: { a: {}, b: {} } }),
      up({ version: 3, steps: [["same a", "same b"]], state: { a: { protect: undefined }, b: {} } }),
      up({ version: 2, ledger: ["delete a"], state: { b: {} } }),
    ],
  },

  "a preview tells of it": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a", {}, { protect: true });
    },
    run: [up(), preview({ version: 2, fails: /because it is protected/ })],
  },

  "what is protected is not replaced": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}` }, { protect: true });
    },
    run: [up(), up({ version: 2, fails: /unable to replace resource/, ledger: [], state: { a: { id: "a" } } })],
  },

  "destroy stops at what is protected, and `state unprotect` gives it free": {
    program: ({ Thing }) => {
      new Thing("a", {}, { protect: true });
    },
    run: [
      up(),
      destroy({ fails: /because it is protected/, ledger: [], state: { a: { protect: true } } }),
      pulumi(`state unprotect ${urn("a")} --yes`, { state: { a: { protect: undefined } } }),
      destroy({ ledger: ["delete a"], state: {} }),
    ],
  },

  "what is retained is forgotten and stays": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a", {}, { retainOnDelete: true });
    },
    run: [
      up({ state: { a: { retainOnDelete: true } } }),
      up({ version: 2, steps: ["delete a"], ledger: [], state: {} }),
    ],
  },

  "what is retained stays when it is replaced, too": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}` }, { retainOnDelete: true });
    },
    run: [up(), up({ version: 2, ledger: ["create a-2"], state: { a: { id: "a-2" } } }), destroy({ ledger: [] })],
  },

  "what is deleted with another is not deleted by itself": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", {}, { deletedWith: a });
    },
    run: [
      up({ state: { a: {}, b: { deletedWith: "a" } } }),
      destroy({ steps: ["delete b", "delete a"], ledger: ["delete a"], state: {} }),
    ],
  },

  "what is deleted while the other stays is deleted as any": {
    program: ({ Thing }, version) => {
      const a = new Thing("a");
      if (version === 1) new Thing("b", {}, { deletedWith: a });
    },
    run: [up(), up({ version: 2, ledger: ["delete b"] })],
  },

  "what is deleted with another is replaced with it": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { key: `k${version}` });
      new Thing("b", {}, { deletedWith: a });
    },
    run: [
      up(),
      up({
        version: 2,
        ledger: ["create a-2", "create b-2", "delete a"],
        state: { a: { id: "a-2" }, b: { id: "b-2" } },
      }),
    ],
  },
});
