import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { REDACTED, Redactor } from "../../../../services/runtime/redaction/redactor.ts";

/** Cuts a text at the given places and sends it through a stream. */
function inPieces(redactor: Redactor, text: string, cuts: readonly number[]): string {
  const stream = redactor.stream();
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let shown = "";
  let from = 0;
  for (const place of [...places, text.length]) {
    shown += stream.push(text.slice(from, place));
    from = place;
  }
  return shown + stream.end();
}

/** Written down apart from secret-forms.ts: what programs make of a secret. */
const FORMS: Record<string, (secret: string, before: string, after: string) => string> = {
  "as it is": (secret, before, after) => before + secret + after,
  base64: (secret, before, after) => Buffer.from(before + secret + after).toString("base64"),
  "base64, URL-safe": (secret, before, after) => Buffer.from(before + secret + after).toString("base64url"),
  "base64, wrapped": (secret, before, after) =>
    Buffer.from(before + secret + after)
      .toString("base64")
      .replaceAll(/.{76}/g, "$&\n"),
  "base64, wrapped with CRLF": (secret, before, after) =>
    Buffer.from(before + secret + after)
      .toString("base64")
      .replaceAll(/.{64}/g, "$&\r\n"),
  hex: (secret, before, after) => Buffer.from(before + secret + after).toString("hex"),
  HEX: (secret) => Buffer.from(secret).toString("hex").toUpperCase(),
  "percent-encoded": (secret, before, after) => encodeURIComponent(before + secret + after),
  "form-encoded": (secret) => new URLSearchParams({ secret }).toString(),
  "percent-encoded, lower case": (secret) =>
    encodeURIComponent(secret).replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  JSON: (secret, before, after) => JSON.stringify({ text: before + secret + after }),
  "with a colour within": (secret) => `${secret.slice(0, 3)}\u001b[0m${secret.slice(3)}`,
  "as grep --color finds parts of it": (secret) =>
    secret.replaceAll(/[\s\S]{3}/gu, "\u001b[01;31m\u001b[K$&\u001b[m\u001b[K"),
  "with tput's resets": (secret, before, after) => before + secret.replaceAll(/[\s\S]/gu, "$&\u001b(B\u001b[m") + after,
  "split by a line break": (secret) => `${secret.slice(0, 5)}\n${secret.slice(5)}`,
};

