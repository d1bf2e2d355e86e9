/**
 * What all resources of this package have in common: made once, never changed, nothing to find outside of the state.
 * Facts: terraform-provider-random, on which @pulumi/random rests.
 */
import { map, resourceType, string } from "@automatos/provider-plugin";
import type { Fields, Made, PropertyMap, ResourceType, ValuesOf } from "@automatos/provider-plugin";

/** Values that make a new result when they change. */
export const keepers = map(string(), { replaces: true });

export interface Generated<F extends Fields> extends Pick<
  ResourceType<F>,
  "inputs" | "outputs" | "secretOutputs" | "check" | "diff" | "plan"
> {
  generate(inputs: ValuesOf<F>): Promise<Made> | Made;
  /**
   * From what the user gives to `pulumi import`.
   * @throws when it has another form.
   */
  import?(id: string): Promise<Imported> | Imported;
}

export interface Imported extends Made {
  readonly inputs: PropertyMap;
}

export function generatedType<const F extends Fields>(type: Generated<F>): ResourceType {
  return resourceType<F>({
    ...type,
    create: async (inputs) => type.generate(inputs),
    async read(id, known, { name }) {
      const isKnown = known.inputs !== undefined || type.outputs.some((output) => Object.hasOwn(known.outputs, output));
      if (isKnown) return { id, inputs: { ...(known.inputs as PropertyMap | undefined) }, outputs: known.outputs };
      if (!type.import) {
        throw new Error(`${name} cannot be imported: a resource of its type is known by its state alone`);
      }
      const imported = await type.import(id);
      return { ...imported, outputs: { ...imported.inputs, ...imported.outputs } };
    },
    async delete() {
      // There is nothing outside of the state.
    },
  });
}
