/**
 * What a resource's state holds: the live object, and beside it in `__` fields what the next operation must know.
 * The layout is that of Pulumi's provider, so that either can take a stack over from the other.
 */
import { isMap, Secret } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { isManifest, text, withoutField } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { toManifest, toProperties } from "../manifest/properties.ts";
import { markSecrets } from "../manifest/secrets.ts";

const INPUTS = "__inputs";
const INITIAL_API_VERSION = "__initialApiVersion";
const FIELD_MANAGER = "__fieldManager";

export interface Checkpoint {
  readonly live: Manifest;
  readonly inputs: Manifest;
  /** As it was when the object was made. */
  readonly initialApiVersion: string;
  readonly fieldManager: string;
}

/** @param secretsFrom Properties whose secrets are to be secret in the state too. */
export function toOutputs(checkpoint: Checkpoint, secretsFrom: PropertyMap): PropertyMap {
  const { live, inputs, initialApiVersion, fieldManager } = checkpoint;
  return {
    ...markSecrets(toProperties(live), secretsFrom),
    [INPUTS]: markSecrets(toProperties(inputs), secretsFrom),
    [INITIAL_API_VERSION]: initialApiVersion,
    [FIELD_MANAGER]: fieldManager,
  };
}

export function fromOutputs(outputs: PropertyMap): Checkpoint {
  const state = toManifest(outputs);
  const inputs = state[INPUTS];
  return {
    live: [INPUTS, INITIAL_API_VERSION, FIELD_MANAGER].reduce<Manifest>(
      (rest, key) => withoutField(rest, [key]),
      state,
    ),
    inputs: isManifest(inputs) ? inputs : {},
    initialApiVersion: text(state, INITIAL_API_VERSION) || (isManifest(inputs) ? text(inputs, "apiVersion") : ""),
    fieldManager: text(state, FIELD_MANAGER),
  };
}

/** What was secret in the state as it was: a read has no program to ask. */
export function secretsOf(outputs: PropertyMap, inputs: PropertyMap | undefined): PropertyMap {
  const remembered = outputs[INPUTS];
  const of = (value: PropertyValue | undefined): PropertyMap => {
    if (value instanceof Secret) return of(value.element);
    return value !== undefined && isMap(value) ? value : {};
  };
  return inputs ?? of(remembered);
}
