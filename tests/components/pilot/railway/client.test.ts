import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { RailwayError } from "../../../../components/pilot/railway/client/errors.ts";
import {
  createProject,
  listProjects,
  readProject,
} from "../../../../components/pilot/railway/client/project-operations.ts";
import { RailwayClient } from "../../../../components/pilot/railway/client/railway-client.ts";
import { writeVariables } from "../../../../components/pilot/railway/client/service-operations.ts";
import { openRailway } from "../../../../components/pilot/railway/providers/session.ts";
import { testClock } from "./test-clock.ts";
import { type Fault, type RailwayServer, startRailway, TOKEN } from "./server.ts";
import { UNHURRIED } from "./world.ts";

const SECRET = "hunter2-and-more";
const project = {
  name: "a",
  description: "d",
  workspaceId: "w",
  defaultEnvironmentName: "production",
  prDeploys: false,
} as const;

describe("the client of Railway's API", () => {
  let server: RailwayServer;
  before(async () => {
    server = await startRailway({ plan: UNHURRIED });
  });
  after(() => server.close());
  beforeEach(() => {
    server.calls.length = 0;
  });

  const client = (clock = testClock(), token = TOKEN) =>
    new RailwayClient({ url: server.url, token, clock, random: () => 0.5 });
  const list = (given = client()) => given.call(listProjects, { workspaceId: "w" });
  const failure = async (work: Promise<unknown>): Promise<RailwayError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof RailwayError, String(error));
    return error;
  };

  it("says where it comes from, as the edge blocks callers without a query string", async () => {
    assert.deepEqual((await list()).projects.nodes, []);
  });

  for (const kind of ["fails", "hangs-up", "loses-answer", "fails-afterwards"] as const) {
    it(`reads again when the server ${kind}`, async () => {
      const clock = testClock();
      server.meet("AutomatosProjects", { kind }, { kind });
      await list(client(clock));
      assert.equal(clock.sleeps.filter((ms) => ms >= 100).length, 2);
    });
  }

  it("reads again when the server says inside a good answer that it failed", async () => {
    server.meet("AutomatosProjects", { kind: "says", message: "oops", code: "INTERNAL_SERVER_ERROR" });
    server.meet("AutomatosProjects", { kind: "says", message: "Problem processing request" });
    await list();
    assert.equal(server.calls.length, 1);
  });

  it("gives up after its tries, and says that nothing is made twice", async () => {
    server.meet("AutomatosProjects", ...Array.from({ length: 7 }, (): Fault => ({ kind: "hangs-up" })));
    const error = await failure(list());
    assert.equal(error.code, "RAILWAY_OUTCOME_UNKNOWN");
    assert.match(error.message, /after 7 tries .*Run the same command again/);
  });

  it("makes nothing a second time when the answer was lost, and tells it", async () => {
    server.meet("AutomatosProjectCreate", { kind: "loses-answer" });
    const error = await failure(client().call(createProject, { input: project }));
    assert.equal(error.code, "RAILWAY_OUTCOME_UNKNOWN");
    assert.deepEqual(server.calls, ["AutomatosProjectCreate"]);
  });

  it("waits as long as it is told when it was too fast, whatever the call, and holds all others back", async () => {
    const clock = testClock();
    const own = client(clock);
    server.meet("AutomatosProjectCreate", { kind: "turns-away", retryAfter: "7" });
    await own.call(createProject, { input: project });
    assert.ok(clock.now() >= 7_000);
    assert.deepEqual(server.calls, ["AutomatosProjectCreate"]);
  });

  it("takes Cloudflare's page for what it is", async () => {
    server.meet("AutomatosProjects", { kind: "turns-away", cloudflare: true });
    server.meet("AutomatosProjects", { kind: "turns-away", cloudflare: true, retryAfter: "2" });
    const clock = testClock();
    await list(client(clock));
    assert.ok(clock.now() >= 2_000);
  });

  it("does not wait a day: it says when to come back", async () => {
    server.meet("AutomatosProjects", { kind: "turns-away", retryAfter: "86400" });
    const error = await failure(list());
    assert.equal(error.code, "RAILWAY_RATE_LIMITED");
    assert.match(error.message, /86400 seconds/);
  });

  it("spaces its calls as the plan allows", async () => {
    const clock = testClock();
    const own = new RailwayClient({ url: server.url, token: TOKEN, clock, requestsPerSecond: 50 });
    await Promise.all(Array.from({ length: 11 }, () => list(own)));
    assert.equal(clock.now(), 200);
  });

  const refusals: [Fault & { kind: "says" }, string, RegExp][] = [
    [{ kind: "says", message: "Not Authorized" }, "RAILWAY_UNAUTHORIZED", /config set --secret automatos:railwayToken/],
    [{ kind: "says", message: "Project not found" }, "RAILWAY_NOT_FOUND", /pulumi refresh/],
    [{ kind: "says", message: "Service limit reached" }, "RAILWAY_LIMIT_REACHED", /larger plan/],
    [{ kind: "says", message: 'A service named "x" already exists' }, "RAILWAY_NAME_TAKEN", /importId/],
    [{ kind: "says", message: "bad\n\u001b[31mthing" }, "RAILWAY_REFUSED", /: bad \[31mthing\)|bad \[31mthing/],
  ];
  for (const [fault, code, words] of refusals) {
    it(`says ${code} for ${JSON.stringify(fault.message)}`, async () => {
      server.meet("AutomatosProject", fault);
      const error = await failure(client().call(readProject, { id: "p" }));
      assert.equal(error.code, code);
      assert.match(error.message, words);
    });
  }

  it("says that the token is refused, and not which", async () => {
    const error = await failure(list(client(testClock(), "another-token")));
    assert.equal(error.code, "RAILWAY_UNAUTHORIZED");
    assert.ok(!error.message.includes("another-token"));
  });

  it("repeats no secret that it sent, whatever the server says and however the call fails", async () => {
    const input = {
      ...({ projectId: "p", environmentId: "e", serviceId: "s", replace: true, skipDeploys: true } as const),
      variables: { PASSWORD: SECRET },
    } as const;
    const faults: Fault[] = [
      { kind: "says", message: `variables: ${SECRET} is no good` },
      { kind: "says", message: `Not Authorized ${SECRET}` },
      { kind: "turns-away", retryAfter: "86400" },
    ];
    for (const fault of faults) {
      server.meet("AutomatosVariablesUpsert", fault);
      const error = await failure(client().call(writeVariables, { input }));
      const everything = `${error.message} ${error.stack ?? ""} ${JSON.stringify(error)} ${String(error.cause)}`;
      assert.ok(!everything.includes(SECRET) && !everything.includes(TOKEN), everything);
    }
    server.meet("AutomatosVariablesUpsert", ...Array.from({ length: 7 }, (): Fault => ({ kind: "hangs-up" })));
    const lost = await failure(client().call(writeVariables, { input }));
    assert.ok(!`${lost.message} ${String(lost.cause)}`.includes(SECRET));
  });

  it("says that an answer is not what the schema said, without its values", async () => {
    const wrong = { ...listProjects, answer: writeVariables.answer };
    server.world.createProject({ ...project, name: SECRET });
    const error = await failure(client().call(wrong, { workspaceId: "w" }));
    assert.equal(error.code, "RAILWAY_ANSWER_UNKNOWN");
    assert.ok(!error.message.includes(SECRET));
  });
});

