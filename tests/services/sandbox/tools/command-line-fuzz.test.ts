import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { createSandbox } from "../../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../../services/sandbox/sandbox.ts";
import { parseCommandLine, type CommandLine, type Word } from "../../../../services/sandbox/tools/command-line.ts";
import { renderCommandLine } from "../../../../services/sandbox/tools/render-command-line.ts";
import { Playground, run } from "../support.ts";

/** What lines are made of: all that a shell gives a meaning to, and what looks like it. */
const PIECES = [
  ...Array.from(" \t\n'\"\\|&;<>()$`*?[]{}~#!=-+,.:/%^@_0129abXZ"),
  ...Array.from("\u00a0\u2003\u3000\ufeff\v\f\u0085\u200b\u2028é€𝄞\u202e\x07\x7f"),
  ...["  ", "''", '""', "\\\n", "\\\\", "\\'", '\\"', "$A", "${A}", "$B", "$HOME", "${B}x", "$(", "$((", "${", "`a`"],
  ...[
    "&&",
    "||",
    ">>",
    "2>",
    "2>&1",
    "&>",
    ">&",
    "|&",
    "<<",
    "<(",
    "[a-z]",
    "[!a]",
    "[^a]",
    "{a,b}",
    "~/",
    "a=b",
    "A=1",
  ],
  ...[
    "if",
    "then",
    "do",
    "!",
    "-n",
    "--",
    "f",
    "f f",
    "# x",
    "$'",
    '$"',
    "$1",
    "$?",
    "'a b'",
    '"a $A"',
    '"\\$A"',
    "\r",
  ],
];
const pieces = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 14 }).map((all) => all.join(""));
const anything = fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 60 }), fc.string({ maxLength: 60 }));
const ENVIRONMENT: Readonly<Record<string, string>> = { A: "a  b*", B: "", HOME: "/workspace" };
const LINES = 3_000;

function parsed(line: string): CommandLine | undefined {
  try {
    return parseCommandLine(line);
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, "COMMAND_SYNTAX", `${JSON.stringify(line)}: ${String(error)}`);
    return undefined;
  }
}

/** The word as a program gets it, where patterns match nothing. */
const valueOf = (word: Word): string =>
  word
    .map((part) => {
      if (part.type === "text") return part.text;
      return part.type === "glob" ? part.pattern : (ENVIRONMENT[part.name] ?? "");
    })
    .join("");

/** The calls of a line of `f`s that all succeed, as `f` tells them: what comes after `||` is not run. */
const calls = (line: CommandLine): string[] =>
  line
    .filter(({ connector }) => connector !== "||")
    .flatMap(({ pipeline }) =>
      pipeline.map(({ words }) =>
        words
          .slice(1)
          .map((word) => `${valueOf(word)}\u0001`)
          .join(""),
      ),
    );
/** `[^a]` is written `[!a]`, as every shell knows it. */
const portable = (text: string): string => text.replaceAll("[^", "[!");

