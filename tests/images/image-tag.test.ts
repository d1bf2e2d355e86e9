import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { buildArguments } from "../../components/images/build-options.ts";
import { isPinned } from "../../contracts/image-ref.ts";
import { namedPackages, reduceLock, type PackageLock } from "../../components/images/build/locked-packages.ts";
import { SERVICE_IMAGES, SERVICE_NAMES } from "../../components/images/definitions.ts";
import { imageTag } from "../../components/images/image-tag.ts";
import { workerSecurity } from "../../components/images/worker-security.ts";
import { DENIED_SYSCALLS } from "../../services/sandbox/seccomp-table.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

describe("images as data", () => {
  it("have a tag that changes with the arguments, and with nothing else", () => {
    const tag = imageTag(ROOT, "api", { BASE_IMAGE: "a", NODE_VERSION: "1" });
    assert.match(tag, /^[0-9a-f]{16}$/);
    assert.equal(imageTag(ROOT, "api", { NODE_VERSION: "1", BASE_IMAGE: "a" }), tag);
    assert.notEqual(imageTag(ROOT, "api", { BASE_IMAGE: "b", NODE_VERSION: "1" }), tag);
    assert.notEqual(imageTag(ROOT, "gateway", { BASE_IMAGE: "a", NODE_VERSION: "1" }), tag);
  });

  it("get the arguments that their Dockerfile knows, each of which has a default there", () => {
    for (const service of SERVICE_NAMES) {
      const { dockerfile, buildArguments: known } = SERVICE_IMAGES[service];
      const text = readFileSync(path.join(ROOT, dockerfile), "utf8");
      const declared = new Set([...text.matchAll(/^ARG ([A-Z_]+)=/gm)].map(([, name]) => name));
      assert.deepEqual([...declared].sort(), [...known].sort(), dockerfile);
    }
    const given = { BASE_IMAGE: "b", NODE_TOOLS: "" };
    assert.deepEqual(buildArguments("api", { arguments: given }), { BASE_IMAGE: "b" });
    assert.deepEqual(buildArguments("worker", { arguments: given }), given);
  });

  it("are pinned by a digest alone", () => {
    assert.ok(isPinned(`debian@sha256:${"0".repeat(64)}`));
    for (const ref of ["debian", "debian:12", "debian@sha256:0", `sha256:${"0".repeat(64)}`])
      assert.ok(!isPinned(ref), ref);
  });

  it("share their first steps word for word, so that one build of them serves all", () => {
    const shared = SERVICE_NAMES.map((service) => {
      const text = readFileSync(path.join(ROOT, SERVICE_IMAGES[service].dockerfile), "utf8");
      return text.slice(text.indexOf("FROM"), text.indexOf("RUN /opt/node"));
    });
    assert.equal(new Set(shared).size, 1);
  });

  it("have the packages that a source names, with all that these need", () => {
    const dependencies = { ai: "1", "@a/b": "1", pg: "1", ws: "1" };
    const source = 'import pg from "pg"; require("@a/b/sub.js"); const x = "wss";';
    assert.deepEqual(namedPackages(source, dependencies), ["@a/b", "pg"]);
    const lock: PackageLock = {
      ...{ name: "x", version: "1", lockfileVersion: 3, requires: true },
      packages: {
        "": { dependencies },
        "node_modules/pg": {
          dependencies: { deep: "1" },
          optionalDependencies: { absent: "1" },
          peerDependencies: { ws: "1" },
        },
        "node_modules/pg/node_modules/deep": { dependencies: { ai: "1" } },
        "node_modules/deep": {},
        "node_modules/ai": {},
        "node_modules/ws": {},
        "node_modules/@a/b": {},
      },
    };
    const kept = Object.keys(reduceLock(lock, ["pg"]).packages).sort();
    assert.deepEqual(kept, [
      "",
      "node_modules/ai",
      "node_modules/pg",
      "node_modules/pg/node_modules/deep",
      "node_modules/ws",
    ]);
    assert.throws(() => reduceLock(lock, ["zod"]), /package-lock.json has no zod, which the service needs/);
  });

  it("let a worker's container make a sandbox's calls, and no other that a sandbox is refused", () => {
    const profile = JSON.parse(readFileSync(path.join(ROOT, workerSecurity.seccompFile), "utf8")) as {
      defaultAction: string;
      syscalls: { names: string[]; action: string }[];
    };
    assert.equal(profile.defaultAction, "SCMP_ACT_ERRNO");
    const allowed = new Set(
      profile.syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW").flatMap(({ names }) => names),
    );
    const opened = Object.keys(DENIED_SYSCALLS).filter((name) => allowed.has(name));
    assert.deepEqual(opened.sort(), ["mount", "pivot_root", "sethostname", "umount2"]);
    for (const name of ["clone", "unshare", "execve", "openat", "futex"]) assert.ok(allowed.has(name), name);
  });
});
