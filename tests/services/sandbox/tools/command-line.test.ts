import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { parseCommandLine } from "../../../../services/sandbox/tools/command-line.ts";
import { checkArguments, checkCommandLine } from "../../../../services/sandbox/tools/command-rules.ts";
import { renderCommandLine } from "../../../../services/sandbox/tools/render-command-line.ts";

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe("a command line", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), "automatos-command-line-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const shell = (script: string) =>
    execFileSync("sh", ["-c", script], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", NAME: "a b", HOME: "/home" },
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
    ["printf '[%s]' ~/x ~x \\~ '~'", "[/home/x][~x][~][~]"],
    ["mkdir -p e && touch e/a1 e/b2 e/c3 && ls e/[ab][0-9] e/[!ab]*", "e/a1\ne/b2\ne/c3\n"],
    ["printf '[%s]' [x {} {a} 'b'[\"c\"]", "[[x][{}][{a}][b[c]]"],
    ["ls nowhere &>both || wc -l < both", "1\n"],
    ["ls nowhere >&2 2>/dev/null || printf '%s' # a comment\n# another\n\nprintf b", "b"],
    ["printf a |\n  cat &&\n  printf b \\\n c", "ab"],
    ["A= B=\"x y\" printf '%s' if then '{'", "ifthen{"],
    ["printf '%s' \"*\" \\* '$(id)' \"\\`id\\`\"", "**$(id)`id`"],
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
    "ls ;; ls",
    "ls |& cat",
    "echo a{1..3}",
    "echo {a,b}",
    "diff <(ls) x",
  ];
  for (const line of REFUSED) {
    it(`is refused rather than guessed at: ${JSON.stringify(line)}`, () => {
      assert.throws(() => parseCommandLine(line), code("COMMAND_SYNTAX"));
    });
  }

  it("carries any text through quotes unchanged", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 }), (texts) => {
        const words = texts.map((text) => text.replaceAll("\0", ""));
        const line = ["echo", ...words.map((text) => `'${text.replaceAll("'", `'\\''`)}'`)].join(" ");
        const [first] = parseCommandLine(line);
        const parsed = first?.pipeline[0]?.words
          .slice(1)
          .map((word) => word.map((part) => (part.type === "text" ? part.text : "?")).join(""));
        assert.deepEqual(parsed, words);
        assert.deepEqual(parseCommandLine(renderCommandLine(parseCommandLine(line))), parseCommandLine(line));
      }),
    );
  });

  it("parses anything or says COMMAND_SYNTAX, and what it parses renders to itself", () => {
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
          assert.ok(code("COMMAND_SYNTAX")(error), String(error));
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
  for (const line of [...allow, "python3.11 -V", "cd a && cat b > ../c", "ls >/dev/null", "ls > /workspace/a"]) {
    it(`allows ${line}`, () => checkCommandLine(parseCommandLine(line), "."));
  }

  const refuse: readonly (readonly [line: string, code: string])[] = [
    ["sudo ls", "COMMAND_BLOCKED"],
    ["su root", "COMMAND_BLOCKED"],
    ["/usr/bin/sudo ls", "COMMAND_BLOCKED"],
    ["rm -rf /", "COMMAND_BLOCKED"],
    ["rm -fr /", "COMMAND_BLOCKED"],
    ["rm -r -f / ", "COMMAND_BLOCKED"],
    ["rm -rf /*", "COMMAND_BLOCKED"],
    ["'rm' --recursive //", "COMMAND_BLOCKED"],
    ["chmod 777 x", "COMMAND_BLOCKED"],
    ["docker ps", "COMMAND_BLOCKED"],
    ["kubectl get pods", "COMMAND_BLOCKED"],
    ["ssh host", "COMMAND_BLOCKED"],
    ["mkfs.ext4 x", "COMMAND_BLOCKED"],
    ["dd if=/dev/zero", "COMMAND_BLOCKED"],
    ["ls > /dev/sda", "COMMAND_BLOCKED"],
    ["ls 2>> '/dev/'sda", "COMMAND_BLOCKED"],
    ["ls | sudo tee x", "COMMAND_BLOCKED"],
    ["find . -exec sudo ls {} +", "COMMAND_BLOCKED"],
    ["true && bash -c id", "COMMAND_NOT_ALLOWED"],
    ["./gradlew build", "COMMAND_NOT_ALLOWED"],
    ["$SHELL -c id", "COMMAND_SYNTAX"],
    ["s*o ls", "COMMAND_SYNTAX"],
    ["ls > $HOME/x", "COMMAND_SYNTAX"],
    ["ls > ../x", "PATH_OUTSIDE_WORKSPACE"],
    ["ls > /tmp/x", "PATH_OUTSIDE_WORKSPACE"],
    ["cat < /etc/passwd", "PATH_OUTSIDE_WORKSPACE"],
    ["ls > /workspace/../etc/x", "PATH_OUTSIDE_WORKSPACE"],
  ];
  for (const [line, expected] of refuse) {
    it(`refuses ${line}`, () => {
      assert.throws(() => checkCommandLine(parseCommandLine(line), "."), code(expected));
    });
  }

  it("judges a redirection from the folder that the line starts in", () => {
    checkCommandLine(parseCommandLine("ls > ../x"), "a");
    assert.throws(() => checkCommandLine(parseCommandLine("ls > ../../x"), "a"), code("PATH_OUTSIDE_WORKSPACE"));
  });

  it("looks at argument vectors alike", () => {
    checkArguments(["git", "status"]);
    assert.throws(() => checkArguments(["sudo", "ls"]), code("COMMAND_BLOCKED"));
    assert.throws(() => checkArguments(["cd", "x"]), code("COMMAND_NOT_ALLOWED"));
    assert.throws(() => checkArguments([""]), code("COMMAND_NOT_ALLOWED"));
  });
});
