import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { machineIndexes, readPackageManagers } from "../../../components/local/machine-indexes.ts";
import { EgressRule } from "../../../contracts/workspace.ts";

const none = { pipConfig: "", pipDefaults: [], npmConfig: {} };

describe("the package indexes of this machine's pip and npm", () => {
  it("are what both are configured with, each by its host and port", () => {
    const found = machineIndexes({
      pipConfig: "global.cert='/etc/ca.pem'\nglobal.index-url='https://pip.example.test/simple'\n",
      pipDefaults: ["https://default.example.test/simple"],
      npmConfig: {
        registry: "http://npm.example.test:4873/",
        "@acme:registry": "https://acme.example.test/npm/",
        fund: false,
      },
    });
    assert.deepEqual(found, {
      pipIndexUrl: "https://pip.example.test/simple",
      npmRegistry: "http://npm.example.test:4873/",
      egressRules: ["acme.example.test:443", "npm.example.test:4873", "pip.example.test:443"],
      notes: [],
    });
  });

  it("let pip's environment win over its files, and add its extra indexes", () => {
    const pipConfig = [
      "global.index-url='https://file.example.test/simple'",
      "install.index-url='https://install.example.test/simple'",
      ":env:.index-url='https://env.example.test/simple'",
      String.raw`global.extra-index-url='\nhttps://one.example.test/simple\nhttps://two.example.test/simple'`,
    ].join("\n");
    const { pipIndexUrl, egressRules } = machineIndexes({ ...none, pipConfig });
    assert.equal(pipIndexUrl, "https://env.example.test/simple");
    assert.deepEqual(egressRules, ["env.example.test:443", "one.example.test:443", "two.example.test:443"]);
  });

  it("are pip's own defaults where nothing is configured, which sandboxes then know themselves", () => {
    const { pipIndexUrl, egressRules } = machineIndexes({
      ...none,
      pipDefaults: ["https://index.example.test/simple", "https://files.example.test"],
    });
    assert.equal(pipIndexUrl, undefined);
    assert.deepEqual(egressRules, ["files.example.test:443", "index.example.test:443"]);
  });

  it("lose their credentials, and a note says so without them", () => {
    const found = machineIndexes({
      ...none,
      pipConfig: "global.index-url='https://someone:hunter2@pip.example.test/simple'",
      npmConfig: { registry: "https://token-hunter2@npm.example.test/" },
    });
    assert.equal(found.pipIndexUrl, "https://pip.example.test/simple");
    assert.equal(found.npmRegistry, "https://npm.example.test/");
    assert.equal(found.notes.length, 2);
    assert.doesNotMatch(JSON.stringify(found), /hunter2|someone/);
  });

  it("are left out with a note when they are no http(s) URL", () => {
    const { egressRules, notes } = machineIndexes({ ...none, pipConfig: "global.index-url='file:///srv/wheels'" });
    assert.deepEqual(egressRules, []);
    assert.equal(notes.length, 1);
  });

  it("are none where neither is on the machine", () => {
    assert.deepEqual(machineIndexes(none).egressRules, []);
  });

  it("are read from the real pip and npm, as rules that the gateway takes", async () => {
    const { egressRules, npmRegistry } = machineIndexes(await readPackageManagers());
    assert.ok(npmRegistry !== undefined, "npm runs these tests and always has a registry");
    for (const rule of egressRules) EgressRule.parse(rule);
  });
});
