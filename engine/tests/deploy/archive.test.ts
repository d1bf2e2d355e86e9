import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { TAR_END, tarHeader, tarPadding } from "../../src/deploy/archive/tar-header.ts";
import { hashAssets } from "../../src/deploy/property/asset-hash.ts";
import { AssetOrArchive } from "../../src/model.ts";
import type { PropertyMap } from "../../src/model.ts";

/** Hashes of tars with one file each, written by Go's archive/tar: name, mode 0600, `content of <name>`. */
const WRITTEN_BY_GO: readonly [string, string][] = [
  ["a.txt", "bc8e2d4f9e5e84c4e5b20d3cb54451486d2130215e7da53d775840abd7362e45"],
  ["dir/b.txt", "4668eef0b39f520804dd9e401ca9701b3f06ab399e92ad06399c25bcfd005451"],
  ["é.txt", "75f60d4188ced5f42bb5a51c5f537d72d8fd001fd15b526e1c0532a97f0e8c7f"],
  ["日本/語.txt", "5df682bad49a18724d00ed8424bee77d54352a7a3ccb04d2f5e6c605019ddf83"],
  ["n".repeat(100), "e558124a5557c152c159a45dd42859dfcd71c511bb59168bd6bcf37d408597c0"],
  ["n".repeat(101), "0a6b4e4ed722b4f1bf8821fae6bbe57f1ada4b9b7debe9e8b3266934556eb334"],
  [`${"p".repeat(90)}/${"q".repeat(60)}`, "bd13317669ae2cb27ca06ea233c3d9d08fba6af7466c365d0fccfff4c7daaa1c"],
  [`${"p".repeat(155)}/${"q".repeat(100)}`, "f5405f2f098242b680e319dc1adf0e4422701dc6c7c407fac962b111357f955a"],
  [`${"p".repeat(156)}/q`, "073024d4d81f3fc0a39fb664d830c51fae382e120fa7609f0435c940b2ee8ccd"],
  [`d/${"x".repeat(120)}/é.txt`, "234edf4e02b56d40e63e350d90865678b00551f72a5a6a70dc0697705e70d998"],
  [`dir/${"y".repeat(97)}/${"z".repeat(200)}`, "80a8f0d9c8429b8cfdba91686e191434045444b0d234109caca9c2cf1a86bf07"],
  [`${"w".repeat(99)}é`, "cd01bd1fc67cbb19a51a568490e6c9731f604990f999d4ee7d8f8e891a85542a"],
  [`${"a/".repeat(60)}end`, "3660de6510e7d3563e6219146d8300fd09c6add320f6ae4370aa2f586e040bc1"],
];
/** A tar with a/b.txt, a.txt and ä.txt, each with its name's first letters as content, written by Go likewise. */
const FOLDER = "8180d016c91c6f258845b92fe01048a4ef793d06a0cb7ae9edba3f15cb6f544a";
const EMPTY = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
const asset = (fields: PropertyMap) => new AssetOrArchive("asset", fields);
const archive = (fields: PropertyMap) => new AssetOrArchive("archive", fields);

