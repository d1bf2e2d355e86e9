import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDockerignore } from "../src/build/dockerignore.ts";
import { connectionOf } from "../src/daemon/connection.ts";
import { isAtLeast } from "../src/daemon/daemon.ts";
import { digestOf, parseImageName } from "../src/image-name.ts";
import { Credentials } from "../src/registry/credentials.ts";
import { durationText, nanoseconds } from "../src/resources/container/duration.ts";

describe(".dockerignore", () => {
  // As https://docs.docker.com/build/concepts/context/#dockerignore-files has it.
  const cases: [rules: string, excluded: string[], included: string[]][] = [
    ["# a comment\n\n*/temp*", ["some/temporary.txt", "some/temp/x"], ["temp", "a/b/temp"]],
    ["*/*/temp*", ["a/b/temp.x"], ["a/temp"]],
    ["temp?", ["tempa", "tempa/x"], ["temp", "tempab"]],
    ["**/*.go", ["a.go", "a/b/c.go"], ["a.gone"]],
    ["*.md\n!README.md", ["x.md"], ["README.md", "docs/x.md"]],
    ["*.md\n!README*.md\nREADME-secret.md", ["README-secret.md"], ["README-x.md"]],
    ["*.md\nREADME-secret.md\n!README*.md", ["x.md"], ["README-secret.md"]],
    ["node_modules\n!node_modules/keep", ["node_modules/x/y"], ["node_modules/keep/z", "src/node_modules"]],
    ["/foo/bar/", ["foo/bar/x"], ["x/foo/bar"]],
    ["./a/../b", ["b"], ["a"]],
    ["a[bc].txt", ["ab.txt", "ac.txt"], ["ad.txt"]],
    ["with space.txt\nx+(y)", ["with space.txt", "x+(y)"], ["xxy"]],
    ["**", ["a", "a/b"], []],
    ["a/**/z", ["a/z", "a/b/c/z"], ["z"]],
  ];
  for (const [text, excluded, included] of cases) {
    it(JSON.stringify(text), () => {
      const rules = parseDockerignore(text);
      for (const path of excluded) assert.ok(rules.excludes(path), path);
      for (const path of included) assert.ok(!rules.excludes(path), path);
    });
  }

  it("takes any text: no rule leaves everything in, and what is under an excluded folder is out", () => {
    const name = fc.stringMatching(/^[a-z.]{1,4}$/).filter((text) => !/^\.+$/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 2, maxLength: 4 }), (parts) => {
        const path = parts.join("/");
        assert.ok(!parseDockerignore("").excludes(path));
        const folder = parseDockerignore(parts.slice(0, -1).join("/"));
        assert.ok(folder.excludes(path) && folder.prunes(parts.slice(0, -1).join("/")));
        assert.ok(!parseDockerignore(`**\n!${path}`).excludes(path));
      }),
    );
  });
});

describe("names of images", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  it("are read as Docker reads them", () => {
    const parts = (text: string) => {
      const { registry, repository, tag, digest } = parseImageName(text);
      return [registry, repository, tag, digest];
    };
    assert.deepEqual(parts("busybox"), ["docker.io", "library/busybox", undefined, undefined]);
    assert.deepEqual(parts("team/app:1"), ["docker.io", "team/app", "1", undefined]);
    assert.deepEqual(parts("localhost/app"), ["localhost", "app", undefined, undefined]);
    assert.deepEqual(parts("127.0.0.1:5000/a/b:v1"), ["127.0.0.1:5000", "a/b", "v1", undefined]);
    assert.deepEqual(parts(`ghcr.io/a/b:v1@${digest}`), ["ghcr.io", "a/b", "v1", digest]);
    assert.deepEqual(parts("index.docker.io/a/b"), ["docker.io", "a/b", undefined, undefined]);
    for (const bad of ["", "A/b", "a b", "a:", "a@b", "a//b", "-a", `a@${digest}@${digest}`]) {
      assert.throws(() => parseImageName(bad), /is no image name/, bad);
    }
  });

  it("find their digest among those of other repositories", () => {
    const digests = [`r.example/x@${digest}`, `busybox@${digest}`];
    assert.equal(digestOf("docker.io/library/busybox:1", digests), digests[1]);
    assert.equal(digestOf("other", digests), undefined);
  });
});

describe("durations", () => {
  it("are Go's, there and back", () => {
    assert.equal(nanoseconds("1m30s"), 90e9);
    assert.equal(nanoseconds("1.5h"), 5400e9);
    assert.equal(nanoseconds("250ms"), 250e6);
    for (const bad of ["", "5", "1 m", "m", "-1s"]) assert.equal(nanoseconds(bad), undefined, bad);
    for (const text of ["0s", "500ms", "1m0s", "1h0m5s", "2.5s"]) {
      assert.equal(durationText(nanoseconds(text) ?? Number.NaN), text);
    }
    fc.assert(
      fc.property(
        fc.nat(10_000_000),
        (milliseconds) => nanoseconds(durationText(milliseconds * 1e6)) === milliseconds * 1e6,
      ),
    );
  });
});

describe("where the daemon is", () => {
  it("comes from the configuration, then from the environment", () => {
    const tls = { caMaterial: "ca", certMaterial: "cert", keyMaterial: "key" };
    assert.deepEqual(connectionOf({}, {}).options, { socketPath: "/var/run/docker.sock" });
    assert.deepEqual(connectionOf({}, { DOCKER_HOST: "unix:///x.sock" }).options, { socketPath: "/x.sock" });
    assert.deepEqual(connectionOf({ host: "tcp://h:1" }, { DOCKER_HOST: "tcp://no" }).options, {
      host: "h",
      port: 1,
      protocol: "http",
    });
    assert.deepEqual(connectionOf({ host: "tcp://h", ...tls }, {}).options, {
      host: "h",
      port: 2376,
      protocol: "https",
      ca: "ca",
      cert: "cert",
      key: "key",
    });
  });

  it("is refused where it contradicts itself or is not spoken", () => {
    assert.throws(() => connectionOf({ caMaterial: "x" }, {}), /belong together/);
    assert.throws(() => connectionOf({ host: "ssh://u@h" }, {}), /does not speak ssh/);
    assert.throws(() => connectionOf({ host: "h:1" }, {}), /neither unix:\/\/\/path nor tcp:\/\/host:port/);
  });

  it("versions are compared by number", () => {
    assert.ok(isAtLeast("1.41", "1.39") && isAtLeast("1.100", "1.39") && !isAtLeast("1.9", "1.39"));
  });
});

describe("credentials", () => {
  it("are the provider's own, or those of docker login, of the right registry alone", async () => {
    const auth = Buffer.from("u:p:q").toString("base64");
    const credentials = new Credentials();
    credentials.configure([
      { address: "https://one.example", username: "u", password: "p" },
      { address: "two.example", configFileContent: JSON.stringify({ auths: { "https://two.example/v2/": { auth } } }) },
      { address: "three.example", authDisabled: true, username: "u", password: "p" },
      {
        address: "registry-1.docker.io",
        configFileContent: JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth } } }),
      },
    ]);
    assert.deepEqual(await credentials.for("one.example"), {
      username: "u",
      password: "p",
      serveraddress: "one.example",
    });
    assert.deepEqual(await credentials.for("two.example"), {
      username: "u",
      password: "p:q",
      serveraddress: "two.example",
    });
    assert.equal(await credentials.for("three.example"), undefined);
    assert.equal((await credentials.for("docker.io"))?.serveraddress, "https://index.docker.io/v1/");
  });
});
