const MAX_CHARACTER_BYTES = 4;

export interface DecodedBytes {
  readonly content: string;
  readonly encoding: "utf8" | "base64";
  /** How many of the bytes `content` stands for: fewer than given when a cut went through a character. */
  readonly bytes: number;
}

/** Text as it is where the bytes are UTF-8, base64 where they are not. `cut`: more bytes follow those given. */
export function textOrBase64(data: Buffer, cut: boolean): DecodedBytes {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let dropped = 0; dropped < MAX_CHARACTER_BYTES && dropped <= data.length; dropped++) {
    try {
      const text = data.subarray(0, data.length - dropped);
      if (dropped > 0 && text.length === 0) break;
      return { content: decoder.decode(text), encoding: "utf8", bytes: text.length };
    } catch {
      if (!cut) break; // only a cut may leave half a character
    }
  }
  return { content: data.toString("base64"), encoding: "base64", bytes: data.length };
}
