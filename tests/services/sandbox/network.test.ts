import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { collectText } from "../../../services/sandbox/output.ts";
import { isRoot } from "./support.ts";

interface Attempt {
  readonly address: string;
  /** What a connection came to: `connected`, or the error's name. */
  readonly bare: string;
  readonly sandboxed: string;
  readonly withGateway: string;
}

describe("addresses that a sandbox must not reach", { skip: !isRoot && "needs root, for a network namespace" }, () => {
  it("are out of reach, though they answer on the machine itself", async () => {
    // The addresses are bound in a network namespace of this test's own: nothing is ever sent to the real ones.
    const child = spawn("unshare", ["--net", process.execPath, join(import.meta.dirname, "network-probe.ts")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = Promise.all([collectText(child.stdout), collectText(child.stderr)]);
    const exitCode = await new Promise((resolve) => child.once("exit", resolve));
    const [stdout, stderr] = await output;
    assert.equal(exitCode, 0, stderr);
    const attempts = JSON.parse(stdout) as Attempt[];
    assert.ok(attempts.length >= 5);
    for (const { address, bare, sandboxed, withGateway } of attempts) {
      assert.equal(bare, "connected", `${address}: the control`);
      const refused =
        address.startsWith("127.") || address === "::1" ? /^ECONNREFUSED$/ : /^(ENETUNREACH|EADDRNOTAVAIL)$/;
      assert.match(sandboxed, refused, address);
      assert.match(withGateway, refused, address);
    }
  });
});
