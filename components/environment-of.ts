import type * as pulumi from "@pulumi/pulumi";

/**
 * A service's whole environment: a variable of its schema that nobody sets does not compile, be it one with a default.
 * Optional ones may be left out.
 *
 * @typeParam Env What the service's schema (contracts/service-env.ts) parses it to.
 * @typeParam Text What a value is: a resource's input, or text of a rendered file.
 */
export type EnvironmentOf<Env, Text = pulumi.Input<string>> = {
  readonly [Key in keyof Env as undefined extends Env[Key] ? never : Key]: Text;
} & { readonly [Key in keyof Env as undefined extends Env[Key] ? Key : never]?: Text };
