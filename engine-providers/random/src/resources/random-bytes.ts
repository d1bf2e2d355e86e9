import { randomBytes } from "node:crypto";
import { between, integer } from "@automatos/provider-plugin";
import type { Made } from "@automatos/provider-plugin";
import { decodeBase64 } from "../base64.ts";
import { generatedType, keepers } from "./generated.ts";

export const randomBytesType = generatedType({
  inputs: { keepers, length: integer({ required: true, replaces: true, validate: between(1) }) },
  outputs: ["base64", "hex"],
  secretOutputs: ["base64", "hex"],
  generate: ({ length }) => made(randomBytes(length)),
  import(id) {
    const bytes = decodeBase64(id, "base64");
    return { ...made(bytes), inputs: { length: bytes.length } };
  },
});

/** The id is the value, as @pulumi/random has it: ids cannot be secret. */
function made(bytes: Buffer): Made {
  const base64 = bytes.toString("base64");
  return { id: base64, outputs: { base64, hex: bytes.toString("hex") } };
}
