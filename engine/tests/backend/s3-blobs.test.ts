import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseBucketUrl } from "../../src/backend/blobs/bucket-url.ts";
import { S3Blobs } from "../../src/backend/blobs/s3-blobs.ts";
import { lockStack } from "../../src/backend/lock.ts";
import { omit } from "../../src/backend/records.ts";
import { Sandbox } from "../support/pulumi.ts";
import { missingForS3Server, startS3Server, type S3Server } from "../support/s3-server.ts";
import { describeBlobStore } from "./blob-store.contract.ts";

const skip = missingForS3Server();

describe("an S3-compatible bucket", { skip }, () => {
  let server: S3Server;
  before(async () => {
    server = await startS3Server();
    Object.assign(process.env, server.env);
  });
  after(() => server.stop());

  const open = async (url: string): Promise<S3Blobs> => S3Blobs.open(parseBucketUrl(url, process.env));

  // the stack below goes to a bucket's root
  describeBlobStore("a folder of a bucket", async () => open((await server.newBucket()).replace("?", "/teams/one?")));

  it("holds one lock of a stack at most", async () => {
    const blobs = await open(await server.newBucket());
    const asked = await Promise.allSettled(
      Array.from({ length: 6 }, () => lockStack(blobs, "locks", (message) => assert.fail(message))),
    );
    assert.ok(asked.filter(({ status }) => status === "fulfilled").length <= 1);
    for (const outcome of asked) if (outcome.status === "fulfilled") await outcome.value.release();
    const lock = await lockStack(blobs, "locks", (message) => assert.fail(message));
    await assert.rejects(
      lockStack(blobs, "locks", (message) => assert.fail(message)),
      {
        code: "STACK_LOCKED",
        message: new RegExp(`s3://state-.*/locks/.*created by .*pid ${process.pid}`),
      },
    );
    await lock.release();
  });

  it("says what is wrong with a bucket that is not there, and with credentials that are refused", async () => {
    const missing = await open((await server.newBucket()).replace("//state", "//nowhere"));
    await assert.rejects(missing.read("a"), {
      code: "STATE_STORE",
      message: /could not read s3:\/\/nowhere-.*NoSuchBucket/,
    });
    const sandbox = await Sandbox.create({
      env: { ...server.env, AWS_SECRET_ACCESS_KEY: "wrong", PULUMI_BACKEND_URL: await server.newBucket() },
    });
    try {
      const refused = await sandbox.run("stack init dev");
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /error: could not read s3:\/\/state-.*SignatureDoesNotMatch/);
      assert.match(refused.stderr, /AWS credentials/);
    } finally {
      await sandbox.remove();
    }
  });

  it("carries a stack from init to rm, in Pulumi's layout", async () => {
    const url = await server.newBucket();
    const program = `
      const pulumi = require("@pulumi/pulumi");
      class Thing extends pulumi.dynamic.Resource {
        constructor(name, args) {
          super({ create: async (inputs) => ({ id: name, outs: inputs }), delete: async () => {} }, name, args);
        }
      }
      exports.n = new Thing("thing", { n: 4 }).urn; exports.hidden = pulumi.secret("s3cret");`;
    const sandbox = await Sandbox.create({ program, env: { ...server.env, PULUMI_BACKEND_URL: "" } });
    try {
      assert.match(await sandbox.succeed(["login", url]), /Logged in to .* as .* \(s3:\/\/state-/);
      await sandbox.succeed("stack init dev");
      await sandbox.succeed("up --yes");
      assert.match(await sandbox.succeed("stack output n"), /urn:pulumi:dev::sample::/);
      await sandbox.succeed("up --yes --expect-no-changes");
      const blobs = await open(url);
      const keys = (await blobs.list(".pulumi")).map((key) => key.replace(/\d{19}/, "<time>"));
      assert.deepEqual(
        [...new Set(keys)],
        [
          ".pulumi/backups/sample/dev/dev.<time>.json",
          ".pulumi/history/sample/dev/dev-<time>.checkpoint.json",
          ".pulumi/history/sample/dev/dev-<time>.history.json",
          ".pulumi/meta.yaml",
          ".pulumi/stacks/sample/dev.json",
          ".pulumi/stacks/sample/dev.json.bak",
        ],
      );
      assert.equal((await blobs.read(".pulumi/stacks/sample/dev.json"))?.includes("s3cret"), false);
      assert.match(await sandbox.succeed("stack history --json"), /"kind": "update"/);
      await sandbox.succeed("stack rename prod");
      assert.equal((JSON.parse(await sandbox.succeed("stack ls --json")) as { name: string }[])[0]?.name, "prod");
      await sandbox.succeed("destroy --yes --remove");
      assert.deepEqual(JSON.parse(await sandbox.succeed("stack ls --json")), []);
      await sandbox.succeed("logout");
    } finally {
      await sandbox.remove();
    }
  });
});

describe("the URL of a bucket", () => {
  it("gives the client what Pulumi's own would get of it", () => {
    const { bucket, prefix, config } = parseBucketUrl(
      "s3://my.bucket/a/b?region=eu-west-1&endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true&awssdk=v2",
      {},
    );
    assert.deepEqual([bucket, prefix], ["my.bucket", "a/b/"]);
    assert.deepEqual(omit(config, "signer"), {
      region: "eu-west-1",
      endpoint: "http://minio:9000",
      forcePathStyle: true,
    });
    assert.equal(parseBucketUrl("s3://b?endpoint=https://x", { AWS_REGION: "r" }).config.region, "r");
  });

  it("is refused where it says what cannot be done", () => {
    assert.throws(() => parseBucketUrl("s3://", {}), /is no URL of a bucket/);
    assert.throws(() => parseBucketUrl("s3://b?disableSSL=perhaps", {}), /'perhaps' is no value of disableSSL/);
    assert.throws(() => parseBucketUrl("s3://b?kmskeyid=x", {}), /does not support the parameter 'kmskeyid'/);
  });
});
