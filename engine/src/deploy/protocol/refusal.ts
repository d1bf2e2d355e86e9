import type { PropertyMap, PropertyValue } from "../../model.ts";
import { messageOf } from "../errors.ts";
import { describeValue } from "../property/diff.ts";
import { parsePropertyPath } from "../property/path.ts";
import { isList, isMap } from "../property/value.ts";
import { own } from "../../own.ts";
import { RpcError } from "./rpc-error.ts";

/** What a component's code says is wrong, with the values of the inputs that it refuses. */
export function describeRefusal(error: unknown, inputs: PropertyMap): string {
  if (!(error instanceof RpcError)) return messageOf(error);
  const lines = error.inputErrors.map(({ propertyPath, reason }) => {
    const value = valueAt(inputs, propertyPath);
    const shown = value === undefined ? "" : ` with value '${describeValue(value)}'`;
    return `\n\t\t- property ${propertyPath}${shown} has a problem: ${reason}`;
  });
  return error.message + lines.join("");
}

function valueAt(inputs: PropertyMap, text: string): PropertyValue | undefined {
  let value: PropertyValue | undefined = inputs;
  try {
    for (const key of parsePropertyPath(text)) {
      if (typeof key === "number") value = value !== undefined && isList(value) ? value[key] : undefined;
      else value = isMap(value) ? own(value, key) : undefined;
    }
  } catch {
    return undefined;
  }
  return value;
}
