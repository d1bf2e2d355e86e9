/** Which resources an operation is about: URNs, with `*` for a part of a segment and `**` for anything. */
export class UrnTargets {
  readonly #literals = new Set<string>();
  readonly #globs: RegExp[] = [];
  readonly isConstrained: boolean;

  constructor(urns: readonly string[]) {
    this.isConstrained = urns.length > 0;
    for (const urn of urns) {
      if (urn.includes("*")) this.#globs.push(globToRegExp(urn));
      else this.#literals.add(urn);
    }
  }

  get literals(): readonly string[] {
    return [...this.#literals];
  }

  contains(urn: string): boolean {
    return !this.isConstrained || this.names(urn);
  }

  /** Like `contains`, but nothing is named where nothing is constrained. */
  names(urn: string): boolean {
    return this.#literals.has(urn) || this.#globs.some((glob) => glob.test(urn));
  }

  add(urn: string): void {
    this.#literals.add(urn);
  }
}

function globToRegExp(glob: string): RegExp {
  const source = glob
    .split("**")
    .map((part) => part.split("*").map(escapeRegExp).join("[^:]*"))
    .join(".*");
  return new RegExp(`^${source}$`);
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
