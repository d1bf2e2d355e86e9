import assert from "node:assert/strict";
import { it } from "node:test";
import { derivedId } from "../../../services/runner/derived-id.ts";

it("a derived id is a UUID of version 5, the same for the same id and name alone", () => {
  // RFC 9562, appendix A.4: www.example.com in the name space of DNS.
  const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  assert.equal(derivedId(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  const other = crypto.randomUUID();
  assert.equal(new Set([derivedId(dns, "a"), derivedId(dns, "b"), derivedId(other, "a")]).size, 3);
});
