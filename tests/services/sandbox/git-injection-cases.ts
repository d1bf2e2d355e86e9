import { inert, inside, type InjectionCase, P, type Row } from "./injection-case.ts";

/** A repository with one commit and a change that is not committed. */
const REPOSITORY =
  "git init -q . && git config user.name a && git config user.email a@b && git add payload && git commit -qm one && echo changed >> payload";
const git = (what: string, command: string, more: Row = {}) =>
  inside(`git: ${what}`, `${REPOSITORY} && ${command}`, more);
const hook = (name: string, command: string) =>
  git(`hook ${name}`, `mkdir -p hooks && cp payload hooks/${name} && git config core.hooksPath hooks && ${command}`);

export const GIT: readonly InjectionCase[] = [
  hook("pre-commit", "git commit -qam two"),
  hook("prepare-commit-msg", "git commit -qam two"),
  hook("commit-msg", "git commit -qam two"),
  hook("post-commit", "git commit -qam two"),
  hook("post-checkout", "git checkout -q -b x"),
  hook("reference-transaction", "git branch y"),
  hook("post-index-change", "git add payload"),
  hook("pre-auto-gc", "git commit -qam two && git -c gc.auto=1 gc --auto; git hook run pre-auto-gc"),
  hook("post-rewrite", "git commit -q --amend -m x"),
  hook("pre-merge-commit", "git hook run pre-merge-commit"),
  git("a hook in .git/hooks", "cp payload .git/hooks/pre-commit && git commit -qam two"),
  git("core.fsmonitor", `git -c core.fsmonitor=${P} status`),
  git("core.fsmonitor in .git/config", `git config core.fsmonitor ${P} && git status`),
  git("core.editor", `git -c core.editor=${P} commit -q --amend`),
  git("sequence.editor", `git -c sequence.editor=${P} rebase -q -i --root --autostash`),
  git("an alias that is a command", `git -c 'alias.x=!${P}' x`),
  git("diff.external", `git -c diff.external=${P} diff`),
  git("a diff driver", `printf 'payload diff=x' > .gitattributes && git -c diff.x.command=${P} diff`),
  git("a textconv", `printf 'payload diff=x' > .gitattributes && git -c diff.x.textconv=${P} diff`),
  git("a clean filter", `printf 'payload filter=x' > .gitattributes && git -c filter.x.clean=${P} add payload`),
  git(
    "a smudge filter",
    `printf 'payload filter=x' > .gitattributes && git commit -qam two && cp payload p2 && rm payload && git -c filter.x.smudge={W}/p2 checkout payload`,
  ),
  git("a process filter", `printf 'payload filter=x' > .gitattributes && git -c filter.x.process=${P} add payload`),
  git(
    "a merge driver",
    `printf 'payload merge=x' > .gitattributes && git commit -qam two && git checkout -q -b o HEAD~1 && echo o >> payload && git commit -qam o && cp payload p2 && git -c merge.x.driver={W}/p2 merge master`,
  ),
  git("difftool", `git difftool -y -x ${P}`),
  git(
    "bisect run",
    `git commit -qam two && git commit -q --allow-empty -m three && git bisect start HEAD HEAD~2 && cp payload /tmp/p && git bisect run ${P}`,
  ),
  git("rebase --exec", `git commit -qam two && git rebase -q --exec ${P} HEAD~1`),
  git(
    "submodule foreach",
    `git -c protocol.file.allow=always submodule add -q ./. sub && git submodule foreach -q ${P}`,
  ),
  git("for-each-repo of an alias", `git -c 'alias.x=!${P}' -c r.r={W} for-each-repo --config=r.r x`),
  git(
    "filter-branch",
    `git commit -qam two && FILTER_BRANCH_SQUELCH_WARNING=1 git filter-branch -f --tree-filter ${P} HEAD`,
  ),
  git("grep's pager", `git grep -O${P} echo`),
  git("a credential helper", `git -c 'credential.helper=!${P}' credential fill`, {
    stdin: "protocol=https\nhost=x.invalid\n\n",
  }),
  git("core.askPass", `git -c core.askPass=${P} credential fill`, { stdin: "protocol=https\nhost=x.invalid\n\n" }),
  git("gpg.program", `git -c gpg.program=${P} commit -S -qam two`),
  git("the program that signs tags", `git -c gpg.program=${P} tag -s -m x v1`),
  git("the upload-pack of a clone", `git clone -q -u ${P} . copy`),
  git("the upload-pack of ls-remote", `git ls-remote --upload-pack=${P} .`),
  git("the receive-pack of a push", `git push --receive-pack=${P} . HEAD`),
  git("an ext:: transport", `git -c protocol.ext.allow=always ls-remote 'ext::${P}'`),
  git("core.sshCommand", `git -c core.sshCommand=${P} ls-remote ssh://x.invalid/y`),
  git("core.gitProxy", `git -c core.gitProxy=${P} ls-remote git://x.invalid/y`),
  git("a remote's vcs", `cp payload git-remote-evil && git -c remote.r.vcs=evil -c remote.r.url=x ls-remote r`, {
    environment: { PATH: "{W}:/usr/bin:/bin" },
  }),
  git("a program of its own, found by PATH", "cp payload git-evil && git evil", {
    environment: { PATH: "{W}:/usr/bin:/bin" },
  }),
  git("GIT_EXEC_PATH", "git evil", {
    environment: { PATH: "/usr/bin:/bin:{W}/bin" },
    files: { "bin/git-evil": "#!/bin/sh\nexec {W}/payload\n" },
  }),
  ...(
    [
      ["GIT_SSH_COMMAND", "git ls-remote ssh://x.invalid/y"],
      ["GIT_SSH", "git ls-remote ssh://x.invalid/y"],
      ["GIT_PROXY_COMMAND", "git ls-remote git://x.invalid/y"],
      ["GIT_EDITOR", "git commit -q --amend"],
      ["GIT_SEQUENCE_EDITOR", "git rebase -q -i --root --autostash"],
      ["EDITOR", "git commit -q --amend"],
      ["GIT_EXTERNAL_DIFF", "git diff"],
    ] as const
  ).map(([name, command]) => git(`the variable ${name}`, command, { environment: { [name]: P } })),
  ...(["VISUAL", "GIT_ASKPASS", "SSH_ASKPASS"] as const).map((name) =>
    git(`the variable ${name}`, name === "VISUAL" ? "git commit -q --amend" : "git credential fill", {
      environment: { [name]: P, TERM: "xterm" },
      stdin: "protocol=https\nhost=x.invalid\n\n",
    }),
  ),
  git("GIT_CONFIG_COUNT", "git x", {
    environment: { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "alias.x", GIT_CONFIG_VALUE_0: `!${P}` },
  }),
  git("GIT_CONFIG_PARAMETERS", "git x", { environment: { GIT_CONFIG_PARAMETERS: `'alias.x=!${P}'` } }),
  git("GIT_CONFIG_GLOBAL", "git x", {
    environment: { GIT_CONFIG_GLOBAL: "{W}/conf" },
    files: { conf: `[alias]\nx = "!${P}"\n` },
  }),
  git("GIT_CONFIG_SYSTEM", "git x", {
    environment: { GIT_CONFIG_SYSTEM: "{W}/conf" },
    files: { conf: `[alias]\nx = "!${P}"\n` },
  }),
  git("XDG_CONFIG_HOME", "git x", {
    environment: { XDG_CONFIG_HOME: "{W}/xdg" },
    files: { "xdg/git/config": `[alias]\nx = "!${P}"\n` },
  }),
  git("HOME", "git x", { environment: { HOME: "{W}/home" }, files: { "home/.gitconfig": `[alias]\nx = "!${P}"\n` } }),
  git("an included configuration", "git -c include.path={W}/conf x", { files: { conf: `[alias]\nx = "!${P}"\n` } }),
  git("a template of hooks", `git init -q --template={W}/t new && git -C new commit -q --allow-empty -m x`, {
    files: { "t/hooks/pre-commit": "#!/bin/sh\nexec {W}/payload\n" },
    environment: { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" },
  }),
  git(
    "a bare repository in a folder that was cloned",
    `git init -q --bare b && git -C b config core.fsmonitor ${P} && git -C b config core.worktree {W} && git -C b config core.bare false && git --git-dir=b status`,
  ),
  git(
    "a gitdir file",
    `git init -q sub && mv sub/.git gd && printf 'gitdir: {W}/gd' > sub/.git && git -C sub config core.fsmonitor ${P} && git -C sub status`,
  ),
  inert(
    "git: core.worktree of somebody else's folder",
    `git init -q . && git config core.worktree {OTHER} && git status`,
  ),
  inert("git: a gitdir file to somebody else's folder", `printf 'gitdir: {OTHER}' > .git && git status`),
  inert(
    "git: alternates of somebody else's objects",
    `git init -q . && mkdir -p .git/objects/info && printf '{OTHER}\\n' > .git/objects/info/alternates && git fsck`,
  ),
  inert("git: diff of files outside", "git diff --no-index /dev/null {OTHER}/secret"),
  inert("git: grep outside", "git grep --no-index content {OTHER}"),
  inert("git: hash of a file outside", "git hash-object -w {OTHER}/secret"),
  inert("git: a bundle outside", "git bundle verify {OTHER}/secret"),
  inert("git: archive to a file outside", `${REPOSITORY} && git archive -o {CANARY} HEAD`),
  inert("git: clone to a folder outside", `${REPOSITORY} && git clone -q . {CANARY}`),
  inert("git: init outside", "git init -q {CANARY}"),
  inert("git: a submodule with an option for a URL", `${REPOSITORY} && git submodule add -- '--upload-pack=${P}' x`),
  inert("git: a host with an option", `git ls-remote 'ssh://-oProxyCommand=${P}/x'`),
  inert("git: ext:: without leave", `git ls-remote 'ext::${P}'`),
  inert("git: --output outside", `${REPOSITORY} && git diff --output={CANARY}`),
];