describe("the configuration of Railway's API", () => {
  const nothing = { railwayToken: undefined, railwayUrl: undefined, railwayRequestsPerSecond: undefined };
  const code = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return (error as RailwayError).code;
    }
    return undefined;
  };

  it("needs a token, of the stack or of the environment", () => {
    assert.equal(
      code(() => openRailway(nothing, {})),
      "RAILWAY_TOKEN_MISSING",
    );
    assert.ok(openRailway({ ...nothing, railwayToken: "t" }, {}));
    assert.ok(openRailway(nothing, { RAILWAY_API_TOKEN: "t" }));
  });

  it("sends the token over no open line, but to this machine", () => {
    for (const railwayUrl of ["http://railway.example/graphql", "ftp://x", "nonsense", "http://127.0.0.1.example/"]) {
      assert.equal(
        code(() => openRailway({ ...nothing, railwayToken: "t", railwayUrl }, {})),
        "RAILWAY_REFUSED",
        railwayUrl,
      );
    }
    assert.ok(openRailway({ ...nothing, railwayToken: "t", railwayUrl: "http://127.0.0.1:1/graphql" }, {}));
  });

  it("takes a rate above 0", () => {
    for (const railwayRequestsPerSecond of ["0", "-1", "many"]) {
      assert.equal(
        code(() => openRailway({ ...nothing, railwayToken: "t", railwayRequestsPerSecond }, {})),
        "RAILWAY_REFUSED",
      );
    }
  });
});
