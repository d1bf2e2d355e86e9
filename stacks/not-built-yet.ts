import * as pulumi from "@pulumi/pulumi";

/** The end of a stack whose phase is known and not built yet. */
export function notBuiltYet(phase: string): never {
  throw new pulumi.RunError(
    `Pulumi.${pulumi.getStack()}.yaml: phase ${phase} is known and not built yet. ` +
      "Today `phase: local` works: the whole platform on one machine (`npm start`). README.md has the table of phases.",
  );
}
