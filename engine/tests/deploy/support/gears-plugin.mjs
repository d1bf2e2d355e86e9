#!/usr/bin/env node
// A component provider for tests, on the SDK's own provider server: a component with a child, and methods.
import pulumi from "@pulumi/pulumi";

class Gear extends pulumi.ComponentResource {
  constructor(name, inputs, options) {
    super("gears:index:Gear", name, inputs, options);
    const rod = new pulumi.Stash(`${name}-rod`, { input: inputs.teeth }, { parent: this });
    this.doubled = rod.output.apply((teeth) => teeth * 2);
    this.registerOutputs({ doubled: this.doubled });
  }
}

const told = (options) =>
  JSON.stringify({
    protect: options.protect,
    ignoreChanges: options.ignoreChanges,
    replaceOnChanges: options.replaceOnChanges,
    customTimeouts: options.customTimeouts,
    retainOnDelete: options.retainOnDelete,
    providers: Object.keys(options.providers),
    dependsOn: options.dependsOn.length,
    aliases: options.aliases,
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    organization: pulumi.getOrganization(),
    config: new pulumi.Config().get("plain"),
    isHidden: pulumi.runtime.isConfigSecret("test:hidden"),
    dryRun: pulumi.runtime.isDryRun(),
  });

const provider = {
  version: "2.0.0",
  async construct(name, type, inputs, options) {
    if (type !== "gears:index:Gear") throw new Error(`unknown resource type ${type}`);
    if (inputs.refuse) throw new pulumi.InputPropertyError({ propertyPath: "refuse", reason: "must not be set" });
    if (inputs.crash) {
      console.error("the gearbox is on fire");
      process.exit(7);
    }
    const gear = new Gear(name, inputs, options);
    return {
      urn: gear.urn,
      state: {
        doubled: gear.doubled,
        told: told(options),
        hidden: inputs.hidden ?? null,
        nested: inputs.nested ?? null,
      },
    };
  },
  async call(token, { __self__: gear, times }) {
    if (token !== "gears:index:Gear/spin") throw new Error(`unknown method ${token}`);
    if (times === 13) return { failures: [{ property: "times", reason: "unlucky" }] };
    // The SDK knows no class for the type: the resource is its URN.
    return { outputs: { spun: pulumi.all([gear, times]).apply(([urn, n]) => `${urn.split("::").at(-1)} x${n}`) } };
  },
};

await pulumi.provider.main(provider, process.argv.slice(2));
