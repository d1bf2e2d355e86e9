import { GIT } from "./git-injection-cases.ts";
import { inert, inside, type InjectionCase, P, vector } from "./injection-case.ts";

const PROGRAMS: readonly InjectionCase[] = [
  inside("tar: a checkpoint", `tar -cf x.tar --checkpoint=1 --checkpoint-action=exec=${P} payload`),
  inside("tar: a compressor", `tar -cf x.tar -I ${P} payload`),
  inside("tar: --use-compress-program", `tar --use-compress-program=${P} -cf x.tar payload`),
  inside("tar: --to-command", `tar -cf x.tar payload && tar -xf x.tar --to-command=${P}`),
  inside("tar: a script for new volumes", `tar -cf x.tar -M -L 20 -F ${P} big`, {
    files: { big: "x".repeat(200_000) },
  }),
  inside("tar: TAR_OPTIONS", "tar -cf x.tar payload", {
    environment: { TAR_OPTIONS: `--checkpoint=1 --checkpoint-action=exec=${P}` },
  }),
  inside("tar: a file called like an option", "tar -cf x.tar *", {
    files: { "--checkpoint=1": "", "--checkpoint-action=exec=sh payload": "" },
  }),
  inert("tar: an archive outside", "tar -cf {CANARY} payload"),
  inert("tar: files outside, absolute", "tar -Pcf - {OTHER}/secret"),
  inert("tar: unpack outside", "tar -cf x.tar payload && tar -xf x.tar -C {OTHER}"),
  inert(
    "tar: unpack outside by an absolute name",
    "tar -cf x.tar --transform s,payload,{CANARY}, -P payload && tar -Pxf x.tar",
  ),
  inert("tar: unpack outside by ..", "tar -cf x.tar --transform s,payload,../canary, -P payload && tar -Pxf x.tar"),
  inert("tar: a list of files outside", "tar -cf x.tar -T {OTHER}/secret"),
  inside("find: -exec", `find payload -exec ${P} \\;`),
  inside("find: -execdir", `find payload -execdir ${P} {} +`, { environment: { PATH: "/usr/bin:/bin" } }),
  inert("find: -delete outside", "find {OTHER} -delete"),
  inert("find: -fprint outside", "find . -fprint {CANARY}"),
  inert("find: -fls outside", "find . -fls {CANARY}"),
  inert("find: -files0-from outside", "find -files0-from {OTHER}/secret"),
  inside("make: a rule", "make -f m", { files: { m: `all:\n\t@${P}\n` } }),
  inside("make: a function", "make -f m", { files: { m: `X := $(shell ${P})\nall:\n\t@true\n` } }),
  inside("make: SHELL", "make -f m", { files: { m: `SHELL=${P}\nall:\n\techo x\n` } }),
  inside("make: --eval", `make -f /dev/null '--eval=$(shell ${P})'`),
  inside("make: MAKEFILES", "make -f /dev/null", {
    environment: { MAKEFILES: "{W}/m" },
    files: { m: `X := $(shell ${P})\nall:\n\t@true\n` },
  }),
  inside("make: a variable on its line", `make -f m X='$(shell ${P})'`, { files: { m: "all:\n\t@echo $(X)\n" } }),
  inert("make: include of a file outside", "make -f m", { files: { m: "include {OTHER}/secret\nall:\n" } }),
  inside("sort: a compressor", `sort -S 1k --compress-program=${P} big`, {
    files: { big: Array.from({ length: 40_000 }, (_, line) => `${line * 7919}`).join("\n") },
  }),
  inert("sort: output outside", "sort -o {CANARY} payload"),
  inert("sort: input outside", "sort {OTHER}/secret"),
  inert("sort: names of files outside", "sort --files0-from={OTHER}/secret"),
  inside("sed: e", `sed '1e${P}' payload`),
  inside("sed: s///e", `printf '${P}\\n' | sed 's/x*$//e'`),
  inert("sed: w outside", "sed 'w {CANARY}' payload"),
  inert("sed: r outside", "sed 'r {OTHER}/secret' payload"),
  inert("sed: -i outside", "sed -i s/a/b/ {OTHER}/secret"),
  inert("sed: --sandbox keeps its word", `sed --sandbox '1e${P}' payload`),
  inside("zip: a test program", `zip -q x.zip payload -T -TT 'sh ${P}'`, { needs: "zip" }),
  inside("zip: ZIPOPT", "zip -q x.zip payload", { environment: { ZIPOPT: `-T -TT ${P}` }, needs: "zip" }),
  inert("zip: an archive outside", "zip -q {CANARY} payload", { needs: "zip" }),
  inert("zip: files outside", "zip -q - {OTHER}/secret", { needs: "zip" }),
  inert("unzip: a folder outside", "zip -q x.zip payload && unzip -o x.zip -d {OTHER}", { needs: "zip" }),
  inert("curl: a file URL", "curl -s file://{OTHER}/secret"),
  inert("curl: a file URL with a host", "curl -s file://localhost{OTHER}/secret"),
  inert("curl: output outside", "curl -s file:///workspace/payload -o {CANARY}"),
  inert("curl: configuration outside", "curl -K {OTHER}/secret"),
  inert("curl: a configuration from standard input", "curl -s -K -", { stdin: "url = file://{OTHER}/secret\n" }),
  inert("curl: a configuration at home", "curl -s", {
    environment: { CURL_HOME: "{W}" },
    files: { ".curlrc": "url = file://{OTHER}/secret\n" },
  }),
  inert("curl: an upload of a file outside", "curl -s -T {OTHER}/secret http://127.0.0.1:1/"),
  inert("curl: a socket of the host", "curl -s --unix-socket {OTHER}/socket http://x/"),
  inert("curl: cookies outside", "curl -s -c {CANARY} file:///workspace/payload"),
  inside("wget: a password program", `wget -q -O- --use-askpass=${P} http://127.0.0.1:1/`),
  inside("wget: a password program by a variable", "wget -q -O- --use-askpass= http://127.0.0.1:1/", {
    environment: { WGET_ASKPASS: P, SSH_ASKPASS: P },
  }),
  inside("wget: a configuration", "wget -q -O- http://127.0.0.1:1/", {
    environment: { WGETRC: "{W}/rc" },
    files: { rc: `use_askpass = ${P}\n` },
  }),
  inert("wget: output outside", "wget -q -O {CANARY} http://127.0.0.1:1/"),
  inert("wget: a log outside", "wget -q -o {CANARY} http://127.0.0.1:1/"),
  inert("wget: a list of addresses outside", "wget -q -i {OTHER}/secret"),
  inert("cat: a file outside", "cat {OTHER}/secret"),
  inert("cat: through /proc/self/root", "cat /proc/self/root{OTHER}/secret"),
  inert("cat: through /proc/1/root", "cat /proc/1/root{OTHER}/secret"),
  inert("cat: through every process's folder", "cat /proc/*/cwd/../other/secret"),
  inert("cat: through /dev/fd", "cat /dev/fd/3 /dev/fd/4 /dev/fd/5 /dev/fd/6"),
  inert("cat: above the workspace", "cat ../other/secret ../../other/secret /workspace/../other/secret"),
  inert("grep: a folder outside", "grep -r content {OTHER}"),
  inert("grep: patterns outside", "grep -f {OTHER}/secret payload"),
  inert("diff: a file outside", "diff payload {OTHER}/secret"),
  inert("patch: a file outside", "patch -p0 -d / < p", {
    files: { p: "--- /dev/null\n+++ {CANARY}\n@@ -0,0 +1 @@\n+x\n" },
  }),
  inert("patch: a file above", "patch -p0 < p", { files: { p: "--- /dev/null\n+++ ../canary\n@@ -0,0 +1 @@\n+x\n" } }),
  inert("jq: a module outside", `jq -n --rawfile x {OTHER}/secret '$x'`, { needs: "jq" }),
  inert("tree: a folder outside", "tree {OTHER}", { needs: "tree" }),
  inert("cp: from outside", "cp -r {OTHER} copy"),
  inert("cp: to outside", "cp payload {CANARY}"),
  inert("mv: to outside", "mv payload {CANARY}"),
  inert("rm: outside", "rm -f {OTHER}/secret"),
  inert("mkdir: outside", "mkdir -p {CANARY}"),
  inert("touch: outside", "touch {CANARY}"),
  inert("a redirection to an absolute place", "echo x > {CANARY}"),
  inert("a redirection from an absolute place", "cat < {OTHER}/secret"),
  inert("a redirection after cd", "cd .. && echo x > ../canary"),
  inert("split words in a variable", "ls $X", { environment: { X: "; {W}/payload" } }),
  inert("a command in a variable", 'echo "$X"', { environment: { X: "$({W}/payload)" } }),
  inert("a line break in an argument", "echo 'a\n{W}/payload'"),
  inert("quotes that close a quote", "echo \"'; {W}/payload; '\""),
  inert("a semicolon in quotes", "echo '; {W}/payload'"),
  inert("a pattern that matches an option", "ls -- *", { files: { "-la; sh payload": "" } }),
];

