#!/usr/bin/env node
// What a fresh machine needs before any verb can run: packages, a Node that runs TypeScript, the sandbox's programs.
// Free of dependencies and of TypeScript: it runs before either is there. Does nothing, in milliseconds, when all is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findNode, OWN_NODE_DIR, ROOT } from "./node-version.mjs";

const forTests = process.argv.includes("--for-tests");
const say = (text) => process.stderr.write(`setup: ${text}\n`);
const fail = (text) => {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
};

/** Runs npm by the very program that runs this script, so that the machine's npm and its configuration are used. */
function npm(args, cwd, what) {
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const run = spawnSync(command, [...first, ...args], {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32" && command === "npm",
    // The settings of an outer `npm start` (its prefix, its package) must not steer this one.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([key]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(key)),
    ),
  });
  if (run.status !== 0) {
    fail(`${what} failed (npm ${args.join(" ")}, exit ${run.status ?? run.signal}); npm's own words are above.`);
  }
}

/** What runs the project, and beside it what checks and tests it: the SDKs of whole clouds are among that. */
function installPackages() {
  const stamp = path.join(ROOT, "node_modules", ".automatos-lock");
  const hash = createHash("sha256")
    .update(readFileSync(path.join(ROOT, "package-lock.json")))
    .digest("hex");
  const [installed, extent] = existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
  if (installed === hash && (extent === "all" || !forTests)) return;
  const all = forTests || extent === "all";
  const why = installed === undefined || installed === hash ? "" : ": package-lock.json has changed";
  say(`installing packages (npm ci, ${all ? "about a minute" : "about half a minute"})${why} ...`);
  npm(
    ["ci", ...(all ? [] : ["--omit=dev"]), "--no-audit", "--no-fund", "--loglevel=error"],
    ROOT,
    "installing packages",
  );
  writeFileSync(stamp, `${hash} ${all ? "all" : "run"}`);
}

function installNode() {
  if (findNode() !== undefined) return;
  say(`this machine's Node is ${process.version}; bringing Node 24 into .automatos/node (about 10 s) ...`);
  mkdirSync(OWN_NODE_DIR, { recursive: true });
  writeFileSync(
    path.join(OWN_NODE_DIR, "package.json"),
    JSON.stringify({ private: true, dependencies: { node: "^24.0.0" }, allowScripts: { node: true } }),
  );
  npm(["install", "--no-audit", "--no-fund", "--loglevel=error"], OWN_NODE_DIR, "bringing Node 24");
  if (findNode() === undefined) {
    fail(
      `the npm package "node" gave no Node that runs here (${process.platform}-${process.arch}). ` +
        "Install Node 22.18 or newer by hand and run the same command again.",
    );
  }
}

/** Programs on PATH by the Debian package that brings them. */
const SANDBOX_PROGRAMS = {
  bwrap: "bubblewrap",
  socat: "socat",
  setpriv: "util-linux",
  prlimit: "util-linux",
  git: "git",
};
const TEST_PROGRAMS = { ip: "iproute2" };

const onPath = (program) =>
  [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/sbin"].some(
    (dir) => dir && existsSync(path.join(dir, program)),
  );

function installSandbox() {
  if (process.platform !== "linux") {
    say(
      `${process.platform} has no sandbox: everything but execute_command and the repositories of a task (git runs inside it) works. ` +
        "A Linux VM, or the pilot phase on Docker, has one.",
    );
    return;
  }
  const wanted = { ...SANDBOX_PROGRAMS, ...(forTests ? TEST_PROGRAMS : {}) };
  const missing = [...new Set(Object.entries(wanted).flatMap(([program, name]) => (onPath(program) ? [] : [name])))];
  if (missing.length === 0) return;
  if (process.env.AUTOMATOS_SANDBOX === "none" && !forTests) {
    say(`AUTOMATOS_SANDBOX=none: commands will run bare, for development only (${missing.join(", ")} not installed).`);
    return;
  }
  const install = `apt-get update && apt-get install -y ${missing.join(" ")}`;
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    fail(
      `the sandbox needs ${missing.join(", ")}. Install with: ${onPath("apt-get") ? `sudo sh -c '${install}'` : `your package manager: ${missing.join(" ")}`}`,
    );
  }
  say(`installing ${missing.join(", ")} with apt-get (about 15 s) ...`);
  const run = spawnSync(
    "sh",
    ["-c", install.replace("apt-get update", "apt-get update -qq").replace("install -y", "install -y -qq")],
    {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    },
  );
  if (run.status !== 0)
    fail(
      `apt-get could not install ${missing.join(", ")}:\n${run.stderr}\nInstall them and run the same command again.`,
    );
}

if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or newer is needed; this is ${process.version}.`);
installPackages();
installNode();
installSandbox();
