/** Which resources each property of a message came from, as its output values tell. */
export class DependencyCollector {
  readonly #byProperty = new Map<string, Set<string>>();

  /** Handed to `unmarshalProperties`. */
  readonly add = (property: string, urn: string): void => {
    const urns = this.#byProperty.get(property);
    if (urns === undefined) this.#byProperty.set(property, new Set([urn]));
    else urns.add(urn);
  };

  /** The URNs of a property, after those that were known. */
  of(property: string, known: readonly string[] = []): string[] {
    return [...new Set([...known, ...(this.#byProperty.get(property) ?? [])])];
  }
}