/** What the schema of credentials takes, without control sequences of its own, and no run of empty lines, within which nothing is looked for. */
const isSecret = (text: string) => text.replaceAll(/\s/g, "").length >= 8 && !/\0|\u001b|[\r\n]{2}/.test(text);
const printable = fc.string({ unit: "grapheme-ascii", minLength: 8, maxLength: 200 }).filter(isSecret);
const anySecret = fc.oneof(
  printable,
  fc.uint8Array({ minLength: 8, maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  fc.string({ unit: "binary", minLength: 8, maxLength: 60 }).filter(isSecret),
);
const around = fc.string({ unit: "grapheme-ascii", maxLength: 90 });
const cuts = fc.array(fc.nat(10_000), { maxLength: 30 });
const SEQUENCE = /\u001b(?:\[[ -?]*[@-~]|\(.)/g;
const withoutBreaks = (text: string) => text.replaceAll(SEQUENCE, "").replaceAll(/[\r\n]/g, "");

describe("a redactor", () => {
  for (const [name, write] of Object.entries(FORMS)) {
    it(`finds a secret ${name}, however it is cut`, () => {
      fc.assert(
        fc.property(anySecret, around, around, cuts, (secret, before, after, places) => {
          const redactor = new Redactor([secret]);
          const text = write(secret, before, after);
          const shown = inPieces(redactor, text, places);
          assert.ok(shown.includes(REDACTED), `nothing was taken out of ${JSON.stringify(text)}`);
          assert.ok(!withoutBreaks(shown).includes(withoutBreaks(secret.trim())));
          assert.equal(shown, redactor.text(text), "what is shown depends on how it is cut");
        }),
        { numRuns: 300 },
      );
    });
  }

  it("lets nothing of the base64 of a secret through but what its neighbours share", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 400 }), around, around, (bytes, before, after) => {
        const secret = Buffer.from(bytes).toString("hex");
        const encoded = Buffer.from(before + secret + after).toString("base64");
        const shown = new Redactor([secret]).text(encoded);
        // 4 characters hold 3 bytes: at most one group at each end holds bytes of both.
        const most = Math.ceil((Buffer.byteLength(before) * 4) / 3) + Math.ceil((Buffer.byteLength(after) * 4) / 3) + 8;
        assert.ok(shown.replaceAll(REDACTED, "").length <= most);
      }),
    );
  });

  it("passes text without secrets byte for byte", () => {
    const redactor = new Redactor(["correct horse battery staple", randomBytes(32).toString("base64")]);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), cuts, (text, places) => {
        fc.pre(!/correct|horse/.test(text));
        assert.equal(inPieces(redactor, text, places), text);
      }),
      { numRuns: 500 },
    );
  });

  it("passes control sequences where they are, and takes out those within a secret alone", () => {
    const redactor = new Redactor(["hunter2-and-more"]);
    assert.equal(
      redactor.text("\u001b[1mx\u001b[31mhunter2\u001b[0m-and-more\u001b[0m y"),
      `\u001b[1mx\u001b[31m${REDACTED}\u001b[0m y`,
    );
    const unit = fc.constantFrom("\u001b", "[", "0", ";", "m", "K", "(", "B", "h", "u", "n", "\n", "x");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 300 }), cuts, (text, places) => {
        assert.equal(inPieces(redactor, text, places), text);
        const spiked = `${text}x hunter\u001b[${"1;".repeat(5)}1m2-and-more`;
        const shown = inPieces(redactor, spiked, places);
        assert.ok(shown.endsWith(REDACTED), shown);
        assert.equal(shown, redactor.text(spiked));
      }),
      { numRuns: 1_000 },
    );
  });

  it("passes what only begins like a secret", () => {
    const redactor = new Redactor(["abcabcabd-secret", "bcabcabx-secret"]);
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", "c", "d", "-", "s", "\n"), maxLength: 300 }),
        cuts,
        (text, places) => {
          assert.equal(inPieces(redactor, text, places), text);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("takes out all of several secrets that overlap, touch or hold each other", () => {
    const secrets = ["aaaaaaaab", "aaaabbbbbbbb", "bbbbbbbbbbb", "abababababab", "babababa"];
    const redactor = new Redactor(secrets);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 200 }), cuts, (text, places) => {
        const shown = inPieces(redactor, text, places);
        for (const secret of secrets) assert.ok(!shown.includes(secret));
        assert.equal(shown, redactor.text(text));
        // Nothing but secrets was taken out: what is shown stands in the text in this order.
        let from = 0;
        for (const part of shown.split(REDACTED)) {
          const at = text.indexOf(part, from);
          assert.ok(at >= from);
          from = at + part.length;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("finds each line of a key, and the whole of it encoded", () => {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const redactor = new Redactor([privateKey]);
    const lines = privateKey.trim().split("\n");
    for (const line of lines.slice(1, -2)) assert.equal(redactor.text(`  ${line}\r\n`), `  ${REDACTED}\r\n`);
    const shown = redactor.text(Buffer.from(privateKey).toString("base64").replaceAll(/.{76}/g, "$&\n"));
    assert.ok(shown.replaceAll(REDACTED, "").length < 100, shown);
    assert.ok(!redactor.text(JSON.stringify({ privateKey })).includes(lines[5] ?? ""));
    assert.equal(redactor.text("-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----");
  });

  it("finds the texts within a file of JSON, and not its innocent lines", () => {
    const file = JSON.stringify(
      { type: "account", private: `line one of it\nabcdefghijklmnopqrstuvwxyz` },
      undefined,
      2,
    );
    const redactor = new Redactor([file]);
    assert.equal(redactor.text("abcdefghijklmnopqrstuvwxyz"), REDACTED);
    assert.equal(redactor.text('{\n  "type": 1\n}'), '{\n  "type": 1\n}');
  });

  it("holds back no more than the beginning of a secret, and a bounded part of that", () => {
    const stream = new Redactor(["hunter2-and-more"]).stream();
    assert.equal(stream.push("Password: "), "Password: ");
    assert.equal(stream.push("login: h"), "login: ");
    assert.equal(stream.push("ello!\n"), "hello!\n");
    assert.equal(stream.push(`h${"\n".repeat(10_000)}`).length, 10_001);
    assert.equal(stream.push(`h${"\u001b[0m".repeat(10_000)}`).length, 40_001);
    assert.equal(stream.push(`h${"\u001b".repeat(10_000)}`).length, 10_001);
    assert.equal(stream.push(`h\u001b[${"1".repeat(10_000)}`).length, 10_003);
    assert.equal(stream.push("> hunt"), "> ");
    assert.equal(stream.quiet(), "");
    assert.equal(stream.push("er2-and-more"), "");
    assert.equal(stream.end(), REDACTED);
  });

  it("shows the end of a line after a quiet moment, and three characters of a secret at most", () => {
    const stream = new Redactor(["hunter2-and-more"]).stream();
    assert.equal(stream.push("with\nh\n"), "with\n");
    assert.equal(stream.quiet(), "h\n");
    assert.equal(stream.push("ello! hun"), "ello! ");
    assert.equal(stream.quiet(), "hun");
    assert.equal(stream.push("ter2-and-more, next"), `${REDACTED}, next`);
    fc.assert(
      fc.property(printable, around, cuts, (secret, before, places) => {
        const text = `${before} ${secret} after`;
        const pausing = new Redactor([secret]).stream();
        let shown = "";
        let from = 0;
        for (const place of [...new Set(places.map((cut) => cut % text.length))].sort((a, b) => a - b)) {
          shown += pausing.push(text.slice(from, place)) + pausing.quiet();
          from = place;
        }
        shown += pausing.push(text.slice(from)) + pausing.end();
        assert.ok(!shown.includes(secret.trim()), shown);
      }),
    );
  });

  it("holds a bounded part of a long row of secrets", () => {
    const stream = new Redactor(["x".repeat(5_000)]).stream();
    let shown = "";
    for (let index = 1; index <= 20_000; index++) shown += stream.push("x");
    assert.equal(shown + stream.end(), REDACTED);
  });

  it("redacts within JSON values, and leaves what is clean as the same object", () => {
    const redactor = new Redactor(["hunter2-and-more"]);
    const clean = { a: [1, null, { b: "text" }], c: true };
    assert.equal(redactor.value(clean), clean);
    assert.deepEqual(redactor.value({ "hunter2-and-more": ["x hunter2-and-more", 7], other: clean }), {
      [REDACTED]: [`x ${REDACTED}`, 7],
      other: clean,
    });
  });

  it("looks for no short texts, and does nothing without secrets", () => {
    const redactor = new Redactor(["short", "", "       padded"]);
    assert.equal(redactor.text("short padded"), "short padded");
    const stream = redactor.stream();
    assert.equal(stream.push("any"), "any");
  });
});
