import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { parseCommandLine, renderCommandLine } from "../../../../services/sandbox/tools/command-line.ts";
import { checkArguments, checkCommandLine } from "../../../../services/sandbox/tools/command-policy.ts";

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe("a command line", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), "automatos-command-line-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const shell = (script: string) =>
    execFileSync("sh", ["-c", script], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", NAME: "a b" },
      stdio: "pipe",
    });

  const MEANINGS: readonly (readonly [line: string, output: string])[] = [
    ["printf '%s\\n' one 'two  three' \"four 'five'\" six\\ seven", "one\ntwo  three\nfour 'five'\nsix seven\n"],
    ["printf '[%s]' \"$NAME\" $NAME ${NAME}x '$NAME' \"a\\$b\"", "[a b][a b][a bx][$NAME][a$b]"],
    ["printf '[%s]' '' \"\" a''b", "[][][ab]"],
    ["printf a | tr a b | tr b c", "c"],
    ["false || printf yes && printf ' and'", "yes and"],
    ["true && false ; printf end", "end"],
    ["printf x > out ; printf y >> out ; cat < out", "xy"],
    ["ls nowhere 2>&1 | wc -l", "1\n"],
    ["ls nowhere 2> /dev/null || printf gone", "gone"],
    ["printf 5 2>/dev/null", "5"],
    ["A=1 printf '%s' $NAME=b x=y", "a b=bx=y"],
    ["mkdir -p d && touch d/a.js d/b.js d/c.ts && ls d/*.js", "d/a.js\nd/b.js\n"],
    ["printf one\nprintf two\n", "onetwo"],
    ["printf '%s' a#b c!d e~f $", "a#bc!de~f$"],
  ];
  for (const [line, output] of MEANINGS) {
    it(`means what a shell makes of it: ${JSON.stringify(line)}`, () => {
      assert.equal(shell(renderCommandLine(parseCommandLine(line))), output);
    });
  }

  const REFUSED = [
    "echo $(id)",
    "echo `id`",
    'echo "$(id)"',
    "(ls)",
    "{ ls; }",
    "ls &",
    "ls & cat",
    "sleep 1 &",
    "echo ${HOME:-x}",
    "echo $'a'",
    "echo $1",
    "cat << EOF",
    "cat <<< x",
    "echo 'open",
    'echo "open',
    "echo \\",
    "ls |",
    "| ls",
    "ls && && ls",
    ";",
    "",
    "  ",
    "A=1",
    "> file",
    "ls >",
    "ls > > x",
    "echo a\0b",
    "ls 3> x < (ls)",
    "! ls",
    "# comment",
    "ls [a-z]*",
    "cat ~/x",
    "echo {a,b}",
    "diff <(ls) x",
  ];
  for (const line of REFUSED) {
    it(`is refused rather than guessed at: ${JSON.stringify(line)}`, () => {
      assert.throws(() => parseCommandLine(line), code("COMMAND_LINE_INVALID"));
    });
  }

  it("carries any text through quotes unchanged", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 }), (texts) => {
        const words = texts.map((text) => text.replaceAll("\0", ""));
        const line = ["echo", ...words.map((text) => `'${text.replaceAll("'", `'\\''`)}'`)].join(" ");
        const [first] = parseCommandLine(line);
        const parsed = first?.pipeline[0].words
          .slice(1)
          .map((word) => word.map((part) => (part.kind === "text" ? part.text : "?")).join(""));
        assert.deepEqual(parsed, words);
        assert.deepEqual(parseCommandLine(renderCommandLine(parseCommandLine(line))), parseCommandLine(line));
      }),
    );
  });

  it("parses anything or says COMMAND_LINE_INVALID, and what it parses renders to itself", () => {
    const piece = fc.constantFrom(
      "a",
      " ",
      "'",
      '"',
      "$",
      "{",
      "}",
      "(",
      "|",
      "&",
      ";",
      ">",
      "<",
      "2",
      "\\",
      "*",
      "=",
      "X",
      "\n",
      "#",
      "&&",
      "2>&1",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        let line;
        try {
          line = parseCommandLine(pieces.join(""));
        } catch (error) {
          assert.ok(code("COMMAND_LINE_INVALID")(error), String(error));
          return;
        }
        assert.deepEqual(renderCommandLine(parseCommandLine(renderCommandLine(line))), renderCommandLine(line));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the list of programs", () => {
  const allow = [
    "git status",
    "ls -la | head",
    "A=1 npm test",
    "node_modules/.bin/jest",
    "rm -rf node_modules",
    "rm -rf /workspace/tmp",
  ];
  for (const line of allow) it(`allows ${line}`, () => checkCommandLine(parseCommandLine(line)));

  const refuse = [
    "sudo ls",
    "su root",
    "/usr/bin/sudo ls",
    "rm -rf /",
    "rm -fr /",
    "rm -r -f / ",
    "rm -rf /*",
    "'rm' -rf /",
    "chmod 777 x",
    "docker ps",
    "kubectl get pods",
    "ssh host",
    "mkfs.ext4 x",
    "dd if=/dev/zero",
    "ls > /dev/sda",
    "ls | sudo tee x",
    "true && bash -c id",
    "$SHELL -c id",
    "s*o ls",
  ];
  for (const line of refuse) {
    it(`refuses ${line}`, () => {
      assert.throws(() => checkCommandLine(parseCommandLine(line)), code("COMMAND_NOT_ALLOWED"));
    });
  }

  it("looks at argument vectors alike", () => {
    checkArguments(["git", "status"]);
    assert.throws(() => checkArguments(["sudo", "ls"]), code("COMMAND_NOT_ALLOWED"));
    assert.throws(() => checkArguments([""]), code("COMMAND_NOT_ALLOWED"));
  });
});