const LANGUAGES: readonly InjectionCase[] = [
  vector("python: os.system", ["/usr/bin/python3", "-c", `import os; os.system("${P}")`]),
  vector("python: ctypes", ["/usr/bin/python3", "-c", `import ctypes; ctypes.CDLL(None).system(b"${P}")`]),
  vector("python: a module in the folder", ["/usr/bin/python3", "-c", "import json"], {
    files: { "json.py": `import os; os.system("${P}")\n` },
  }),
  inside("python: PYTHONPATH", "/usr/bin/python3 -c 'import json'", {
    environment: { PYTHONPATH: "{W}/m" },
    files: { "m/json.py": `import os; os.system("${P}")\n` },
  }),
  inside("python: a sitecustomize", "/usr/bin/python3 -c 1", {
    environment: { PYTHONPATH: "{W}/m" },
    files: { "m/sitecustomize.py": `import os; os.system("${P}")\n` },
  }),
  inside("python: PYTHONBREAKPOINT", `/usr/bin/python3 -c 'breakpoint()'`, {
    environment: { PYTHONBREAKPOINT: "os.system", PYTHONPATH: "{W}/m" },
    files: { "m/sitecustomize.py": `import os; s = os.system; os.system = lambda: s("${P}")\n` },
  }),
  inside("python: PYTHONSTARTUP", "/usr/bin/python3 -i", {
    environment: { PYTHONSTARTUP: "{W}/start.py" },
    files: { "start.py": `import os; os.system("${P}")\n` },
    stdin: "",
  }),
  inert("python: PYTHONSTARTUP of a program", "/usr/bin/python3 -c 1", {
    environment: { PYTHONSTARTUP: "{W}/start.py" },
    files: { "start.py": `import os; os.system("${P}")\n` },
  }),
  inside("python: BROWSER", "/usr/bin/python3 -m webbrowser http://x.invalid", { environment: { BROWSER: `${P} %s` } }),
  vector("node: child_process", ["node", "-e", `require("child_process").execFileSync("${P}")`]),
  inside("node: NODE_OPTIONS", "node -e 1", {
    environment: { NODE_OPTIONS: "--require {W}/r.js" },
    files: { "r.js": `require("child_process").execFileSync("${P}")` },
  }),
  inside("node: NODE_PATH", `node -e 'require("left")'`, {
    environment: { NODE_PATH: "{W}/m" },
    files: { "m/left.js": `require("child_process").execFileSync("${P}")` },
  }),
  inside("node: --import", "node --import {W}/r.mjs -e 1", {
    files: { "r.mjs": `import { execFileSync } from "node:child_process"; execFileSync("${P}");` },
  }),
  inside("npm: a script", "npm run x --silent", { files: { "package.json": `{"scripts":{"x":"${P}"}}` } }),
  inside("npm: a script before it", "npm run x --silent", {
    files: { "package.json": `{"scripts":{"prex":"${P}","x":"true"}}` },
  }),
  inside("npm: script-shell", "npm run x --silent", {
    files: { "package.json": '{"scripts":{"x":"true"}}' },
    environment: { npm_config_script_shell: P },
  }),
  inside("npm: a .npmrc", "npm run x --silent", {
    files: { "package.json": '{"scripts":{"x":"true"}}', ".npmrc": `script-shell=${P}\n` },
  }),
  inside("npm: exec", `npm exec --offline -c ${P}`, { files: { "package.json": "{}" } }),
  inside("npx: -c", `npx --offline -c ${P}`, { files: { "package.json": "{}" } }),
  inside("npm: an editor", "npm config edit", {
    environment: { EDITOR: P, npm_config_editor: P, npm_config_userconfig: "{W}/rc" },
  }),
  inside("npm: node-options", "npm run x --silent", {
    files: { "package.json": '{"scripts":{"x":"node -e 1"}}', "r.js": `require("child_process").execFileSync("${P}")` },
    environment: { npm_config_node_options: "--require {W}/r.js" },
  }),
  inside("LD_PRELOAD of what is compiled here", "ls", {
    environment: { LD_PRELOAD: "{W}/none.so", PATH: "{W}/bin:/usr/bin:/bin" },
    files: { "bin/ls": "#!/bin/sh\nexec {W}/payload\n" },
  }),
  inside("PATH", "ls", {
    environment: { PATH: "{W}/bin:/usr/bin:/bin" },
    files: { "bin/ls": "#!/bin/sh\nexec {W}/payload\n" },
  }),
  inside("PATH with the folder itself", "ls", {
    environment: { PATH: ".:/usr/bin:/bin" },
    files: { ls: "#!/bin/sh\nexec ./payload\n" },
  }),
  inside("a program of the workspace's own with an allowed name", "./git", {
    files: { git: "#!/bin/sh\nexec ./payload\n" },
  }),
  inert("LD_LIBRARY_PATH", "ls", { environment: { LD_LIBRARY_PATH: "{OTHER}" } }),
  inert("LD_AUDIT", "ls", { environment: { LD_AUDIT: "{OTHER}/secret" } }),
  inert("BASH_ENV of a plain program", "ls", { environment: { BASH_ENV: P } }),
  inert("ENV of a plain program", "ls", { environment: { ENV: P } }),
  inert("ENV of a line with a pipe", "ls | wc -l", { environment: { ENV: P } }),
  inert("BASH_ENV of a line with a pipe", "ls | wc -l", { environment: { BASH_ENV: P } }),
  inert("PS4 and SHELLOPTS of a line with a pipe", "ls | wc -l", {
    environment: { SHELLOPTS: "xtrace", PS4: `$(${P})` },
  }),
  inert("IFS of a line with a pipe", "ls | wc -l", { environment: { IFS: "s" } }),
  inert("PROMPT_COMMAND", "ls | wc -l", { environment: { PROMPT_COMMAND: P } }),
  inert("a function in a variable", "ls | wc -l", { environment: { ls: `() { ${P}; }` } }),
  inside("BASH_ENV of a script for bash", "./make", {
    environment: { BASH_ENV: P },
    files: { make: "#!/bin/bash\ntrue\n" },
  }),
  inert("LESSOPEN, which no pager reads", "git --no-pager log", { environment: { LESSOPEN: `|${P} %s` } }),
  inert("GREP_OPTIONS", "grep x payload", { environment: { GREP_OPTIONS: `-f {OTHER}/secret` } }),
  inert("LOCPATH and NLSPATH", "ls", { environment: { LOCPATH: "{OTHER}", NLSPATH: "{OTHER}/secret" } }),
  inert("TMPDIR", "sort -S 1k payload", { environment: { TMPDIR: "{OTHER}" } }),
  inert("HOME", "cat ~/secret", { environment: { HOME: "{OTHER}" } }),
  inert("GCONV_PATH", "ls", { environment: { GCONV_PATH: "{OTHER}", CHARSET: "x" } }),
];

