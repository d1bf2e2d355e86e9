import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inodeLimit } from "../../../../services/workspace/usage/accounting.ts";

describe("inodeLimit", () => {
  it("is one inode for 4 KiB of the quota, and 100,000 at least", () => {
    assert.equal(inodeLimit({ quotaBytes: 1 }), 100_000);
    assert.equal(inodeLimit({ quotaBytes: 100_000 * 4_096 + 1 }), 100_001);
    assert.equal(inodeLimit({ quotaBytes: 2 * 1024 ** 3 }), 524_288);
  });
});
