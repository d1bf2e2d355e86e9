/** Headers lie within this; a token behind it is not looked for. */
const MAX_HEAD_BYTES = 16_384;
/** An honest request has two at most: the gateway's, and one for where it goes. */
const MAX_TOKENS = 4;
const AUTHORIZATION = /\r\n(?:proxy-)?authorization: *(basic|bearer) +([A-Za-z0-9+/=_.-]+) *(?=\r\n)/gi;

/** What may be a task's token in a request that begins with these bytes, in the forms that the gateway takes. */
export function tokensIn(bytes: Buffer): string[] {
  const head = bytes.subarray(0, MAX_HEAD_BYTES).toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
  return [...`${head}\r\n`.matchAll(AUTHORIZATION)].slice(0, MAX_TOKENS).flatMap(([, scheme = "", value = ""]) => {
    if (scheme.toLowerCase() === "bearer") return [value];
    const decoded = Buffer.from(value, "base64").toString("latin1");
    return decoded.startsWith("task:") ? [decoded.slice("task:".length)] : [];
  });
}
