/** What the suite's programs are written in: a function in the row, whose text becomes the program. */
import type * as pulumi from "@pulumi/pulumi";
import { fileURLToPath } from "node:url";

export const libraryFile = fileURLToPath(new URL("program-library.cjs", import.meta.url));

/** The inputs of a thing; plugin/thing.ts says what each does. */
export interface ThingArgs {
  n?: pulumi.Input<number>;
  key?: pulumi.Input<string>;
  label?: pulumi.Input<string>;
  blob?: unknown;
  refuse?: "check" | "diff" | "create" | "update" | "delete" | "read" | undefined;
  crash?: "create" | "update" | "delete" | undefined;
  sick?: "create" | "update" | "read" | undefined;
  dbr?: boolean;
  exclusive?: boolean;
  meet?: number;
}

export interface ThingResource extends pulumi.CustomResource {
  readonly n: pulumi.Output<number>;
  readonly label: pulumi.Output<string>;
  readonly blob: pulumi.Output<unknown>;
  readonly twice: pulumi.Output<number>;
  readonly upper: pulumi.Output<string>;
  readonly address: pulumi.Output<string>;
}

interface ThingClass {
  new (name: string, args?: ThingArgs, opts?: pulumi.CustomResourceOptions): ThingResource;
  get(name: string, id: pulumi.Input<string>, opts?: pulumi.CustomResourceOptions): ThingResource;
}

interface GroupResource extends pulumi.ComponentResource {
  /** Registers the outputs, as the last thing that a component does. */
  done(outputs?: pulumi.Inputs): void;
}

/** What a program is given. */
export interface Library {
  readonly pulumi: typeof pulumi;
  /** The configuration of the project's own namespace. */
  readonly config: pulumi.Config;
  /** A resource of the suite's own provider plugin, `conf`. */
  readonly Thing: ThingClass;
  readonly OtherThing: new (name: string, args?: ThingArgs, opts?: pulumi.CustomResourceOptions) => ThingResource;
  /** A component of the type `conf:index:Group`. */
  readonly Group: new (name: string, opts?: pulumi.ComponentResourceOptions, type?: string) => GroupResource;
  /** Writes a line into the ledger. */
  readonly note: (line: string) => void;
  /** Writes a file beside the program, and returns its name. */
  readonly file: (name: string, text: string) => string;
  /** A resource of any type. */
  readonly Custom: new (
    type: string,
    name: string,
    args?: object,
    opts?: pulumi.CustomResourceOptions,
  ) => pulumi.CustomResource;
  /** A component of another package, `boxes`: its provider makes it, and a thing `<name>-content` in it. */
  readonly Box: new (
    name: string,
    args: { n: pulumi.Input<number> },
    opts?: pulumi.ComponentResourceOptions,
  ) => pulumi.ComponentResource & { readonly twice: pulumi.Output<number> };
  /** An explicit provider of the package `conf`. */
  readonly Provider: new (
    name: string,
    args?: { region?: pulumi.Input<string>; suffix?: pulumi.Input<string>; refuse?: "configure" },
    opts?: pulumi.ResourceOptions,
  ) => pulumi.ProviderResource;
  /** A dynamic resource: its provider is the program's own. */
  readonly Dynamic: new (
    name: string,
    args?: { n?: pulumi.Input<number> },
    opts?: pulumi.CustomResourceOptions,
  ) => pulumi.CustomResource & { readonly n: pulumi.Output<number>; readonly twice: pulumi.Output<number> };
}

/**
 * A program in all its versions. It knows its arguments and nothing else: its text is run in a process of its own, so
 * that nothing around it is there. What it returns are the stack's outputs.
 */
export type Program = (library: Library, version: number) => unknown;

/** The program's text, as JavaScript: Node takes the types out when it loads the row. */
export function sourceOf(program: Program): string {
  return program.toString();
}
