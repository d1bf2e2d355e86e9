/** Headers of tar files, byte for byte as Go's archive/tar writes them for a name, a size and mode 0600. */

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Two empty blocks. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** What fills the last block of a file's content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** USTAR, or PAX for a name that USTAR cannot hold. @param size Bytes. */
export function tarHeader(name: string, size: number): Buffer {
  const split = splitName(name);
  if (split !== undefined) return block({ ...split, mode: 0o600, size, type: "0", withDevice: true });
  const record = paxRecord("path", name);
  const slash = name.lastIndexOf("/") + 1;
  const paxName = ascii(`${name.slice(0, slash)}PaxHeaders.0/${name.slice(slash)}`).slice(0, NAME_BYTES);
  return Buffer.concat([
    block({
      name: paxName.replace(/\/+$/, ""),
      prefix: "",
      mode: 0,
      size: record.length,
      type: "x",
      withDevice: false,
    }),
    record,
    tarPadding(record.length),
    block({ name: truncated(ascii(name)), prefix: "", mode: 0o600, size, type: "0", withDevice: true }),
  ]);
}

interface Header {
  name: string;
  prefix: string;
  mode: number;
  size: number;
  type: string;
  withDevice: boolean;
}

function block({ name, prefix, mode, size, type, withDevice }: Header): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, NAME_BYTES, "latin1");
  header.write(octal(mode, 8), 100, "latin1");
  header.write(octal(0, 8), 108, "latin1"); // uid
  header.write(octal(0, 8), 116, "latin1"); // gid
  header.write(octal(size, 12), 124, "latin1");
  header.write(octal(0, 12), 136, "latin1"); // modification time
  header.write(type, 156, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  if (withDevice) {
    header.write(octal(0, 8), 329, "latin1");
    header.write(octal(0, 8), 337, "latin1");
  }
  header.write(prefix, 345, PREFIX_BYTES, "latin1");
  // The sum is taken with blanks in its own place.
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)} `, 148, "latin1");
  return header;
}

/** Digits that fill the field but for the zero byte at its end. @throws Error for a number that it cannot hold. */
function octal(value: number, width: number): string {
  const digits = value.toString(8).padStart(width - 1, "0");
  if (digits.length > width - 1) throw new Error(`a file of ${value} bytes is too large for an archive`);
  return `${digits}\0`;
}

/** Undefined for a name that needs PAX. */
function splitName(name: string): { name: string; prefix: string } | undefined {
  if (!isAscii(name)) return undefined;
  if (name.length <= NAME_BYTES) return { name, prefix: "" };
  const limit = name.length > PREFIX_BYTES + 1 ? PREFIX_BYTES + 1 : name.endsWith("/") ? name.length - 1 : name.length;
  const at = name.slice(0, limit).lastIndexOf("/");
  const rest = name.length - at - 1;
  if (at <= 0 || at > PREFIX_BYTES || rest === 0 || rest > NAME_BYTES) return undefined;
  return { prefix: name.slice(0, at), name: name.slice(at + 1) };
}

/** `<length of it all> <key>=<value>` and a line's end. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function isAscii(text: string): boolean {
  return ascii(text) === text;
}

function ascii(text: string): string {
  return text.replaceAll(/[^\u0001-\u007f]/gu, "");
}

/** Some readers take a name that ends in a slash for a folder. */
function truncated(name: string): string {
  if (name.length <= NAME_BYTES) return name;
  const cut = name.slice(0, NAME_BYTES);
  return cut.endsWith("/") ? cut.replace(/\/+$/, "") : cut;
}
