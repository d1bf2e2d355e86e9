// Which Node runs this project's TypeScript. Free of dependencies: setup and the launcher need it before all else.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
/** Where Node 24 is put on a machine whose own is too old. */
export const OWN_NODE_DIR = path.join(ROOT, ".automatos", "node");

/** 22.18 is the first release that runs TypeScript without a flag; undici asks for 22.19. */
const runsTypeScript = (version) => {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 19);
};

/** The program of a Node that can run this project: the one that runs this script, else our own. Undefined: neither. */
export function findNode() {
  if (runsTypeScript(process.version)) return process.execPath;
  const own = path.join(
    OWN_NODE_DIR,
    "node_modules",
    "node",
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (!existsSync(own)) return undefined;
  const answer = spawnSync(own, ["--version"], { encoding: "utf8" });
  return answer.status === 0 && runsTypeScript(answer.stdout.trim()) ? own : undefined;
}
