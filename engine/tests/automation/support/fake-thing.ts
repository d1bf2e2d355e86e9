import * as pulumi from "@pulumi/pulumi";

/** A resource of the plugin `fake`. */
export class FakeThing extends pulumi.CustomResource {
  declare readonly full: pulumi.Output<string>;
  constructor(name: string, args: { name: pulumi.Input<string>; size: number }) {
    super("fake:index:Thing", name, { ...args, full: undefined });
  }
}
