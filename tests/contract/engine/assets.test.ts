import { createHash } from "node:crypto";
import { describeRows } from "./support/describe-rows.ts";
import { up } from "./support/row.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describeRows("assets and archives", {
  "an asset of text is known by its hash": {
    program: ({ Thing, pulumi }, version) => {
      new Thing("a", { blob: new pulumi.asset.StringAsset(version < 3 ? "hello" : "goodbye") });
    },
    run: [
      up({ state: { a: { inputs: { n: 1, blob: { is: "asset", text: "hello", hash: sha256("hello") } } } } }),
      up({ version: 2, steps: ["same a"] }),
      up({ version: 3, ledger: ["update a"] }),
    ],
  },

  "an asset of a file changes when what is in the file does": {
    program: ({ Thing, pulumi, file }, version) => {
      new Thing("a", { blob: new pulumi.asset.FileAsset(file("data.txt", version < 3 ? "one" : "two")) });
    },
    run: [
      up({ state: { a: { inputs: { n: 1, blob: { is: "asset", path: "data.txt", hash: sha256("one") } } } } }),
      up({ version: 2, steps: ["same a"] }),
      up({
        version: 3,
        ledger: ["update a"],
        state: { a: { inputs: { n: 1, blob: { is: "asset", path: "data.txt", hash: sha256("two") } } } },
      }),
    ],
  },

  "the same content at another path is a change": {
    program: ({ Thing, pulumi, file }, version) => {
      new Thing("a", { blob: new pulumi.asset.FileAsset(file(`data-${version}.txt`, "one")) });
    },
    run: [up(), up({ version: 2, ledger: ["update a"] })],
  },

  "an archive of assets changes with any of them": {
    program: ({ Thing, pulumi, file }, version) => {
      const archive = new pulumi.asset.AssetArchive({
        "a.txt": new pulumi.asset.StringAsset("hello"),
        "sub/b.txt": new pulumi.asset.FileAsset(file("b.txt", version < 3 ? "one" : "two")),
      });
      new Thing("a", { blob: archive });
    },
    run: [up(), up({ version: 2, steps: ["same a"] }), up({ version: 3, ledger: ["update a"] })],
  },

  "an asset that is not there fails the update": {
    program: ({ Thing, pulumi }) => {
      new Thing("a", { blob: new pulumi.asset.FileAsset("missing.txt") });
    },
    run: [up({ fails: /missing\.txt/, ledger: [], state: {} })],
  },
});
