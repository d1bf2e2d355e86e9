import { posix } from "node:path";
import type { ArchiveMember } from "./archive-member.ts";

const BLOCK = 512;

/** The files of a tar, in its order. @param where For messages. @throws Error when it is damaged, or has more than files and folders. */
export function* tarMembers(bytes: Buffer, where: string): Generator<ArchiveMember> {
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const size = numberAt(header, 124, 12);
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (Number.isNaN(size) || content.length < size) throw new Error(`the tar file ${where} is damaged`);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] ?? 0);
    const name = longName ?? nameOf(header);
    switch (type) {
      case "x":
        longName = paxPath(content) ?? longName;
        break;
      case "L":
        longName = textAt(content, 0, content.length);
        break;
      case "g":
        break;
      case "5":
        longName = undefined;
        break;
      case "0":
      case "\0":
        longName = undefined;
        yield { name: posix.normalize(name), content };
        break;
      default:
        throw new Error(`the tar file ${where} has '${name}', which is neither file nor folder`);
    }
  }
}

function nameOf(header: Buffer): string {
  const name = textAt(header, 0, 100);
  const prefix = textAt(header, 257, 6).startsWith("ustar") ? textAt(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

/** Octal digits, or the 63 low bits where the first one is set. */
function numberAt(header: Buffer, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  return Number.parseInt(textAt(header, start, length).trim() || "0", 8);
}

function paxPath(records: Buffer): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < records.length;) {
    const length = Number.parseInt(records.toString("latin1", at, at + 20), 10);
    if (!(length > 0)) break;
    const [, key, value] = /^\d+ ([^=]*)=([^]*)\n$/.exec(records.toString("utf8", at, at + length)) ?? [];
    if (key === "path") path = value;
    at += length;
  }
  return path;
}
