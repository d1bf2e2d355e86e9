import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readKubeconfig } from "../src/kubeconfig.ts";
import { rehearsalPlace } from "../src/rehearsal-folder.ts";
import { fits, readSettings } from "../src/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "rehearsal-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("the rehearsal's configuration", () => {
  it("has defaults, and paths from its own folder", () => {
    const settings = readSettings(file("a.json", '{"clusters":[{"name":"main","kubeconfig":"k/config"}]}'));
    assert.deepEqual(settings.clusters, [{ name: "main", kubeconfig: join(folder, "k/config") }]);
    assert.deepEqual(settings.consistency, { identityFailures: 1, retries: 5 });
    assert.deepEqual([settings.faults, settings.quotas, settings.existing], [[], {}, []]);
  });

  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    ["is no JSON", "{", /b\.json cannot be used: it is not JSON/],
    ["has a key that is not known", '{"fault":[]}', /Unrecognized key: "fault"/],
    ["has a fault that is not known", '{"faults":[{"fault":"flood"}]}', /at faults\[0\]\.fault/],
    ["has a fault without a target", '{"faults":[{"fault":"timeout"}]}', /at faults\[0\]\.type/],
    ["has a count that is none", '{"faults":[{"fault":"vanished","type":"a","times":0}]}', /at faults\[0\]\.times/],
    ["has a quota below nothing", '{"quotas":{"aws:ec2/vpc:Vpc":-1}}', /at quotas/],
  ];
  for (const [what, text, message] of mistakes)
    it(`is refused when it ${what}`, () => assert.throws(() => readSettings(file("b.json", text)), message));

  it("is refused when it is named and not there", () => {
    assert.throws(() => readSettings(join(folder, "none.json")), /none\.json cannot be used: ENOENT/);
  });

  it("is found by the provider's configuration, the environment, or in the folder, in this order", () => {
    const quota = (limit: number) => JSON.stringify({ quotas: { "aws:ec2/vpc:Vpc": limit } });
    file("rehearsal.json", quota(1));
    file("environment.json", quota(2));
    file("provider.json", quota(3));
    const limitOf = (config: Record<string, string>, environment: NodeJS.ProcessEnv) =>
      rehearsalPlace({ rehearsalDir: ".", ...config }, { PULUMI_ROOT_DIRECTORY: folder, ...environment }, "/").settings
        .quotas;
    const variable = { PULUMI_REHEARSAL_FILE: "environment.json" };
    assert.deepEqual(limitOf({}, {}), { "aws:ec2/vpc:Vpc": 1 });
    assert.deepEqual(limitOf({}, variable), { "aws:ec2/vpc:Vpc": 2 });
    assert.deepEqual(limitOf({ rehearsalFile: "provider.json" }, variable), { "aws:ec2/vpc:Vpc": 3 });
  });

  it("is kept in the project's .pulumi unless a folder is named", () => {
    const placeOf = (config: Record<string, string>, environment: NodeJS.ProcessEnv) =>
      rehearsalPlace(config, { PULUMI_ROOT_DIRECTORY: folder, ...environment }, "/").folder;
    assert.equal(placeOf({}, {}), join(folder, ".pulumi/rehearsal"));
    assert.equal(placeOf({}, { PULUMI_REHEARSAL_DIR: "x" }), join(folder, "x"));
    assert.equal(placeOf({ rehearsalDir: "/y" }, { PULUMI_REHEARSAL_DIR: "x" }), "/y");
  });

  it("has patterns in which * is any text and everything else is itself", () => {
    assert.ok(fits("aws:iam/*", "aws:iam/role:Role"));
    assert.ok(fits("*", ""));
    assert.ok(!fits("a.c", "abc"));
    assert.ok(!fits("iam:Get", "iam:GetRole"));
  });
});

describe("a kubeconfig", () => {
  const config = (user: string, more = "") => `
apiVersion: v1
current-context: one
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:6443", certificate-authority-data: Q0E= } }]
contexts: [{ name: one, context: { cluster: c, user: u } }, { name: two, context: { cluster: none } }]
users: [{ name: u, user: ${user} }]
${more}`;

  it("gives server, authority and credentials, from data or from files", () => {
    file("key.pem", "KEY");
    const path = file("kubeconfig", config("{ client-certificate-data: Q0VSVA==, client-key: key.pem, token: t }"));
    assert.deepEqual(readKubeconfig(path), {
      server: "https://127.0.0.1:6443",
      caCertificate: "Q0E=",
      clientCertificate: "Q0VSVA==",
      clientKey: Buffer.from("KEY").toString("base64"),
      token: "t",
    });
  });

  it("is refused with what it lacks", () => {
    const path = file("kubeconfig", config("{}"));
    assert.throws(() => readKubeconfig(path, "three"), /it has no context "three"; it has one, two/);
    assert.throws(() => readKubeconfig(path, "two"), /it has no cluster "none"; it has c/);
    assert.throws(() => readKubeconfig(file("bad", "clusters: 7")), /cannot be used:[\s\S]*at clusters/);
    assert.throws(() => readKubeconfig(join(folder, "absent")), /ENOENT/);
    const lost = file("lost", config("{ client-key: nowhere.pem }"));
    assert.throws(() => readKubeconfig(lost), /nowhere\.pem/);
  });
});
