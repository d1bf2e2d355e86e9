import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileEgressRules, ruleFor } from "../../../services/gateway/egress-rules.ts";
import { parseAuthority } from "../../../services/gateway/target.ts";

const at = (authority: string) => parseAuthority(authority, undefined);
const allows = (rules: string[], authority: string) => compileEgressRules(rules).allows(at(authority));

describe("compileEgressRules", () => {
  it("allows nothing without rules", () => {
    fc.assert(fc.property(fc.domain(), (host) => !allows([], `${host}:443`)));
  });

  for (const [rule, allowed, refused] of [
    [
      "example.com",
      ["example.com:443", "example.com:80", "EXAMPLE.com.:443"],
      ["example.com:8443", "www.example.com:443", "example.com.evil.org:443", "notexample.com:443"],
    ],
    ["example.com:8443", ["example.com:8443"], ["example.com:443", "example.com:80"]],
    [
      "*.example.com",
      ["www.example.com:443", "a.b.example.com:80"],
      ["example.com:443", "notexample.com:443", "www.example.com:22", "www.example.com.evil.org:443"],
    ],
    ["*.example.com:22", ["git.example.com:22"], ["git.example.com:443"]],
    ["Example.COM", ["example.com:443"], []],
    ["127.0.0.1:3000", ["127.0.0.1:3000", "2130706433:3000"], ["127.0.0.1:80", "127.0.0.2:3000"]],
    ["[::1]:3000", ["[::1]:3000", "[0:0::1]:3000"], ["[::1]:80", "127.0.0.1:3000"]],
  ] as const) {
    it(`${rule} opens ${allowed.join(", ")} and nothing near it`, () => {
      for (const target of allowed) assert.ok(allows([rule], target), target);
      for (const target of refused) assert.ok(!allows([rule], target), target);
    });
  }

  it("gives a wildcard no power over addresses", () => {
    assert.ok(!allows(["*.1"], "10.0.0.1:80"));
  });

  it("ignores a rule that does not parse, says so, and keeps the others", () => {
    const invalid: string[] = [];
    const rules = compileEgressRules(
      ["*", "https://example.com", "a b", "example.com:99999", "*.*.com", "", "example.org"],
      (rule) => invalid.push(rule),
    );
    assert.equal(invalid.length, 6);
    assert.ok(rules.allows(at("example.org:443")));
    assert.ok(!rules.allows(at("example.com:443")));
  });

  it("lists a host only by name and port", () => {
    const rules = compileEgressRules(["git.corp", "*.corp", "*.corp:3000", "ci.corp:3000"]);
    assert.ok(!rules.lists(at("git.corp:443")));
    assert.ok(!rules.lists(at("git.corp:3000")));
    assert.ok(rules.lists(at("ci.corp:3000")));
  });

  it("is told by ruleFor what would allow a target", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        fc.integer({ min: 1, max: 65_535 }),
        fc.boolean(),
        (host, port, explicitPort) => {
          const target = at(`${host}:${port}`);
          const rules = compileEgressRules([ruleFor(target, { explicitPort })]);
          assert.ok(rules.allows(target));
          assert.ok(!explicitPort || rules.lists(target));
        },
      ),
    );
  });
});
