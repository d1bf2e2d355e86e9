// The door for tests and checks: `npm run check` (all checks and the tests of the parts) and `npm test` (these and the
// end-to-end tests). Ends with the line `N passed, N failed`. Arguments: --all, --tests-only, --bail, or test files.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

interface Tally {
  passed: number;
  failed: number;
  skipped: string[];
  failures: string[];
}

const ROOT = path.resolve(import.meta.dirname, "..");
const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith("--")));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

/** Each is one row of the closing count. The command's output is shown only when it fails. */
const CHECKS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ["format", "prettier", ["--check", "--log-level=warn", "."]],
  ["types", "tsc", ["-p", "."]],
  ["lint", "eslint", ["--cache", "--cache-location", "node_modules/.cache/eslint/", "."]],
  ["imports", "depcruise", ["--config", ".dependency-cruiser.cjs", "--output-type", "err", "."]],
  ["dead code", "knip", []],
  ["reference is up to date", process.execPath, ["scripts/generate-reference.ts", "--check"]],
];

/** A whole file of tests may take so long. Far above what any takes: it ends a hang, it times nothing. */
const FILE_TIMEOUT_MS = 1_200_000;

function runCheck(command: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function runChecks(tally: Tally): Promise<void> {
  for (const [name, command, args] of CHECKS) {
    const startedAt = performance.now();
    const { ok, output } = await runCheck(command, args);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    process.stdout.write(`${ok ? "✔" : "✖"} ${name} (${seconds} s)\n${ok ? "" : output}`);
    if (ok) tally.passed += 1;
    else {
      tally.failed += 1;
      tally.failures.push(name);
    }
  }
}

async function runTests(files: string[], tally: Tally): Promise<void> {
  const stream = run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS, cwd: ROOT });
  stream.on("test:pass", (event) => {
    if (event.skip !== undefined && event.skip !== false) tally.skipped.push(`${event.name}: ${String(event.skip)}`);
    else if (event.details.type !== "suite") tally.passed += 1;
  });
  stream.on("test:fail", (event) => {
    if (event.details.type === "suite") return; // its failed tests are counted
    tally.failed += 1;
    tally.failures.push(`${event.name} (${path.relative(ROOT, event.file ?? "")}:${event.line ?? 0})`);
  });
  const reporter = stream.compose(spec);
  reporter.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => reporter.on("end", resolve).on("error", reject));
}

/** What tests run against or with, installed by these programs. */
const TEST_TOOLS = [
  "tests/support/schemathesis/schemathesis.ts",
  "tests/support/cluster/build.ts",
  "tests/support/docker/build-images.ts",
  "engine/tests/support/s3-server.ts",
];

/** One after the other: each takes all the cores that there are. Where Go or Python is not there it says what is missing. */
async function installTestTools(tally: Tally): Promise<void> {
  for (const script of TEST_TOOLS) {
    const { ok, output } = await runCheck(process.execPath, [script]);
    if (ok) continue;
    tally.failed += 1;
    tally.failures.push(`${script} could not install what it is for`);
    process.stdout.write(`✖ ${script}\n${output}`);
  }
}

const partTests = () =>
  globSync(["tests/**/*.test.ts", "engine/tests/**/*.test.ts", "engine-providers/*/tests/**/*.test.ts"], {
    cwd: ROOT,
  }).filter((file) => !file.startsWith("tests/e2e/"));
const endToEndTests = () => globSync("tests/e2e/**/*.test.ts", { cwd: ROOT });

const tally: Tally = { passed: 0, failed: 0, skipped: [], failures: [] };
// Servers that tests build from Go modules take a quarter of an hour of one core on a machine that never did, seconds
// after. It is done beside the checks; a test file has no time for that.
const installs = named.length > 0 ? undefined : installTestTools(tally);
if (named.length === 0 && !flags.has("--tests-only")) await runChecks(tally);
await installs;
const files = named.length > 0 ? named : [...partTests(), ...(flags.has("--all") ? endToEndTests() : [])];
await runTests(files.map((file) => path.resolve(ROOT, file)).sort(), tally);

for (const skipped of tally.skipped) process.stdout.write(`SKIPPED ${skipped}\n`);
for (const failure of tally.failures) process.stdout.write(`FAILED ${failure}\n`);
const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : "";
process.stdout.write(`\n${tally.passed} passed, ${tally.failed} failed${skipped}\n`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
