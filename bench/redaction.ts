/**
 * What redaction adds to a command's output on its way: 100 MB in chunks of 64 KB decoded as they are for every command,
 * with and without a redactor, in turns in one run: `node bench/redaction.ts [MB]`. The secrets are those of a usual
 * task: its token, two variables and an SSH key.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { Redactor } from "../services/runtime/redaction/redactor.ts";

const megabytes = Number(process.argv[2] ?? 100);
const CHUNK_BYTES = 65_536;
const ROUNDS = 5;

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 3_072,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const secrets = [randomBytes(180).toString("base64url"), randomBytes(30).toString("hex"), "npm_Zb3kd81hJd", privateKey];

const WORDS =
  "the build of module x passed in 12.4 s and wrote 3 files to /workspace/repos/shop/dist; ok, next: 0x7f3a\n";
const texts: Record<string, Buffer> = {
  "a build's output": Buffer.from(WORDS.repeat(CHUNK_BYTES / WORDS.length + 1)).subarray(0, CHUNK_BYTES),
  base64: Buffer.from(randomBytes(CHUNK_BYTES).toString("base64")).subarray(0, CHUNK_BYTES),
};

const startedAt = performance.now();
const redactor = new Redactor(secrets);
console.log(`made in ${(performance.now() - startedAt).toFixed(1)} ms`);

function run(chunk: Buffer, redact: boolean): number {
  const decoder = new StringDecoder("utf8");
  const stream = redactor.stream();
  const begin = performance.now();
  let shown = 0;
  for (let sent = 0; sent < megabytes * 1_000_000; sent += chunk.length) {
    const text = decoder.write(chunk);
    shown += redact ? stream.push(text).length : text.length;
  }
  if (shown === 0) throw new Error("nothing was shown");
  return (performance.now() - begin) / megabytes;
}

for (const [name, chunk] of Object.entries(texts)) {
  const bare: number[] = [];
  const redacted: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(run(chunk, false));
    redacted.push(run(chunk, true));
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const [without, with_] = [median(bare), median(redacted)];
  console.log(
    `${name}: ${with_.toFixed(2)} ms a MB with, ${without.toFixed(2)} ms without: ${(with_ / without).toFixed(1)} times; ` +
      `${(1_000 / with_).toFixed(0)} MB/s`,
  );
}
