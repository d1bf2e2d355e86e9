import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up } from "./support/row.ts";

describeRows("providers", {
  "the default provider is configured by the stack's configuration": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    settings: "config:\n  conf:region: there\n",
    run: [up({ state: { a: { provider: "default", outputs: { n: 1, twice: 2, address: "conf://there/a" } } } })],
  },

  "an explicit provider has its own configuration, and goes after its resources": {
    program: ({ Thing, Provider }) => {
      const provider = new Provider("p", { region: "there" });
      return { address: new Thing("a", {}, { provider }).address };
    },
    run: [
      up({
        steps: ["create p", "create a"],
        outputs: { address: "conf://there/a" },
        state: { p: { inputs: { region: "there" } }, a: { provider: "p" } },
      }),
      destroy({ steps: ["delete a", "delete p"], ledger: ["delete a"] }),
    ],
  },

  "a provider's change in place leaves its resources as they are": {
    program: ({ Thing, Provider }, version) => {
      const provider = new Provider("p", { region: "there", suffix: `-s${version}` });
      new Thing("a", {}, { provider });
    },
    run: [up(), up({ version: 2, steps: ["update p", "same a"], ledger: [] })],
  },

  "a provider that is replaced takes its resources along": {
    program: ({ Thing, Provider }, version) => {
      const provider = new Provider("p", { region: `r${version}` });
      new Thing("a", {}, { provider });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: [
          "create-replacement p",
          "replace p",
          "create-replacement a",
          "replace a",
          "delete-replaced a",
          "delete-replaced p",
        ],
        ledger: ["create a-2", "delete a"],
        state: { p: {}, a: { id: "a-2", outputs: { n: 1, twice: 2, address: "conf://r2/a-2" } } },
      }),
    ],
  },

  "a resource that gets a provider of its own stays, unless that one's configuration asks for another": {
    program: ({ Thing, Provider }, version) => {
      if (version === 1) {
        new Thing("a");
        new Thing("b");
      } else {
        new Thing("a", {}, { provider: new Provider("p", { suffix: "-s" }) });
        new Thing("b", {}, { provider: new Provider("q", { region: "there" }) });
      }
    },
    run: [
      up(),
      up({
        version: 2,
        ledger: ["create b-2", "delete b"],
        state: { p: {}, q: {}, a: { id: "a", provider: "p" }, b: { id: "b-2", provider: "q" } },
      }),
    ],
  },

  "children take the provider of their package from their parent": {
    program: ({ Thing, Group, Provider }) => {
      const provider = new Provider("p", { region: "there" });
      const listed = new Group("listed", { providers: [provider] });
      const named = new Group("named", { providers: { conf: provider } });
      const single = new Group("single", { provider });
      new Thing("a", {}, { parent: listed });
      new Thing("b", {}, { parent: new Group("inner", { parent: named }) });
      new Thing("c", {}, { parent: single });
      new Thing("d");
    },
    run: [
      up({
        state: {
          p: {},
          listed: {},
          named: {},
          inner: {},
          single: {},
          a: { provider: "p" },
          b: { provider: "p" },
          c: { provider: "p" },
          d: { provider: "default" },
        },
      }),
    ],
  },

  "a version has a default provider of its own": {
    program: ({ Thing }) => {
      new Thing("a", {}, { version: "1.2.3" });
      new Thing("b");
    },
    run: [up({ state: { a: { provider: "default_1_2_3" }, b: { provider: "default" } } })],
  },

  "configuration that the provider refuses fails the operation": {
    program: ({ Thing, Provider }) => {
      new Thing("a", {}, { provider: new Provider("p", { region: "nowhere" }) });
    },
    run: [
      preview({ fails: /there is no such region/ }),
      up({ fails: /there is no such region/, ledger: [], state: {} }),
    ],
  },

  "a provider that cannot be configured fails the operation": {
    program: ({ Thing, Provider }) => {
      new Thing("a", {}, { provider: new Provider("p", { refuse: "configure" }) });
    },
    run: [up({ fails: /the credentials are not accepted/, ledger: [] })],
  },

  "a provider whose configuration is not known yet makes its resources unknown at preview": {
    program: ({ Thing, Provider }) => {
      const region = new Thing("a").address;
      const b = new Thing("b", { n: 2 }, { provider: new Provider("p", { region }) });
      return { twice: b.twice };
    },
    run: [
      preview({ steps: ["create a", "create p", "create b"] }),
      up({ outputs: { twice: 4 }, ledger: ["create a", "create b"] }),
    ],
  },

  "a default provider may be forbidden": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    settings: 'config:\n  pulumi:disable-default-providers: ["conf"]\n',
    run: [up({ fails: /Default provider for 'conf' disabled/, ledger: [] })],
  },

  "a plugin that is not there is named": {
    program: ({ Custom }) => {
      new Custom("nothere:index:Thing", "a", {});
    },
    run: [up({ fails: /nothere/, ledger: [], state: {} })],
  },
});
