import { randomBytes } from "node:crypto";
import { between, integer, string } from "@automatos/provider-plugin";
import type { Made } from "@automatos/provider-plugin";
import { decodeBase64 } from "../base64.ts";
import { generatedType, keepers } from "./generated.ts";

export const randomIdType = generatedType({
  inputs: {
    keepers,
    byteLength: integer({ required: true, replaces: true, validate: between(1) }),
    prefix: string({ replaces: true }),
  },
  outputs: ["b64Std", "b64Url", "dec", "hex"],
  generate: ({ byteLength, prefix }) => made(randomBytes(byteLength), prefix ?? ""),
  /** `[prefix,]<the bytes in base64url>` */
  import(id) {
    const comma = id.lastIndexOf(",");
    const prefix = id.slice(0, Math.max(comma, 0));
    const bytes = decodeBase64(id.slice(comma + 1), "base64url");
    return { ...made(bytes, prefix), inputs: { byteLength: bytes.length, ...(prefix !== "" && { prefix }) } };
  },
});

function made(bytes: Buffer, prefix: string): Made {
  const id = bytes.toString("base64url");
  const hex = bytes.toString("hex");
  return {
    id,
    outputs: {
      id,
      b64Std: prefix + bytes.toString("base64"),
      b64Url: prefix + id,
      dec: prefix + BigInt(`0x${hex}`).toString(),
      hex: prefix + hex,
    },
  };
}
