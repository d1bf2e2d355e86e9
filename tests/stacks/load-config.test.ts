import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { ComposeConfig } from "../../contracts/pilot-config.ts";
import { LocalConfig } from "../../contracts/stack-config.ts";
import { loadConfig } from "../../stacks/load-config.ts";
import { notBuiltYet } from "../../stacks/not-built-yet.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

function load(settings: unknown, environment: Record<string, string> = {}) {
  pulumi.runtime.setAllConfig({ "automatos:settings": JSON.stringify(settings) });
  return loadConfig(new pulumi.Config("automatos"), environment);
}

const isRunError = (error: unknown, ...words: readonly string[]) => {
  assert.ok(pulumi.RunError.isInstance(error));
  for (const word of words) assert.ok(error.message.includes(word), `${word} is missing in: ${error.message}`);
  return true;
};

describe("the stack's configuration", () => {
  before(() =>
    pulumi.runtime.setMocks(
      { newResource: ({ name }) => ({ id: name, state: {} }), call: () => ({}) },
      "automatos",
      "dev",
    ),
  );

  it("has defaults for everything but the phase", () => {
    const config = load({ phase: "local" });
    assert.deepEqual(config, LocalConfig.parse({ phase: "local" }));
  });

  it("is, in Pulumi.dev.yaml, every key with its default", () => {
    const file = parse(readFileSync(path.join(ROOT, "Pulumi.dev.yaml"), "utf8")) as {
      config: { "automatos:settings": Record<string, unknown> };
    };
    const settings = file.config["automatos:settings"];
    assert.deepEqual(settings, LocalConfig.parse({ phase: "local" }));
  });

  it("tells all its mistakes together, where they are and where to look", () => {
    assert.throws(
      () => load({ phase: "local", ports: { api: 70_000, apis: 1 }, workers: "two", egressRule: [] }),
      (error) =>
        isRunError(
          error,
          "Pulumi.dev.yaml",
          "ports.api",
          '"apis"',
          "workers",
          '"egressRule"',
          "docs/reference/config.md",
        ),
    );
  });

  it("tells which phases there are when it names another", () => {
    assert.throws(
      () => load({ phase: "lokal" }),
      (error) => isRunError(error, "phase"),
    );
    assert.throws(() => load(undefined));
  });

  for (const phase of ["scale", "dedicated", "byoc", "airgapped"]) {
    it(`knows phase ${phase}, and says that it is not built yet and what works`, () => {
      assert.equal(load({ phase, customer: "acme" }).phase, phase);
      assert.throws(
        () => notBuiltYet(phase),
        (error) => isRunError(error, `phase ${phase} is known and not built yet`, "phase: local"),
      );
    });
  }

  it("takes the pilot's, on one Docker host, and is in Pulumi.pilot.yaml every key with its default but for tags", () => {
    const file = parse(readFileSync(path.join(ROOT, "Pulumi.pilot.yaml"), "utf8")) as {
      config: { "automatos:settings": Record<string, unknown> };
    };
    const settings = file.config["automatos:settings"];
    const given = { phase: "pilot", target: "compose", images: { requireDigests: false } } as const;
    assert.deepEqual(settings, ComposeConfig.parse(given));
    assert.deepEqual(load(given), settings);
  });

  it("refuses the pilot's images that are named without digests, each with the way out", () => {
    const digest = `@sha256:${"0".repeat(64)}`;
    const images = { base: `ubuntu:24.04${digest}`, postgres: "postgres:18", redis: `redis:8${digest}` };
    assert.throws(
      () => load({ phase: "pilot", target: "compose", images }),
      (error) => isRunError(error, "postgres:18 has no digest", "requireDigests: false", "images.postgres"),
    );
    const services = { api: "api:1", gateway: `g${digest}`, worker: `w${digest}`, migrate: `m${digest}` };
    assert.throws(
      () => load({ phase: "pilot", target: "compose", images: { ...images, postgres: `p${digest}`, services } }),
      (error) => isRunError(error, "api:1 has no digest", "images.services.api"),
    );
    assert.throws(
      () => load({ phase: "pilot", target: "swarm" }),
      (error) => isRunError(error, "target", "compose", "railway"),
    );
  });

  it("has its sandbox overridden by AUTOMATOS_SANDBOX in the local phase, and only by a kind that exists", () => {
    const none = load({ phase: "local" }, { AUTOMATOS_SANDBOX: "none" });
    assert.ok(none.phase === "local" && none.sandbox === "none");
    const unset = load({ phase: "local" }, { AUTOMATOS_SANDBOX: "" });
    assert.ok(unset.phase === "local" && unset.sandbox === "bubblewrap");
    assert.throws(
      () => load({ phase: "local" }, { AUTOMATOS_SANDBOX: "off" }),
      (error) => isRunError(error, "sandbox"),
    );
    assert.equal(load({ phase: "scale" }, { AUTOMATOS_SANDBOX: "none" }).phase, "scale");
  });
});
