// Each case: a program, and the commands that are run on it, one after the other.
// name -> { program: (lib) => outputs, run: [ [command line, ...], ... ] }. `step N` sets the config value that the program reads.
const up = "up --yes --skip-preview",
  pre = "preview",
  des = "destroy --yes --skip-preview",
  ref = "refresh --yes --skip-preview";
module.exports = {
  basic: {
    program: ({ Thing, step }) => ({ out: new Thing("a", { n: step }).twice }),
    run: [pre, up, up + " --expect-no-changes", "step 2", pre, up, "stack output --json", des],
  },
  component: {
    program: ({ Thing, Group }) => {
      const g = new Group("g");
      const a = new Thing("a", { n: 2 }, { parent: g });
      const b = new Thing("b", { n: a.twice }, { parent: g });
      g.registerOutputs({ v: b.twice });
      return { v: b.twice, u: b.urn };
    },
    run: [pre, up, up, des],
  },
  replace: {
    program: ({ Thing, step }) => {
      const a = new Thing("a", { key: "k" + step, n: step });
      const b = new Thing("b", { label: a.id });
      return { b: b.upper };
    },
    run: [up, "step 2", pre, up, up, des],
  },
  dbrOption: {
    program: ({ Thing, step }) => {
      const a = new Thing("a", { key: "k" + step }, { deleteBeforeReplace: true });
      new Thing("b", { label: a.id });
      new Thing("c", { key: a.id });
      return {};
    },
    run: [up, "step 2", pre, up, des],
  },
  removed: {
    program: ({ Thing, step }) => {
      const a = new Thing("a", {});
      if (step === 1) {
        const b = new Thing("b", { n: a.twice });
        const c = new Thing("c", { n: b.twice });
        new Thing("d", {}, { dependsOn: [c] });
      }
      return {};
    },
    run: [up, "step 2", pre, up, des],
  },
  protect: {
    program: ({ Thing, step }) => {
      if (step === 1) new Thing("a", {}, { protect: true });
      new Thing("b", {});
      return {};
    },
    run: [up, "step 2", pre, up, des, "state unprotect --all --yes", up, des],
  },
  ignore: {
    program: ({ Thing, step }) => {
      new Thing("a", { n: step, label: "l" + step }, { ignoreChanges: ["n"] });
      return {};
    },
    run: [up, "step 2", pre, up, "step 3", up],
  },
  aliasName: {
    program: ({ Thing, step }) => {
      if (step === 1) new Thing("a", { ident: "x" });
      else new Thing("b", { ident: "x" }, { aliases: [{ name: "a" }] });
      return {};
    },
    run: [up, "step 2", pre, up],
  },
  secret: {
    program: ({ Thing, pulumi, config }) => {
      const a = new Thing("a", { label: config.requireSecret("pw") }, { additionalSecretOutputs: ["twice"] });
      return { label: a.label, twice: a.twice, n: a.n, plain: pulumi.unsecret(a.label) };
    },
    run: ["config set --secret pw hunter2", up, "stack output --json", "stack output --json --show-secrets", up],
  },
  createFails: {
    program: ({ Thing, step }) => {
      const a = new Thing("a", {});
      const b = new Thing("b", { n: a.twice, fail: step === 1 ? "quota" : undefined });
      new Thing("c", { n: b.twice });
      new Thing("z", {});
      return {};
    },
    run: [up, "step 2", pre, up, des],
  },
  dependsOn: {
    program: ({ Thing, Group }) => {
      const g = new Group("g");
      new Thing("a", {}, { parent: g });
      new Thing("a2", {}, { parent: g });
      g.registerOutputs();
      new Thing("b", {}, { dependsOn: g });
      return {};
    },
    run: [up, des],
  },
  target: {
    program: ({ Thing, step }) => {
      const a = new Thing("a", { n: step });
      new Thing("b", { n: a.twice });
      new Thing("c", { n: step });
      return {};
    },
    run: [up, "step 2", up + " --target urn:pulumi:dev::parity::pulumi-nodejs:dynamic:Resource::c", pre, up],
  },
  refreshDrift: {
    program: ({ Thing }) => {
      const a = new Thing("a", { n: 3 });
      return { t: a.twice };
    },
    run: [up, "edit a-k n 9", ref, "stack output --json", pre, up],
  },
  dupUrn: {
    program: ({ Thing }) => {
      new Thing("a", {});
      new Thing("a", {});
      return {};
    },
    run: [pre, up],
  },
  throws: {
    program: ({ Thing, step }) => {
      new Thing("a", {});
      if (step === 1) throw new Error("top level failure");
      return {};
    },
    run: [up, "step 2", up],
  },
  transform: {
    program: ({ Thing, pulumi }) => {
      pulumi.runtime.registerStackTransformation((a) =>
        a.type.includes("dynamic") ? { props: { ...a.props, label: "transformed" }, opts: a.opts } : undefined,
      );
      const a = new Thing("a", {});
      return { u: a.upper };
    },
    run: [up, up],
  },
  outputsShapes: {
    program: ({ pulumi, Thing }) => {
      const a = new Thing("a", { blob: { list: [1, "x", true, null], map: { k: { deep: [] } } } });
      return {
        blob: a.blob,
        text: pulumi.interpolate`<${a.id}>`,
        all: pulumi.all([a.twice, a.upper]),
        obj: { plain: 1, out: a.n },
        nothing: undefined,
      };
    },
    run: [pre, up, "stack output --json", up],
  },
  configShapes: {
    program: ({ config }) => ({ o: config.getObject("o"), n: config.getNumber("n"), b: config.getBoolean("b") }),
    run: [
      "config set --path o.list[0] x",
      "config set --path o.list[1] y",
      "config set --path o.deep.flag true",
      "config set n 5",
      "config set b true",
      "config --json",
      up,
      "config rm n",
      "config --json",
      up,
    ],
  },
  stackRef: {
    program: ({ pulumi, Thing, config }) => {
      if (pulumi.getStack() === "dev") {
        return { exported: new Thing("a", { n: 4 }).twice };
      }
      const r = new pulumi.StackReference("organization/parity/dev");
      return { got: r.getOutput("exported") };
    },
    run: [up, "stack init other", up, "stack output --json", "stack select dev"],
  },
  exportImport: {
    program: ({ Thing }) => {
      new Thing("a", {});
      return {};
    },
    run: [up, "export-import", up + " --expect-no-changes"],
  },
  wide: {
    program: ({ Thing }) => {
      const r = new Thing("root", {});
      for (let i = 0; i < 40; i++) new Thing("w" + i, { n: r.twice });
      return {};
    },
    run: [up, up, des],
  },
  emptyStack: { program: () => ({}), run: [pre, up, up, des, "stack rm --yes"] },
  order: {
    program: ({ Thing }) => {
      const a = new Thing("a", {});
      const b = new Thing("b", { n: a.twice });
      const c = new Thing("c", { n: b.twice });
      return { c: c.twice };
    },
    run: [up, des],
  },
};
