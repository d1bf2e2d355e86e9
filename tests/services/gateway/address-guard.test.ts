import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { classifyAddress } from "../../../services/gateway/address-guard.ts";

describe("classifyAddress", () => {
  for (const [kind, addresses] of [
    ["public", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"]],
    [
      "internal",
      [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "240.0.0.1",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "4000::1",
      ],
    ],
    [
      "forbidden",
      [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "::ffff:0.0.0.0",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "ff02::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "::ffff:0:127.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:808:808::1",
        "2001::1",
        "fe80::1%eth0",
        "example.com",
        "",
      ],
    ],
  ] as const) {
    for (const address of addresses) {
      it(`${address || "(empty)"} is ${kind}`, () => assert.equal(classifyAddress(address), kind));
    }
  }

  it("sees the same in an IPv4 address and in its mapped form", () => {
    fc.assert(fc.property(fc.ipV4(), (ip) => classifyAddress(`::ffff:${ip}`) === classifyAddress(ip)));
  });

  it("opens no address in which an IPv4 address is hidden", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom("64:ff9b::", "::", "::ffff:0:"), (ip, prefix) => {
        assert.notEqual(classifyAddress(`${prefix}${ip}`), "public");
      }),
    );
  });
});
