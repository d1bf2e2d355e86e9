/** The engines that the suite runs against: the embedded one, and Pulumi's own where PATH has it. */
import { fileURLToPath } from "node:url";

export interface Engine {
  readonly name: string;
  /** The program to start, and its first arguments. */
  readonly command: readonly [string, ...string[]];
}

const bin = fileURLToPath(new URL("../../../../engine/bin/pulumi.mjs", import.meta.url));

export const embedded: Engine = { name: "the embedded engine", command: [process.execPath, bin] };

/** Undefined where no `pulumi` of version 3.200 or later is on PATH besides the embedded one. */
export const pulumi: Engine | undefined = await findPulumi();

async function findPulumi(): Promise<Engine | undefined> {
  const url = new URL("../../../../engine/bin/choose-engine.mjs", import.meta.url);
  // plain JavaScript, of which the compiler knows no types
  const { chooseEngine } = (await import(url.href)) as {
    chooseEngine: (env: NodeJS.ProcessEnv) => { readonly command?: string };
  };
  const { command } = chooseEngine({ ...process.env, AUTOMATOS_ENGINE: "" });
  return command === undefined ? undefined : { name: `Pulumi's own (${command})`, command: [command] };
}
