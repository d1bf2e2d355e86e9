import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readGitRequest, redirectWithin } from "../../../../services/gateway/git/git-path.ts";
import { InvalidTargetError } from "../../../../services/gateway/target.ts";

describe("a request below /git/", () => {
  const ACCEPTED: [string, string, string, number, string][] = [
    [
      "GET",
      "/git/example.com/a/b.git/info/refs?service=git-upload-pack",
      "example.com",
      443,
      "/a/b.git/info/refs?service=git-upload-pack",
    ],
    [
      "GET",
      "/git/example.com:8443/b/info/refs?service=git-receive-pack",
      "example.com",
      8_443,
      "/b/info/refs?service=git-receive-pack",
    ],
    ["POST", "/git/EXAMPLE.com/a/b/git-upload-pack", "example.com", 443, "/a/b/git-upload-pack"],
    ["POST", "/git/10.0.0.1/~me/b.git/git-receive-pack", "10.0.0.1", 443, "/~me/b.git/git-receive-pack"],
  ];
  for (const [method, url, host, port, path] of ACCEPTED) {
    it(`is ${method} ${url}`, () => {
      const git = readGitRequest(method, url);
      assert.deepEqual([git.target.host, git.target.port, git.path], [host, port, path]);
    });
  }

  const REFUSED: [string, string, string][] = [
    ["the server's API", "GET", "/git/example.com/api/v3/user"],
    ["a file of the dumb protocol", "GET", "/git/example.com/a/b/objects/info/packs"],
    ["no service", "GET", "/git/example.com/a/b/info/refs"],
    ["another service", "GET", "/git/example.com/a/b/info/refs?service=git-upload-archive"],
    ["more in the query", "GET", "/git/example.com/a/b/info/refs?service=git-upload-pack&x=y"],
    ["something before the service", "GET", "/git/example.com/a/b/info/refs?x=y&service=git-upload-pack"],
    ["another method", "PUT", "/git/example.com/a/b/git-upload-pack"],
    ["GET of a POST", "GET", "/git/example.com/a/b/git-upload-pack"],
    ["POST of a GET", "POST", "/git/example.com/a/b/info/refs?service=git-upload-pack"],
    ["dots", "GET", "/git/example.com/a/../b/info/refs?service=git-upload-pack"],
    ["one dot", "GET", "/git/example.com/./b/info/refs?service=git-upload-pack"],
    ["escapes", "GET", "/git/example.com/a%2f..%2fb/info/refs?service=git-upload-pack"],
    ["an empty part", "GET", "/git/example.com//b/info/refs?service=git-upload-pack"],
    ["no repository", "GET", "/git/example.com/info/refs?service=git-upload-pack"],
    ["no host", "GET", "/git//a/info/refs?service=git-upload-pack"],
    ["a user", "GET", "/git/me@example.com/a/info/refs?service=git-upload-pack"],
    ["a user and a password", "GET", "/git/me:pw@example.com/a/info/refs?service=git-upload-pack"],
    ["a backslash", "GET", "/git/example.com\\@evil.test/a/info/refs?service=git-upload-pack"],
    ["a line break", "GET", "/git/example.com/a\r\nx: y/info/refs?service=git-upload-pack"],
  ];
  for (const [what, method, url] of REFUSED) {
    it(`is not ${what}`, () => {
      assert.throws(() => readGitRequest(method, url), InvalidTargetError);
    });
  }

  it("is redirected within its server only", () => {
    const git = readGitRequest("GET", "/git/example.com:8443/a/b/info/refs?service=git-upload-pack");
    const to = (location: string) => redirectWithin(location, git);
    assert.equal(
      to("/c/d/info/refs?service=git-upload-pack"),
      "/git/example.com:8443/c/d/info/refs?service=git-upload-pack",
    );
    assert.equal(to("https://example.com:8443/c/x"), "/git/example.com:8443/c/x");
    for (const location of [
      "https://example.com/c/x",
      "http://example.com:8443/c/x",
      "https://evil.test:8443/c",
      "//evil.test/c",
      "https://example.com:8443@evil.test/",
      "http://[",
    ]) {
      assert.equal(to(location), undefined, location);
    }
  });
});
