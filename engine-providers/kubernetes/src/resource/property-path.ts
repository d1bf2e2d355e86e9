/** Paths as programs write them in `ignoreChanges`: `spec.replicas`, `metadata.annotations["a.b/c"]`, `spec.ports[0]`. */

/** A step is a key, an index, or `*` for all of them. */
export type PropertyPath = readonly (string | number)[];

/** @throws when it is no path */
export function parsePropertyPath(path: string): PropertyPath {
  const steps: (string | number)[] = [];
  const step = /\.?([^.[\]"]+)|\[(\d+)\]|\[\*\]|\["((?:[^"\\]|\\.)*)"\]/y;
  while (step.lastIndex < path.length) {
    const at = step.lastIndex;
    const match = step.exec(path);
    if (match === null) throw new Error(`${JSON.stringify(path)} is no property path (at character ${at + 1})`);
    const [whole, key, index, quoted] = match;
    if (whole === "[*]") steps.push("*");
    else if (index !== undefined) steps.push(Number(index));
    else steps.push(key ?? (quoted ?? "").replaceAll(/\\(.)/g, "$1"));
  }
  return steps;
}

/** Whether `inner` is `outer`, or in it. */
export function contains(outer: PropertyPath, inner: PropertyPath): boolean {
  return (
    outer.length <= inner.length && outer.every((step, index) => step === "*" || String(step) === String(inner[index]))
  );
}
