import { z } from "zod";

/** How a program ends whose environment is wrong. */
const EXIT_WRONG_CONFIGURATION = 2;

/** Parses `env`, or says on stderr all that is wrong with it and ends the process with status 2. */
export function parseEnv<Schema extends z.ZodType>(
  service: string,
  schema: Schema,
  env: NodeJS.ProcessEnv,
): z.output<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  process.stderr.write(`${service}: the environment is not right\n${z.prettifyError(parsed.error)}\n`);
  process.exit(EXIT_WRONG_CONFIGURATION);
}
