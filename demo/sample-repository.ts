import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const REPOSITORY = "price-list";

const PACKAGE = JSON.stringify(
  { name: REPOSITORY, version: "1.0.0", type: "module", scripts: { test: "node --test" } },
  null,
  2,
);
const README = "# price-list\n\nPrices in cents, so that sums are exact.\n";
const SOURCE_V1 = `/** The sum of all prices, in cents. */
export function total(prices) {
  return prices.reduce((sum, price) => sum + price, 0);
}
`;
const BROKEN_DISCOUNT = `
/** A price after a discount in percent, rounded to whole cents. */
export function discounted(price, percent) {
  return Math.round(price - percent);
}
`;
const FIXED_DISCOUNT = BROKEN_DISCOUNT.replace("price - percent", "price * (1 - percent / 100)");
const TEST_V1 = `import assert from "node:assert/strict";
import { test } from "node:test";
import { total } from "../src/prices.js";

test("adds prices", () => assert.equal(total([100, 250]), 350));
`;
const TEST_V2 = `${TEST_V1.replace("{ total }", "{ discounted, total }")}
test("takes a percentage off", () => assert.equal(discounted(2_000, 25), 1_500));
`;

/** A small project with history whose last commit brought a failing test. */
export interface SampleRepository {
  /** Folder to serve: holds `<name>.git`. */
  readonly rootDir: string;
  readonly name: string;
  /** The file to mend, below the repository, and what it must hold for the tests to pass. */
  readonly brokenFile: string;
  readonly fixedContent: string;
  /** Subjects of the commits on `main`, newest first. */
  log(): string[];
}

/** Makes the bare repository `<rootDir>/price-list.git` anew, with three commits by two people. */
export function makeSampleRepository(rootDir: string): SampleRepository {
  const bare = path.join(rootDir, `${REPOSITORY}.git`);
  const checkout = mkdtempSync(path.join(tmpdir(), "automatos-sample-"));
  const environment = { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", HOME: checkout };
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: checkout, env: environment, encoding: "utf8", stdio: "pipe" });
  const commit = (author: string, subject: string, files: Record<string, string>) => {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(checkout, file)), { recursive: true });
      writeFileSync(path.join(checkout, file), content);
    }
    git("add", "--all");
    git(
      "-c",
      `user.name=${author}`,
      "-c",
      `user.email=${author.toLowerCase()}@example.com`,
      "commit",
      "--quiet",
      "--message",
      subject,
    );
  };
  try {
    git("init", "--quiet", "--initial-branch=main");
    commit("Ada", "Add the project", { "package.json": `${PACKAGE}\n`, "README.md": README });
    commit("Ada", "Sum prices", { "src/prices.js": SOURCE_V1, "test/prices.test.js": TEST_V1 });
    commit("Linus", "Discounts, with a test that fails", {
      "src/prices.js": SOURCE_V1 + BROKEN_DISCOUNT,
      "test/prices.test.js": TEST_V2,
    });
    rmSync(bare, { recursive: true, force: true });
    mkdirSync(rootDir, { recursive: true });
    git("clone", "--quiet", "--bare", checkout, bare);
  } finally {
    rmSync(checkout, { recursive: true, force: true });
  }
  return {
    rootDir,
    name: REPOSITORY,
    brokenFile: "src/prices.js",
    fixedContent: SOURCE_V1 + FIXED_DISCOUNT,
    log: () =>
      execFileSync("git", ["--git-dir", bare, "log", "--format=%s", "main"], { env: environment, encoding: "utf8" })
        .trim()
        .split("\n"),
  };
}
