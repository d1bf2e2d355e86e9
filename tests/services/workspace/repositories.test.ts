import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskEventBody } from "../../../contracts/task-event.ts";
import type { Sandbox } from "../../../services/sandbox/sandbox.ts";
import { type RepositoriesWorld, startRepositoriesWorld } from "./repositories-support.ts";

describe("Repositories", () => {
  let world: RepositoriesWorld;
  before(async () => (world = await startRepositoriesWorld()));
  after(() => world[Symbol.asyncDispose]());
  const shop = (...path: string[]) => join(world.workspaceDir, "repos/shop", ...path);
  const codes = (warnings: readonly TaskEventBody[]) =>
    warnings.map((warning) => (warning.type === "warning" ? warning.code : warning.type));
  const ready = (event: TaskEventBody) => {
    assert.equal(event.type, "repository_ready");
    return event;
  };

  it("clones on the first use, as the workspace's user", async () => {
    const { event, warnings } = await world.ensure();
    assert.deepEqual(warnings, []);
    assert.equal(ready(event).action, "cloned");
    assert.match(ready(event).commit, /^[0-9a-f]{40}$/);
    assert.equal(await readFile(shop("README.md"), "utf8"), "first\n");
    if (process.getuid?.() === 0) assert.equal((await stat(shop("README.md"))).uid, world.profile.uid);
    assert.equal(await world.agent("git status --short --branch"), "## main...origin/main");
    assert.equal(await world.agent("git for-each-ref --format='%(refname)' refs/heads"), "refs/heads/main");
  });

  it("fetches ever after, and checks the branch's new commit out", async () => {
    const commit = await world.push("README.md", "second\n");
    const clones = () => world.server.requests.filter((line) => line.startsWith("POST")).length;
    const before = clones();
    const { event, warnings } = await world.ensure();
    assert.deepEqual([ready(event).action, ready(event).commit], ["fetched", commit]);
    assert.deepEqual(warnings, []);
    assert.equal(await readFile(shop("README.md"), "utf8"), "second\n");
    assert.ok(clones() > before);
    const again = await world.ensure();
    assert.equal(ready(again.event).commit, commit);
  });

  it("checks out a branch, a tag, a commit, and comes back to the default branch", async () => {
    const main = await world.push("README.md", "third\n");
    const feature = await world.push("feature.txt", "feature\n", "feature/deep");
    const { event } = await world.ensure({ ref: "feature/deep" });
    assert.equal(ready(event).commit, feature);
    assert.equal(await world.agent("git rev-parse --abbrev-ref HEAD@{upstream}"), "origin/feature/deep");
    const { hostGit } = await import("./repositories-support.ts");
    await hostGit(world.upstream, "tag", "-a", "v1", "-m", "release", main);
    await hostGit(world.upstream, "push", "--quiet", "origin", "v1");
    await hostGit(world.upstream, "checkout", "--quiet", "main");
    assert.equal(ready((await world.ensure({ ref: "v1" })).event).commit, main);
    assert.equal(ready((await world.ensure({ ref: feature })).event).commit, feature);
    assert.equal(ready((await world.ensure({ ref: feature.slice(0, 10) })).event).commit, feature);
    const { event: last, warnings } = await world.ensure();
    assert.equal(ready(last).commit, main);
    assert.deepEqual(warnings, []);
    await assert.rejects(world.ensure({ ref: "nowhere" }), { code: "REPOSITORY_REF_NOT_FOUND" });
    await assert.rejects(world.ensure({ ref: "f".repeat(40) }), { code: "REPOSITORY_REF_NOT_FOUND" });
  });

  it("keeps what an earlier task left uncommitted, tells so, and gives the next one a clean tree", async () => {
    await world.push(".gitignore", "node_modules/\n");
    const taskId = randomUUID();
    await world.ensure({ taskId });
    await world.repositories.releaseTask(world.workspaceId, taskId);
    await world.agent(
      "echo changed > README.md; echo new > 'odd \"name\n'; echo staged > staged; git add staged; mkdir -p node_modules; echo x > node_modules/x",
    );
    const { warnings } = await world.ensure();
    assert.deepEqual(codes(warnings), ["REPOSITORY_LEFT_OVERS_KEPT"]);
    assert.equal(await world.agent("git status --porcelain"), "");
    assert.equal(await readFile(shop("README.md"), "utf8"), "third\n");
    assert.equal(await readFile(shop("node_modules/x"), "utf8"), "x\n");
    const branch = `automatos/left-over-${taskId}`;
    assert.match(JSON.stringify(warnings), new RegExp(branch));
    assert.equal(
      await world.agent(`git show ${branch}:README.md ${branch}:staged ${branch}:'odd \"name\n'`),
      "changed\nstaged\nnew",
    );
    assert.deepEqual((await world.ensure()).warnings, []);
  });

  it("keeps commits that were not pushed, and leaves those alone that were", async () => {
    await world.ensure();
    const lost = await world.agent("git commit -q --allow-empty -m unpushed; git rev-parse HEAD");
    const { warnings } = await world.ensure();
    assert.deepEqual(codes(warnings), ["REPOSITORY_LEFT_OVERS_KEPT"]);
    assert.match(await world.agent(`git branch --contains ${lost}`), /automatos\/left-over-/);

    await world.agent("echo agent > agent.txt; git add -A; git commit -q -m pushed; git push -q origin HEAD:main");
    assert.deepEqual((await world.ensure()).warnings, []);
    assert.equal(await readFile(shop("agent.txt"), "utf8"), "agent\n");
    const { hostGit } = await import("./repositories-support.ts");
    await hostGit(world.upstream, "pull", "--quiet", "--rebase", "origin", "main");
  });

  it("keeps what each attempt of one task left, side by side", async () => {
    const taskId = randomUUID();
    const branch = `automatos/left-over-${taskId}`;
    await world.ensure({ taskId });
    for (const attempt of ["first", "second"]) {
      await world.agent(`echo ${attempt} > attempt.txt`);
      assert.deepEqual(codes((await world.ensure({ taskId })).warnings), ["REPOSITORY_LEFT_OVERS_KEPT"]);
    }
    assert.equal(await world.agent(`git show ${branch}:attempt.txt ${branch}-2:attempt.txt`), "first\nsecond");
  });

  it("copes with more changed files than anybody wants to read about", async () => {
    await world.ensure();
    await world.agent(`i=0; while [ $i -lt 3000 ]; do : > "$(printf '%0200d' $i)"; i=$((i+1)); done; git add -A`);
    const { event, warnings } = await world.ensure();
    assert.deepEqual([ready(event).action, ...codes(warnings)], ["fetched", "REPOSITORY_LEFT_OVERS_KEPT"]);
    assert.equal(await world.agent("git status --porcelain"), "");
  });

  it("takes an empty repository as it is, and its first commit when that comes", async () => {
    const { hostGit } = await import("./repositories-support.ts");
    await hostGit(
      join(world.upstream, "../remotes"),
      "init",
      "--quiet",
      "--bare",
      "--initial-branch=main",
      "empty.git",
    );
    const url = world.url.replace("shop.git", "empty.git");
    const ensure = () =>
      world.repositories.ensure({
        workspaceId: world.workspaceId,
        taskId: randomUUID(),
        repository: { url, name: "empty" },
        sandbox: world.sandbox,
        profile: world.profile,
        signal: new AbortController().signal,
      });
    assert.equal(ready((await ensure()).event).commit, "0".repeat(40));
    assert.equal(ready((await ensure()).event).action, "fetched");
    const commit = await hostGit(world.upstream, "rev-parse", "main");
    await hostGit(world.upstream, "push", "--quiet", url, "main:main");
    assert.equal(ready((await ensure()).event).commit, commit);
    await world.repositories.drop(world.workspaceId, "empty");
  });

  it("follows the server's default branch when that becomes another", async () => {
    const { hostGit } = await import("./repositories-support.ts");
    const bare = join(world.upstream, "../remotes/shop.git");
    const trunk = await world.push("trunk.txt", "trunk\n", "trunk");
    await hostGit(world.upstream, "checkout", "--quiet", "main");
    await hostGit(bare, "symbolic-ref", "HEAD", "refs/heads/trunk");
    assert.equal(ready((await world.ensure()).event).commit, trunk);
    assert.equal(await world.agent("git status --short --branch"), "## trunk...origin/trunk");
    await hostGit(bare, "symbolic-ref", "HEAD", "refs/heads/main");
    assert.notEqual(ready((await world.ensure()).event).commit, trunk);
    assert.equal(await world.agent("git status --short --branch"), "## main...origin/main");
  });

  it("gets out of a merge that was left in the middle", async () => {
    await world.push("conflict.txt", "theirs\n", "other");
    const { hostGit } = await import("./repositories-support.ts");
    await hostGit(world.upstream, "checkout", "--quiet", "main");
    await world.push("conflict.txt", "ours\n");
    await world.ensure();
    await world.agent("git merge origin/other || true; test -f .git/MERGE_HEAD");
    const { warnings } = await world.ensure();
    assert.deepEqual(codes(warnings), ["REPOSITORY_LEFT_OVERS_KEPT"]);
    assert.equal(await readFile(shop("conflict.txt"), "utf8"), "ours\n");
    assert.equal(await world.agent("git status --porcelain; test ! -f .git/MERGE_HEAD"), "");
  });

  it("takes no notice of hooks and settings that an agent put there", async () => {
    await world.ensure();
    await world.agent(
      `for hook in post-checkout pre-auto-gc reference-transaction; do printf '#!/bin/sh\\ntouch /workspace/hooked\\nexit 1\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done
       git config core.fsmonitor 'touch /workspace/monitored'; git config remote.origin.url ext::sh; git config submodule.recurse true`,
    );
    const commit = await world.push("README.md", "fourth\n");
    assert.equal(ready((await world.ensure()).event).commit, commit);
    assert.deepEqual(
      (await readdir(world.workspaceDir)).filter((name) => /hooked|monitored/.test(name)),
      [],
    );
    assert.equal(await world.agent("git config remote.origin.url"), world.url);
  });

  it("repairs what a killed git left: lock files, half packs, half clones", async () => {
    await world.ensure();
    await world.agent(
      "touch .git/index.lock .git/HEAD.lock .git/refs/remotes/origin/main.lock .git/config.lock .git/objects/pack/tmp_pack_x",
    );
    const commit = await world.push("README.md", "fifth\n");
    const { event, warnings } = await world.ensure();
    assert.deepEqual([ready(event).commit, warnings], [commit, []]);
    await assert.rejects(stat(shop(".git/objects/pack/tmp_pack_x")), { code: "ENOENT" });

    await mkdir(join(world.workspaceDir, "repos/.clone-0123456789ab-shop"));
    await world.volume.recover(async () => false);
    assert.deepEqual(await readdir(join(world.workspaceDir, "repos")), ["shop"]);
  });

  for (const [what, damage] of [
    ["whose objects are gone", "rm -rf .git/objects/* .git/packed-refs"],
    ["without .git", "rm -rf .git; echo precious > kept"],
    ["whose .git is a link to nowhere", "rm -rf .git; ln -s /nowhere .git"],
    ["whose configuration is broken", "echo '[[[' > .git/config"],
    ["whose refs are rubbish", "echo rubbish > .git/HEAD"],
  ] as const) {
    it(`clones anew a repository ${what}, and removes nothing`, async () => {
      await world.ensure();
      await world.agent(damage);
      const { event, warnings } = await world.ensure();
      assert.equal(ready(event).action, "cloned");
      assert.deepEqual(codes(warnings), ["REPOSITORY_REPLACED"]);
      const names = await readdir(join(world.workspaceDir, "repos"));
      assert.equal(names.filter((name) => name.startsWith("shop.broken-")).length, 1);
      for (const name of names.filter((other) => other !== "shop"))
        await world.repositories.drop(world.workspaceId, name);
    });
  }

  it("is not led out of the workspace by a link in the repository's place", async () => {
    const outside = join(world.rootDir, "..", "outside");
    await mkdir(outside);
    await rm(shop(), { recursive: true });
    await symlink(outside, shop());
    const { event, warnings } = await world.ensure();
    assert.equal(ready(event).action, "cloned");
    assert.deepEqual(codes(warnings), ["REPOSITORY_REPLACED"]);
    assert.deepEqual(await readdir(outside), []);
    assert.ok((await stat(shop())).isDirectory());
  });

  it("leaves no half clone when it is stopped in the middle, and works the next time", async () => {
    await world.repositories.drop(world.workspaceId, "shop");
    const stop = new AbortController();
    const stopping: Sandbox = {
      ...world.sandbox,
      kind: world.sandbox.kind,
      run: (profile, command) => {
        const running = world.sandbox.run(profile, command);
        stop.abort("cancelled");
        return running;
      },
    };
    await assert.rejects(world.ensure({ signal: stop.signal, sandbox: stopping }), (error) => error === "cancelled");
    await assert.rejects(stat(shop()), { code: "ENOENT" });
    const { event } = await world.ensure();
    assert.equal(ready(event).action, "cloned");
  });

  it("changes nothing under a task that runs, but fetches and says so", async () => {
    const first = randomUUID();
    world.live.add(first);
    await world.ensure({ taskId: first });
    await world.agent("echo busy > busy.txt");
    const commit = await world.push("README.md", "sixth\n");
    const { event, warnings } = await world.ensure();
    assert.equal(ready(event).action, "fetched");
    assert.notEqual(ready(event).commit, commit);
    assert.deepEqual(codes(warnings), ["REPOSITORY_IN_USE"]);
    assert.equal(await readFile(shop("busy.txt"), "utf8"), "busy\n");
    assert.equal(await world.agent("git rev-parse origin/main"), commit);
    await assert.rejects(world.repositories.drop(world.workspaceId, "shop"), { code: "REPOSITORY_IN_USE" });

    world.live.delete(first); // it crashed: nobody released it
    const next = await world.ensure();
    assert.equal(ready(next.event).commit, commit);
    assert.deepEqual(codes(next.warnings), ["REPOSITORY_LEFT_OVERS_KEPT"]);
  });

  it("lets tasks that want one repository at once take turns", async () => {
    await world.repositories.drop(world.workspaceId, "shop");
    const all = await Promise.all([world.ensure(), world.ensure(), world.ensure()]);
    assert.deepEqual(all.map(({ event }) => ready(event).action).sort(), ["cloned", "fetched", "fetched"]);
  });

  it("tells a server that cannot be reached from a repository that is broken", async () => {
    await world.ensure();
    const elsewhere = world.url.replace("/shop.git", "/missing.git");
    await assert.rejects(world.ensure({ url: elsewhere }), { code: "REPOSITORY_UNREACHABLE" });
    await assert.rejects(world.ensure({ url: "http://refused.test/shop.git" }), (error: Error & { remedy: string }) => {
      assert.match(error.message, /403/);
      assert.match(error.remedy, /egress add [0-9a-f-]+ refused\.test/);
      return true;
    });
    assert.deepEqual(await readdir(join(world.workspaceDir, "repos")).then((names) => names.includes("shop")), true);
    assert.deepEqual((await world.ensure()).warnings, []);
  });

  for (const url of [
    "ext::sh -c touch% /tmp/x",
    "file:///etc",
    "ssh://git@example.com/x.git",
    "git@example.com:x.git",
    "/etc",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x",
    "http://user:secret@example.com/x.git",
    "https://secret@example.com/x.git",
    "http://exam\nple.com/",
    "http://example.com/x.git#main",
    "http:\\\\example.com\\x",
    "",
  ]) {
    it(`refuses ${JSON.stringify(url)} without repeating it`, async () => {
      await assert.rejects(world.ensure({ url }), (error: Error & { code?: string }) => {
        assert.equal(error.code, "REPOSITORY_URL_REFUSED");
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
  }

  it("lists what is cached with its size, and drops it", async () => {
    await world.ensure();
    await mkdir(join(world.workspaceDir, "repos/made by an agent"));
    await writeFile(join(world.workspaceDir, "repos/made by an agent/file"), Buffer.alloc(100_000, 1));
    const listed = await world.repositories.list(world.workspaceId);
    const own = listed.find(({ name }) => name === "made by an agent");
    assert.equal(own?.url, null);
    assert.ok(own.sizeBytes >= 100_000);
    assert.equal(listed.find(({ name }) => name === "shop")?.url, world.url);
    for (const { name } of listed) await world.repositories.drop(world.workspaceId, name);
    assert.deepEqual(await world.repositories.list(world.workspaceId), []);
    for (const name of ["shop", "", ".", "..", "../artifacts", "a/b"]) {
      await assert.rejects(world.repositories.drop(world.workspaceId, name), { code: "REPOSITORY_NOT_FOUND" });
    }
    await world.ensure();
  });
});
