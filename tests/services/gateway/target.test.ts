import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  formatTarget,
  InvalidTargetError,
  parseAbsoluteUrl,
  parseAuthority,
} from "../../../services/gateway/target.ts";

describe("parseAuthority", () => {
  for (const [authority, host, port] of [
    ["example.com:443", "example.com", 443],
    ["EXAMPLE.Com.:443", "example.com", 443],
    ["xn--bcher-kva.example:8443", "xn--bcher-kva.example", 8443],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["127.0.0.1.:80", "127.0.0.1", 80],
    ["2130706433:80", "127.0.0.1", 80],
    ["0x7f000001:80", "127.0.0.1", 80],
    ["0X7F.1:80", "127.0.0.1", 80],
    ["017700000001:80", "127.0.0.1", 80],
    ["0177.0.0.01:80", "127.0.0.1", 80],
    ["127.1:80", "127.0.0.1", 80],
    ["0:80", "0.0.0.0", 80],
    ["[::1]:443", "::1", 443],
    ["[0:0:0:0:0:0:0:1]:443", "::1", 443],
    ["[FE80::0001]:443", "fe80::1", 443],
    ["[::ffff:10.0.0.1]:443", "::ffff:a00:1", 443],
  ] as const) {
    it(`reads ${authority} as ${host}`, () => {
      assert.deepEqual(
        { ...parseAuthority(authority, undefined), isAddress: undefined },
        { host, port, isAddress: undefined },
      );
    });
  }

  for (const authority of [
    "",
    "example.com",
    "example.com:",
    "example.com:0",
    "example.com:65536",
    "example.com:443 ",
    "example.com:+443",
    "example.com:443:443",
    "user@example.com:443",
    "user:password@example.com:443",
    "example.com/path:443",
    "http://example.com:443",
    "exa mple.com:443",
    "example.com\0.evil.com:443",
    "example..com:443",
    ".:443",
    "[::1%lo]:443",
    "[::1:443",
    "::1:443",
    "[::1]443",
    "[1.2.3.4]:443",
    "1.2.3.4.5:80",
    "256.1.1.1:80",
    "1.2.3.0x100:80",
    "bücher.example:443",
    "%31%32%37.0.0.1:80",
    "example.com%2eevil.com:80",
    "*.example.com:443",
    `${"a".repeat(64)}.com:443`,
    `${"a.".repeat(127)}com:443`,
  ]) {
    it(`refuses ${JSON.stringify(authority)}`, () => {
      assert.throws(() => parseAuthority(authority, undefined), InvalidTargetError);
    });
  }

  it("gives one spelling: what it gives, it reads as the same target", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV4Extended(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          const first = tryParse(`${host}:${port}`);
          if (first !== undefined) assert.deepEqual(tryParse(formatTarget(first)), first);
        },
      ),
    );
  });

  it("never gives a host that could end a header or a name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const target = tryParse(text);
        assert.ok(target === undefined || /^[a-z0-9._:-]+$/.test(target.host));
      }),
    );
  });
});

describe("parseAbsoluteUrl", () => {
  it("gives target and path", () => {
    const { target, path } = parseAbsoluteUrl("HTTP://Example.com/a%2F..?q=1");
    assert.equal(formatTarget(target), "example.com:80");
    assert.equal(path, "/a%2F..?q=1");
    assert.equal(parseAbsoluteUrl("http://example.com:8080?q").path, "/?q");
    assert.equal(parseAbsoluteUrl("http://example.com").path, "/");
  });

  for (const url of [
    "/path",
    "*",
    "https://example.com/",
    "ftp://example.com/",
    "//example.com/",
    "http://user:password@example.com/",
    "http://example.com@evil.com/",
    "http://example.com\\@evil.com/",
    "http://example.com/#fragment",
    "http:///path",
    "http://[::1%25lo]/",
  ]) {
    it(`refuses ${url}`, () => {
      assert.throws(() => parseAbsoluteUrl(url), InvalidTargetError);
    });
  }
});

function tryParse(text: string) {
  try {
    return parseAuthority(text, undefined);
  } catch (error) {
    assert.ok(error instanceof InvalidTargetError);
    return undefined;
  }
}
