import { randomBytes, randomUUID } from "node:crypto";
import type { Made, ResourceType } from "@automatos/provider-plugin";
import { generatedType, keepers } from "./generated.ts";

export const randomUuidType = uuidType(() => randomUUID({ disableEntropyCache: true }));
export const randomUuid4Type = uuidType(() => randomUUID({ disableEntropyCache: true }));
export const randomUuid7Type = uuidType(() => uuid7(Date.now()));

function uuidType(generate: () => string): ResourceType {
  return generatedType({
    inputs: { keepers },
    outputs: ["result"],
    generate: () => made(generate()),
    import: (id) => ({ ...made(parseUuid(id)), inputs: {} }),
  });
}

function made(uuid: string): Made {
  return { id: uuid, outputs: { id: uuid, result: uuid } };
}

/** RFC 9562, 5.7: 48 bits of time, version, 12 random bits, variant, 62 random bits. */
export function uuid7(unixMilliseconds: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(unixMilliseconds, 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return format(bytes.toString("hex"));
}

function parseUuid(text: string): string {
  const hex = text.toLowerCase().replace(/^urn:uuid:|[{}]/g, "");
  if (!/^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/.test(hex)) {
    throw new Error(`an id to import is needed as a UUID, not ${JSON.stringify(text)}`);
  }
  return format(hex.replaceAll("-", ""));
}

function format(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