describe("hashes of assets and archives", () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-archive-"));
  const hashOf = async (value: AssetOrArchive) => {
    const { value: hashed } = await hashAssets({ value }, folder);
    return (hashed as AssetOrArchive).fields["hash"];
  };
  const members = (assets: Record<string, AssetOrArchive>) => archive({ assets });
  const ofFolder = { "a.txt": asset({ text: "a" }), "a/b.txt": asset({ text: "b" }), "ä.txt": asset({ text: "ä" }) };

  before(() => {
    mkdirSync(join(folder, "files", "a"), { recursive: true });
    writeFileSync(join(folder, "files", "a.txt"), "a");
    writeFileSync(join(folder, "files", "ä.txt"), "ä");
    writeFileSync(join(folder, "files", "a", "b.txt"), "b");
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, expected] of WRITTEN_BY_GO)
    it(`write a tar as Go does: ${name.length} characters, ${name.slice(0, 12)}`, () => {
      const content = Buffer.from(`content of ${name}`);
      const tar = [tarHeader(name, content.length), content, tarPadding(content.length), TAR_END];
      assert.equal(sha256(Buffer.concat(tar)), expected);
    });

  it("are those of the text, of the file, of what a URL names", async () => {
    assert.equal(await hashOf(asset({ text: "hello" })), sha256("hello"));
    assert.equal(await hashOf(asset({ text: "" })), sha256(""));
    assert.equal(await hashOf(asset({ path: "files/a.txt" })), sha256("a"));
    assert.equal(await hashOf(asset({ uri: pathToFileURL(join(folder, "files/a.txt")).href })), sha256("a"));
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/x" ? 200 : 404).end("over the wire");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      assert.equal(await hashOf(asset({ uri: `${base}/x` })), sha256("over the wire"));
      await assert.rejects(hashOf(asset({ uri: `${base}/y` })), /could not read .*\/y: 404/);
    } finally {
      server.close();
    }
  });

  it("of a folder are those of a tar of its files, in Go's order, Pulumi's own folder and links to folders left out", async () => {
    assert.equal(await hashOf(archive({ path: "files" })), FOLDER);
    mkdirSync(join(folder, "files", ".pulumi"));
    writeFileSync(join(folder, "files", ".pulumi", "state"), "x");
    symlinkSync("a", join(folder, "files", "link"));
    assert.equal(await hashOf(archive({ path: "./files/" })), FOLDER);
    symlinkSync("a.txt", join(folder, "files", "link-to-file"));
    assert.notEqual(await hashOf(archive({ path: "files" })), FOLDER);
    rmSync(join(folder, "files", "link-to-file"));
  });

  it("of a map are those of a tar of its members, nested archives flattened", async () => {
    assert.equal(await hashOf(members({})), EMPTY);
    assert.equal(await hashOf(members({ "a.txt": asset({ text: "content of a.txt" }) })), WRITTEN_BY_GO[0]?.[1]);
    const flat = members({ "x/a.txt": asset({ text: "1" }), "x/y/b.txt": asset({ text: "2" }) });
    const nested = members({
      x: members({ "a.txt": asset({ text: "1" }), y: members({ "b.txt": asset({ text: "2" }) }) }),
    });
    assert.equal(await hashOf(nested), await hashOf(flat));
    const { value } = await hashAssets({ value: nested }, folder);
    const inner = (value as AssetOrArchive).fields["assets"] as Record<string, AssetOrArchive>;
    assert.equal(inner["x"]?.fields["hash"], undefined, "members have no hash of their own, as in Pulumi's states");
  });

  it("of an archive file are those of its bytes; within another it is unpacked", async () => {
    const files = Object.entries(ofFolder).map(([name, { fields }]) => [name, fields["text"] as string] as const);
    const tar = await tarOf(files);
    writeFileSync(join(folder, "files.tar"), tar);
    writeFileSync(join(folder, "files.tgz"), gzipSync(tar));
    writeFileSync(join(folder, "files.zip"), zipOf(files));
    for (const name of ["files.tar", "files.tgz", "files.zip"]) {
      assert.equal(await hashOf(archive({ path: name })), sha256(readFileSync(join(folder, name))), name);
      const within = members({ in: archive({ path: name }) });
      assert.equal(await hashOf(within), await hashOf(members({ in: members(ofFolder) })), name);
    }
  });

  it("are refused with the reason where there is nothing to read", async () => {
    await assert.rejects(hashOf(asset({ path: "gone.txt" })), /failed to open asset file '.*gone.txt': no such file/);
    await assert.rejects(hashOf(asset({ path: "files" })), /is a directory; try using an archive/);
    await assert.rejects(hashOf(archive({ path: "gone" })), /couldn't read archive path '.*gone': no such file/);
    await assert.rejects(
      hashOf(archive({ path: "files/a.txt" })),
      /is neither a recognized archive type nor a directory/,
    );
    await assert.rejects(hashOf(asset({ uri: "ftp://x/y" })), /Unrecognized or unsupported URI scheme: ftp/);
    await assert.rejects(hashOf(archive({ uri: "https://x/y" })), /is not a recognized archive format/);
    writeFileSync(join(folder, "bad.zip"), "no zip at all");
    await assert.rejects(
      hashOf(members({ x: archive({ path: "bad.zip" }) })),
      /failed to read ZIP .*: it has no directory/,
    );
  });
});

async function tarOf(files: readonly (readonly [string, string])[]): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "a", type: "directory" });
  for (const [name, content] of files) tar.entry({ name }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Every second file packed, the others as they are. */
function zipOf(files: readonly (readonly [string, string])[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [index, [name, text]] of files.entries()) {
    const content = Buffer.from(text);
    const packed = index % 2 === 0 ? content : deflateRawSync(content);
    const title = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(index % 2 === 0 ? 0 : 8, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(title.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, title, packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\0\0"), fields, place, title]));
    locals.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}
