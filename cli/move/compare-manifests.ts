/** Where two manifests are not the same; undefined when they are. */
export interface ManifestDifference {
  readonly here: string | undefined;
  readonly there: string | undefined;
}

const NUL = 0;

/** Reads two streams of entries that end with NUL, one entry of each at a time. Resolves to their number. */
export async function compareManifests(
  here: AsyncIterable<Uint8Array>,
  there: AsyncIterable<Uint8Array>,
): Promise<{ readonly entries: number; readonly difference: ManifestDifference | undefined }> {
  const [left, right] = [entriesOf(here), entriesOf(there)];
  for (let entries = 0; ; entries++) {
    const [a, b] = await Promise.all([left.next(), right.next()]);
    if (a.done === true && b.done === true) return { entries, difference: undefined };
    if (a.value !== b.value) {
      await Promise.all([left.return(undefined), right.return(undefined)]);
      return { entries, difference: { here: a.value ?? undefined, there: b.value ?? undefined } };
    }
  }
}

/** Names may be any bytes: each is a character here, so that no two that differ look the same. */
async function* entriesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      yield rest + bytes.toString("latin1", start, end);
      rest = "";
      start = end + 1;
    }
    rest += bytes.toString("latin1", start);
  }
  if (rest !== "") yield rest;
  return undefined;
}
