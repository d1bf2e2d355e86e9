/** Outputs of other stacks, for StackReference. */
import { stackOutputsOf } from "../../backend/deployment.ts";
import { propertiesFromJson } from "../../backend/property-json.ts";
import { maskingCodec, revealingCodec } from "../../backend/secret-codecs.ts";
import { parseStackReference } from "../../backend/stack-reference.ts";
import type { StackStore } from "../../backend/stack-store.ts";
import type { PropertyMap } from "../../model.ts";
import type { CommandContext } from "../context.ts";

/** Secrets of the other stack stay secrets here. Resolves to undefined when there is no such stack. */
export function outputsReader(
  context: CommandContext,
  store: StackStore,
): (qualifiedName: string) => Promise<PropertyMap | undefined> {
  return async (name) => {
    const stack = parseStackReference(name, (await context.project()).name);
    const deployment = await store.find(stack);
    if (deployment === undefined) return undefined;
    const crypter = await context.crypterOf(deployment, store.whereIs(stack));
    const codec = crypter === undefined ? maskingCodec : revealingCodec(crypter);
    return propertiesFromJson(stackOutputsOf(deployment), codec, name);
  };
}