/** Archives with links: the first entry makes a link out, the second goes through it. */
const ARCHIVE = `import io, tarfile, zipfile, sys
def tar(name, *entries):
    with tarfile.open(name, "w") as archive:
        for path, kind, target in entries:
            info = tarfile.TarInfo(path); info.type = kind
            if kind == tarfile.REGTYPE: info.size = 1; archive.addfile(info, io.BytesIO(b"x"))
            else: info.linkname = target; archive.addfile(info)
def zipped(name, link, target, inner):
    with zipfile.ZipFile(name, "w") as archive:
        info = zipfile.ZipInfo(link); info.create_system = 3; info.external_attr = 0o120777 << 16
        archive.writestr(info, target); archive.writestr(inner, "x")
`;
const archive = (what: string, make: string, unpack: string, needs?: string): InjectionCase =>
  inert(`an archive: ${what}`, `/usr/bin/python3 make.py && ${unpack}`, {
    files: { "make.py": `${ARCHIVE}${make}\n` },
    ...(needs === undefined ? {} : { needs }),
  });
const LINK = "tarfile.SYMTYPE";
const FILE = "tarfile.REGTYPE";
const ARCHIVES: readonly InjectionCase[] = [
  archive(
    "a link, and a file through it",
    `tar("a.tar", ("evil", ${LINK}, "{OTHER}"), ("evil/new", ${FILE}, ""))`,
    "tar -xf a.tar",
  ),
  archive(
    "a link, and a file through it, absolute names kept",
    `tar("a.tar", ("evil", ${LINK}, "{OTHER}"), ("evil/new", ${FILE}, ""))`,
    "tar -Pxf a.tar",
  ),
  archive(
    "a link up, and a file through it",
    `tar("a.tar", ("up", ${LINK}, "../other"), ("up/new", ${FILE}, ""))`,
    "tar -Pxf a.tar",
  ),
  archive(
    "a hard link to a file outside",
    `tar("a.tar", ("hard", tarfile.LNKTYPE, "{OTHER}/secret"))`,
    "tar -Pxf a.tar",
  ),
  archive(
    "a link to a file outside that is then written",
    `tar("a.tar", ("s", ${LINK}, "{OTHER}/secret"), ("s", ${FILE}, ""))`,
    "tar --overwrite -xf a.tar",
  ),
  archive("an absolute name", `tar("a.tar", ("{CANARY}", ${FILE}, ""))`, "tar -Pxf a.tar"),
  archive("a name above", `tar("a.tar", ("../canary", ${FILE}, ""))`, "tar -Pxf a.tar"),
  archive("a device", `tar("a.tar", ("dev", tarfile.CHRTYPE, ""))`, "tar -xf a.tar"),
  archive(
    "unpacked by Python",
    `tar("a.tar", ("evil", ${LINK}, "{OTHER}"), ("evil/new", ${FILE}, ""))\ntarfile.open("a.tar").extractall(".")`,
    "ls",
  ),
  archive(
    "a zip with a link, and a file through it",
    `zipped("a.zip", "evil", "{OTHER}", "evil/new")`,
    "unzip -o a.zip",
    "unzip",
  ),
  archive("a zip with a name above", `zipped("a.zip", "l", "..", "../canary")`, "unzip -o -: a.zip", "unzip"),
  archive("a zip with an absolute name", `zipped("a.zip", "l", "..", "{CANARY}")`, "unzip -o a.zip", "unzip"),
];

export const INJECTION_CASES: readonly InjectionCase[] = [...GIT, ...PROGRAMS, ...LANGUAGES, ...ARCHIVES];
