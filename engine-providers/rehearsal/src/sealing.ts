/**
 * How values are kept in the rehearsal's folder: as JSON in which a secret is only a digest under the folder's own key.
 * A digest that meets the secret again recognises it; it does not give it away.
 */
import { createHmac, randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AssetOrArchive,
  isList,
  isMap,
  mapValues,
  ResourceReference,
  Secret,
  Unknown,
} from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { canonical, own } from "./values.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json;
}

const SECRET = "rehearsal:secret";
const ASSET = "rehearsal:asset";

/** What stands for a secret that the reader does not have. */
export const LOST_SECRET = "(rehearsed: the secret is not kept)";

export class Sealing {
  readonly #key: Buffer;

  /** @param folder where the key is kept, made on first use and readable by its owner only */
  constructor(folder: string) {
    this.#key = loadKey(join(folder, "seal.key"));
  }

  /** A digest of the value that only this folder's key can repeat. */
  digest(value: PropertyValue | undefined): string {
    return createHmac("sha256", this.#key).update(canonical(value)).digest("hex").slice(0, 32);
  }

  seal(map: PropertyMap): JsonMap {
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, this.#sealValue(value)]));
  }

  /** The values as they were, with the secrets that `known` still has at the same place. */
  unseal(sealed: JsonMap, known: PropertyMap = {}): PropertyMap {
    return Object.fromEntries(
      Object.entries(sealed).map(([key, value]) => [key, this.#unsealValue(value, own(known, key))]),
    );
  }

  #sealValue(value: PropertyValue): Json {
    if (value instanceof Secret) return { [SECRET]: this.digest(value.element) };
    if (value instanceof Unknown) return null;
    if (value instanceof ResourceReference) return value.urn;
    if (value instanceof AssetOrArchive) {
      const { text, ...fields } = value.fields;
      return { [ASSET]: value.kind, digest: this.digest(text ?? null), fields: this.seal(fields) };
    }
    if (isList(value)) return value.map((item) => this.#sealValue(item));
    return isMap(value) ? this.seal(value) : value;
  }

  #unsealValue(sealed: Json, known: PropertyValue | undefined): PropertyValue {
    if (Array.isArray(sealed)) {
      const items = known instanceof Secret ? known.element : known;
      return (sealed as readonly Json[]).map((item, index) =>
        this.#unsealValue(item, items !== undefined && isList(items) ? items[index] : undefined),
      );
    }
    if (typeof sealed !== "object" || sealed === null) return sealed;
    const map = sealed as JsonMap;
    if (typeof map[SECRET] === "string") {
      const held = known instanceof Secret ? known.element : known;
      return new Secret(held !== undefined && this.digest(held) === map[SECRET] ? held : LOST_SECRET);
    }
    if (typeof map[ASSET] === "string") {
      if (known instanceof AssetOrArchive && this.digest(known.fields["text"] ?? null) === map["digest"]) return known;
      const fields = this.unseal(map["fields"] as JsonMap);
      return new AssetOrArchive(map[ASSET] === "asset" ? "asset" : "archive", fields);
    }
    const within = known instanceof Secret ? known.element : known;
    return this.unseal(map, isMap(within) ? within : {});
  }
}

function loadKey(file: string): Buffer {
  // Written aside and linked, so that two processes that start at once agree on one whole key.
  const aside = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    return readFileSync(file);
  } catch {
    writeFileSync(aside, randomBytes(32), { mode: 0o600 });
  }
  try {
    linkSync(aside, file);
  } catch {
    // Another process was first: its key counts.
  } finally {
    rmSync(aside, { force: true });
  }
  return readFileSync(file);
}

/** Every value of the map that `secret` names is secret. */
export function markSecrets(map: PropertyMap, secret: ReadonlySet<string>): PropertyMap {
  return mapValues(map, (value, key) => (secret.has(key) && value !== null ? new Secret(value) : value));
}
