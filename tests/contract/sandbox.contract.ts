import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Sandbox, SandboxProfile } from "../../services/sandbox/sandbox.ts";
import { Playground, run, sh } from "../services/sandbox/support.ts";

const hasCode = (code: string) => (error: Error & { code?: string }) => error.code === code;

/** What every kind of sandbox promises. `create` is called once. */
export function describeSandbox(kind: string, create: (playground: Playground) => Sandbox): void {
  describe(`${kind} as a Sandbox`, () => {
    const playground = new Playground();
    let sandbox: Sandbox;
    let profile: SandboxProfile;
    before(() => {
      sandbox = create(playground);
      profile = playground.makeWorkspace();
    });
    after(() => playground.remove());

    it("says what it is and can do", async () => {
      assert.equal(sandbox.status.kind, sandbox.kind);
      assert.equal(sandbox.status.available, true, sandbox.status.problem?.message);
      assert.equal(await sandbox.recover(), 0);
    });

    it("runs a program in the workspace and tells its exit code and output", async () => {
      const outcome = await sh(sandbox, profile, "echo out; echo err >&2; touch made; exit 3");
      assert.equal(outcome.exitCode, 3);
      assert.equal(outcome.signal, null);
      assert.equal(outcome.timedOut, false);
      assert.equal(outcome.outOfMemory, false);
      assert.equal(outcome.stdout, "out\n");
      assert.equal(outcome.stderr, "err\n");
      assert.ok(outcome.durationMs > 0);
      assert.ok(fs.existsSync(join(profile.workspaceDir, "made")));
    });

    it("hands arguments over as they are", async () => {
      const args = ["", " ", "a b", "*", "$HOME", "`id`", "'\"\\", "\n", "-n", "--", "ä€𝄞"];
      const outcome = await run(sandbox, profile, ["/usr/bin/printf", "[%s]", ...args]);
      assert.equal(outcome.stdout, args.map((text) => `[${text}]`).join(""));
    });

    it("gives standard input and ends it", async () => {
      assert.equal((await run(sandbox, profile, ["cat"], { stdin: "some\ntext" })).stdout, "some\ntext");
      assert.equal((await run(sandbox, profile, ["cat"])).stdout, "");
    });

    it("takes input and gives output as streams of any bytes", async () => {
      const bytes = randomBytes(3_000_000);
      const chunks: Buffer[] = [];
      const stdout = new Writable({
        highWaterMark: 10_000,
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk);
          setImmediate().then(() => done(), done); // slower than the command
        },
      });
      const outcome = await run(sandbox, profile, ["cat"], { stdin: Readable.from([bytes]), stdout });
      assert.equal(outcome.exitCode, 0);
      assert.equal(outcome.stdout, "");
      assert.ok(Buffer.concat(chunks).equals(bytes));
    });

    it("ends the input of a command whose stream breaks", async () => {
      const stdin = new PassThrough();
      stdin.on("error", () => undefined);
      stdin.write("a part");
      const ended = sh(sandbox, profile, "head -c 6 >/dev/null; touch began; cat >/dev/null; echo ended", { stdin });
      while (!fs.existsSync(join(profile.workspaceDir, "began"))) await setImmediate();
      stdin.destroy(new Error("the caller has gone"));
      assert.equal((await ended).stdout, "ended\n");
    });

    it("survives a command that reads none of a long input", async () => {
      assert.equal((await run(sandbox, profile, ["true"], { stdin: "x".repeat(1_000_000) })).exitCode, 0);
    });

    it("starts in the folder that is asked for, and refuses one that is not inside", async () => {
      fs.mkdirSync(join(profile.workspaceDir, "a/b"), { recursive: true });
      fs.writeFileSync(join(profile.workspaceDir, "a/b/here"), "");
      assert.equal((await run(sandbox, profile, ["ls"], { cwd: "a/./b" })).stdout, "here\n");
      await assert.rejects(run(sandbox, profile, ["ls"], { cwd: "missing" }), hasCode("FILE_NOT_FOUND"));
      for (const cwd of ["..", "a/../..", "/", "/etc", "a\0b"]) {
        await assert.rejects(run(sandbox, profile, ["ls"], { cwd }), hasCode("PATH_OUTSIDE_WORKSPACE"));
      }
    });

    it("sets the profile's and the command's variables, and passes on none of its own", async () => {
      process.env["SECRET_OF_THE_SERVICE"] = "x";
      const outcome = await run(sandbox, { ...profile, environment: { FROM_PROFILE: "p", BOTH: "p" } }, ["env"], {
        environment: { BOTH: "c", STRANGE: "a=b\n$(id) 'c\"" },
      });
      delete process.env["SECRET_OF_THE_SERVICE"];
      assert.match(outcome.stdout, /^FROM_PROFILE=p$/m);
      assert.match(outcome.stdout, /^BOTH=c$/m);
      assert.match(outcome.stdout, /^STRANGE=a=b\n\$\(id\) 'c"$/m);
      assert.match(outcome.stdout, /^LANG=C.UTF-8$/m);
      assert.doesNotMatch(outcome.stdout, /SECRET_OF_THE_SERVICE/);
      await assert.rejects(run(sandbox, profile, ["env"], { environment: { "A;id": "" } }), hasCode("INVALID_COMMAND"));
    });

    it("tells a program that is not there from one that failed", async () => {
      for (const program of ["no-such-program", "./missing", "/nowhere/at/all"]) {
        await assert.rejects(run(sandbox, profile, [program]), hasCode("COMMAND_NOT_FOUND"));
      }
      assert.equal((await sh(sandbox, profile, "exit 127")).exitCode, 127);
      await assert.rejects(run(sandbox, profile, ["true", "a\0b"]), hasCode("INVALID_COMMAND"));
      await assert.rejects(run(sandbox, profile, ["true", "x".repeat(200_000)]), hasCode("COMMAND_TOO_LONG"));
    });

    it("names the signal that ended a command", async () => {
      const outcome = await sh(sandbox, profile, "kill -TERM $$");
      assert.equal(outcome.exitCode, null);
      assert.equal(outcome.signal, "SIGTERM");
    });

    it("hands on output as it comes, in whole characters", async () => {
      let seen = "";
      const controller = new AbortController();
      const script = 'printf "\\342\\202"; read -r _ </dev/zero & sleep 0.05; printf "\\254 first"; sleep 1000';
      const outcome = await sh(sandbox, profile, script, {
        signal: controller.signal,
        onOutput: (_stream, text) => {
          seen += text;
          if (seen.includes("first")) controller.abort();
        },
      });
      assert.equal(seen, "€ first");
      assert.equal(outcome.timedOut, false);
      assert.equal(outcome.signal, "SIGKILL");
    });

    it("keeps nothing of what a command prints", async () => {
      let characters = 0;
      const before = process.memoryUsage().rss;
      const outcome = await sh(sandbox, profile, "yes a line of some length | head -c 300000000", {
        onOutput: (_stream, text) => void (characters += text.length),
      });
      assert.equal(outcome.exitCode, 0);
      assert.equal(characters, 300_000_000);
      const grown = process.memoryUsage().rss - before;
      assert.ok(grown < 150_000_000, `memory grew by ${grown} bytes`);
    });

    it("ends a command at its timeout, with what it started", async () => {
      const outcome = await sh(sandbox, profile, "sleep 1000 & sleep 1000 | cat; wait", { timeoutMs: 300 });
      assert.equal(outcome.timedOut, true);
      assert.equal(outcome.exitCode, null);
      assert.equal(outcome.signal, "SIGKILL");
    });

    it("does not start what is cancelled already", async () => {
      const outcome = await sh(sandbox, profile, "touch not-made", { signal: AbortSignal.abort() });
      assert.equal(outcome.signal, "SIGKILL");
      assert.equal(fs.existsSync(join(profile.workspaceDir, "not-made")), false);
    });

    it("ends at any moment it is cancelled", async () => {
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const outcome = await sh(sandbox, profile, "sleep 1000", { signal: AbortSignal.timeout(index) });
          assert.equal(outcome.signal, "SIGKILL");
        }),
      );
    });

    it("ends the background children of a command that has ended", async () => {
      await sh(sandbox, profile, "(while :; do date +%N >>beat; sleep 0.01; done) & until [ -s beat ]; do :; done");
      const size = fs.statSync(join(profile.workspaceDir, "beat")).size;
      await sh(sandbox, profile, "sleep 0.1");
      assert.equal(fs.statSync(join(profile.workspaceDir, "beat")).size, size);
    });

    it("runs many commands at once", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => sh(sandbox, profile, `echo ${index}; exit ${index}`)),
      );
      assert.deepEqual(
        outcomes.map(({ exitCode, stdout }) => [exitCode, stdout]),
        outcomes.map((_, index) => [index, `${index}\n`]),
      );
    });

    it("leaves no process, descriptor or temporary folder of its own", async () => {
      const count = () => fs.readdirSync("/proc/self/fd").length;
      await sh(sandbox, profile, "true");
      const before = count();
      for (let index = 0; index < 5; index++) {
        await sh(sandbox, profile, "sleep 1000 >/dev/null 2>&1 &");
        await run(sandbox, profile, ["no-such-program"]).catch(() => undefined);
      }
      while (count() > before) await setImmediate(); // Node closes what a failed spawn has opened a little later
      const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
      assert.equal(children.trim(), "");
    });
  });
}
