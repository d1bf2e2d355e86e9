import { z } from "zod";
import { TOOLS, type ToolName } from "../../../contracts/tools.ts";
import { InvalidToolInputError } from "./tool-errors.ts";

/** The input with its defaults. @throws InvalidToolInputError that names every mistake */
export function checkInput(name: ToolName, input: unknown): unknown {
  const schema: z.ZodType = TOOLS[name].input;
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new InvalidToolInputError(name, z.prettifyError(parsed.error));
  return parsed.data;
}