describe("the parser of command lines, under fire", () => {
  const playground = new Playground();
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  before(() => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = playground.makeWorkspace();
  });
  after(() => playground.remove());

  it("ends, with a line or with its own error, whatever it is given", () => {
    fc.assert(
      fc.property(anything, (line) => {
        parsed(line);
      }),
      { numRuns: 20_000 },
    );
  });

  it("understands its own rendering as it understood the line", () => {
    fc.assert(
      fc.property(anything, (line) => {
        const first = parsed(line);
        if (first === undefined || first.some(({ pipeline }) => pipeline.some(({ words }) => words[0]?.length === 0)))
          return;
        const programs = first.flatMap(({ pipeline }) => pipeline.map(({ words }) => words[0] ?? []));
        if (programs.some((program) => program.some((part) => part.type !== "text"))) return; // refused before rendering
        const again = parseCommandLine(renderCommandLine(first));
        assert.deepEqual(calls(again).map(portable), calls(first).map(portable));
        assert.deepEqual(
          again.map(({ connector }) => connector),
          first.map(({ connector }) => connector),
        );
      }),
      { numRuns: 20_000 },
    );
  });

  /** Runs each line in its own subshell, with `f` telling its arguments; answers what each told, in order of calls. */
  async function askShell(shell: string, lines: readonly string[]): Promise<string[]> {
    lines.forEach((line, index) => fs.writeFileSync(join(profile.workspaceDir, `line-${index}`), line));
    const script = `set -f; t=$(printf '\\001'); f() { s=; for w; do s="$s$w$t"; done; printf '%s\\002' "$s" >&9; }
i=0; while [ $i -lt ${lines.length} ]; do ( . ./line-$i ) 9>>out 2>>err </dev/null >/dev/null; printf '\\003' >>out; i=$((i+1)); done`;
    await run(sandbox, profile, [shell, "-c", script], { environment: { ...ENVIRONMENT }, timeoutMs: 120_000 });
    const told = fs.readFileSync(join(profile.workspaceDir, "out"), "utf8").split("\u0003").slice(0, -1);
    for (const name of fs.readdirSync(profile.workspaceDir))
      fs.rmSync(join(profile.workspaceDir, name), { recursive: true });
    return told;
  }
  const told = (line: CommandLine): string => calls(line).sort().join("\u0002");
  const sorted = (text: string): string => text.split("\u0002").slice(0, -1).sort().join("\u0002");

  /** Lines whose every command is `f`, that the parser takes; without redirections, which bash would follow. */
  function lines(): { readonly line: string; readonly meant: CommandLine }[] {
    const word = fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((all) => all.join(""));
    const operator = fc.constantFrom(" | ", " && ", " || ", " ; ", "\n", ";", "|", "&&");
    const line = fc
      .array(fc.tuple(operator, fc.array(word, { maxLength: 3 })), { minLength: 1, maxLength: 3 })
      .map((commands) =>
        commands.map(([joint, words], index) => `${index === 0 ? "" : joint}f ${words.join(" ")}`).join(""),
      );
    const found: { line: string; meant: CommandLine }[] = [];
    for (const candidate of fc.sample(line, { numRuns: 40_000, seed: 20_261_123 })) {
      if (found.length >= LINES) break;
      const meant = parsed(candidate);
      const commands = meant?.flatMap(({ pipeline }) => pipeline) ?? [];
      const plain = commands.every(
        ({ words, assignments, redirections }) =>
          valueOf(words[0] ?? []) === "f" && assignments.length === 0 && redirections.length === 0,
      );
      // A carriage return is a blank here, for lines that come from Windows, and a character of a word for a shell; a
      // variable is one word here, whatever is in it.
      // Nor does it know bash's stack of folders (`~0`, `~+`): they are text, and quoted for every shell.
      if (meant !== undefined && plain && !/\r|~[0-9+-]/.test(candidate)) found.push({ line: candidate, meant });
    }
    return found;
  }

  for (const shell of ["/bin/bash", "/bin/sh"]) {
    it(`means by ${LINES} lines what ${shell} does`, async () => {
      const all = lines();
      assert.ok(all.length >= LINES / 2, `${all.length} lines`);
      // Unquoted variables are split by a shell: those are compared by their rendering alone.
      const asWritten = all.filter(({ meant }) =>
        meant.every(({ pipeline }) =>
          pipeline.every(({ words }) => words.flat().every(({ type }) => type !== "variable")),
        ),
      );
      const said = await askShell(
        shell,
        asWritten.map(({ line }) => line),
      );
      const wrong = asWritten.flatMap(({ line, meant }, index) =>
        sorted(said[index] ?? "") === told(meant) ? [] : [[line, said[index], told(meant)]],
      );
      assert.deepEqual(wrong.slice(0, 5), []);
      const rendered = await askShell(
        shell,
        all.map(({ meant }) => renderCommandLine(meant)),
      );
      const lost = all.flatMap(({ line, meant }, index) =>
        portable(sorted(rendered[index] ?? "")) === portable(told(meant))
          ? []
          : [[line, renderCommandLine(meant), rendered[index], told(meant)]],
      );
      assert.deepEqual(lost.slice(0, 5), []);
    });
  }
});
