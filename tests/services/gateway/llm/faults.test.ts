import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ScriptedAnswer } from "../../../support/llm-answer.ts";
import { startLlmServer, type LlmServer } from "../../../support/llm-server.ts";
import { httpServer } from "../support.ts";
import { chat, configFor, errorOf, eventsOf, startLlmGateway } from "./support.ts";

const withServers = async (count: number, body: (...llms: [LlmServer, LlmServer]) => Promise<void>): Promise<void> => {
  const llms = await Promise.all(Array.from({ length: count }, () => startLlmServer()));
  try {
    await body(...(llms as [LlmServer, LlmServer]));
  } finally {
    await Promise.all(llms.map((llm) => llm.stop()));
  }
};
const textOf = (body: string): string =>
  eventsOf(body)
    .filter((data) => data !== "[DONE]" && !data.startsWith('{"error"'))
    .map((data) => (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "")
    .join("");

describe("a provider that fails", () => {
  const PASSING: [string, ScriptedAnswer][] = [
    ["500", { status: 500 }],
    ["503", { status: 503 }],
    ["429 without a time", { status: 429 }],
    ["429 with a short one", { status: 429, headers: { "retry-after": "0" } }],
    ["408", { status: 408 }],
    ["409", { status: 409 }],
    ["a dropped connection", { fault: "connection" }],
    ["a page instead of an answer", { fault: "not_json" }],
  ];
  for (const [what, failure] of PASSING) {
    it(`is asked again after ${what}, in one piece and streamed`, () =>
      withServers(1, async (llm) => {
        llm.script(failure, { text: "one" }, failure, { text: "two" });
        await using gateway = await startLlmGateway(configFor([llm.url]));
        assert.equal((await chat(gateway)).status, 200);
        const streamed = await chat(gateway, { stream: true });
        assert.equal(textOf(streamed.body), "two");
        assert.deepEqual(
          gateway.ledger.settled.map(({ attempts }) => attempts),
          [2, 2],
        );
      }));
  }

  it("is asked three times, and then the next one", () =>
    withServers(2, async (first, second) => {
      first.respond(() => ({ status: 500 }));
      second.respond(() => ({ text: "from the second" }));
      await using gateway = await startLlmGateway(configFor([first.url, second.url]));
      const answer = await chat(gateway, { stream: true });
      assert.equal(textOf(answer.body), "from the second");
      assert.deepEqual([first.requests.length, second.requests.length], [3, 1]);
      assert.equal(second.requests[0]?.headers.authorization, "Bearer sk-secret-of-p1", "each has its own key");
      assert.equal(gateway.ledger.settled[0]?.provider, "p1");
    }));

  for (const status of [401, 402, 403, 404, 418]) {
    it(`is not asked again after ${status}, which is between it and the operator; the next one is`, () =>
      withServers(2, async (first, second) => {
        first.respond(() => ({ status, error: { message: "the account" } }));
        second.respond(() => ({ text: "ok" }));
        await using gateway = await startLlmGateway(configFor([first.url, second.url]));
        assert.equal((await chat(gateway)).status, 200);
        assert.equal(first.requests.length, 1);
      }));
  }

  for (const status of [400, 413, 422]) {
    it(`with ${status} has found the client's mistake: nobody else is asked, and he is told`, () =>
      withServers(2, async (first, second) => {
        first.respond(() => ({ status, error: { message: "too long", code: "context_length_exceeded" } }));
        await using gateway = await startLlmGateway(configFor([first.url, second.url]));
        const refused = await chat(gateway);
        assert.equal(refused.status, status);
        assert.equal(errorOf(refused).code, "context_length_exceeded");
        assert.match(errorOf(refused).message, /too long/);
        assert.deepEqual([first.requests.length, second.requests.length], [1, 0]);
        const [settled] = gateway.ledger.settled;
        assert.deepEqual([settled?.outcome, settled?.tokens], ["refused", { prompt: 0, completion: 0 }]);
      }));
  }

  it("is waited for as long as it asks, up to a bound, and not at all where another one is there", () =>
    withServers(2, async (first, second) => {
      const patient = { status: 429, headers: { "retry-after": "1" } };
      const forever = { status: 429, headers: { "retry-after": "3600" } };
      {
        first.script(patient, { text: "ok" });
        await using gateway = await startLlmGateway(configFor([first.url]));
        const startedAt = performance.now();
        assert.equal((await chat(gateway)).status, 200);
        assert.ok(performance.now() - startedAt >= 990);
      }
      {
        first.script(forever);
        await using gateway = await startLlmGateway(configFor([first.url]));
        const refused = await chat(gateway);
        assert.deepEqual(
          [refused.status, errorOf(refused).code, refused.headers["retry-after"]],
          [429, "rate_limited", "3600"],
        );
      }
      first.script(patient);
      second.script({ text: "ok" });
      await using gateway = await startLlmGateway(configFor([first.url, second.url]));
      assert.equal((await chat(gateway)).status, 200);
      assert.equal(first.requests.length, 4);
    }));

  it("is skipped after failures in a row, and tried again after a rest", () =>
    withServers(1, async (llm) => {
      llm.respond(() => ({ status: 500 }));
      await using gateway = await startLlmGateway(configFor([llm.url]), {
        circuitFailures: 4,
        circuitRestMs: 300,
        attemptsPerTarget: 2,
      });
      await chat(gateway);
      await chat(gateway);
      const skipped = await chat(gateway);
      assert.deepEqual([skipped.status, errorOf(skipped).code], [502, "provider_failed"]);
      assert.match(errorOf(skipped).message, /circuit_open/);
      assert.equal(llm.requests.length, 4);
      llm.respond(() => ({ text: "back" }));
      let answer = skipped;
      while (answer.status !== 200) answer = await chat(gateway);
      assert.equal(llm.requests.length, 5);
    }));

  it("is not followed elsewhere: a redirect is a failure, and the key goes nowhere else", async () => {
    const seen: string[] = [];
    await using other = await httpServer((request, response) => {
      seen.push(request.url ?? "");
      response.end("{}");
    });
    await using provider = await httpServer((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${other.port}/` }).end();
    });
    await using gateway = await startLlmGateway(configFor([`http://127.0.0.1:${provider.port}/v1`]));
    const refused = await chat(gateway);
    assert.deepEqual([refused.status, errorOf(refused).code], [502, "provider_failed"]);
    assert.match(errorOf(refused).message, /redirect 307/);
    assert.deepEqual(seen, []);
  });

  it("is given up when it does not begin to answer, or falls silent", () =>
    withServers(1, async (llm) => {
      llm.script({ text: "late", delayMs: 3_000 }, { text: "x".repeat(200), fault: "hangs" });
      const limits = { firstByteTimeoutMs: 1_000, idleTimeoutMs: 1_000, attemptsPerTarget: 1 };
      await using gateway = await startLlmGateway(configFor([llm.url]), limits);
      const late = await chat(gateway);
      assert.deepEqual([late.status, errorOf(late).code], [502, "provider_failed"]);
      assert.match(errorOf(late).message, /timeout/);
      const silent = await chat(gateway, { stream: true });
      const last = JSON.parse(eventsOf(silent.body).at(-1) ?? "") as { error: { code: string; message: string } };
      assert.equal(last.error.code, "provider_failed");
      assert.match(last.error.message, /timeout/);
    }));

  it("holds nobody up for longer than a bound, however often it would be asked again", () =>
    withServers(1, async (llm) => {
      llm.respond(() => ({ status: 500, delayMs: 60 }));
      await using gateway = await startLlmGateway(configFor([llm.url]), {
        attemptsPerTarget: 1_000,
        retryWithinMs: 200,
        circuitFailures: 1_000,
      });
      assert.equal((await chat(gateway)).status, 502);
      assert.ok(llm.requests.length < 5);
    }));
});

describe("a stream that breaks off", () => {
  for (const fault of ["midway", "unfinished", "error_event"] as const) {
    it(`(${fault}) is not begun again once bytes of it have gone out: it ends with an error`, () =>
      withServers(2, async (first, second) => {
        first.respond(() => ({ text: "word ".repeat(40), chunkDelayMs: 5, fault }));
        await using gateway = await startLlmGateway(configFor([first.url, second.url]));
        const answer = await chat(gateway, { stream: true });
        assert.equal(answer.status, 200);
        assert.equal(answer.isCut, false, "the connection itself ends in order");
        const events = eventsOf(answer.body);
        const last = JSON.parse(events.at(-1) ?? "") as { error: { code: string; type: string } };
        assert.deepEqual([last.error.code, last.error.type], ["provider_failed", "server_error"]);
        assert.ok(!events.includes("[DONE]"));
        assert.match(textOf(answer.body), /^word /);
        assert.deepEqual([first.requests.length, second.requests.length], [1, 0]);
        const settled = (await gateway.ledger.until(1))[0];
        assert.deepEqual([settled?.outcome, settled?.estimated], ["cut_off", true]);
        const { completion = 0, prompt = 0 } = settled?.tokens ?? {};
        assert.ok(prompt > 0 && completion >= Buffer.byteLength(textOf(answer.body)) / 4, "what came is counted");
      }));
  }

  for (const fault of ["garbage_json", "garbage_sse"] as const) {
    it(`(${fault}) or not is the client's to see: what cannot be read is passed on as it came`, () =>
      withServers(1, async (llm) => {
        llm.script({ text: "word ".repeat(20), fault });
        await using gateway = await startLlmGateway(configFor([llm.url]));
        const { body } = await chat(gateway, { stream: true });
        assert.match(body, fault === "garbage_json" ? /\{"del\n\n/ : /not an event either/);
        assert.equal(eventsOf(body).at(-1), "[DONE]");
        assert.equal((await gateway.ledger.until(1))[0]?.estimated, false);
      }));
  }

  it("ends its call with the client: the provider is let go of, and what came is counted", () =>
    withServers(1, async (llm) => {
      llm.respond(() => ({ text: "word ".repeat(1_000), chunkDelayMs: 20 }));
      await using gateway = await startLlmGateway(configFor([llm.url]));
      const leaving = new AbortController();
      let text = "";
      const onData = (chunk: string) => {
        text += chunk;
        if (text.split("data: ").length > 5) leaving.abort();
      };
      await chat(gateway, { stream: true }, { signal: leaving.signal, onData }).catch(() => undefined);
      const settled = (await gateway.ledger.until(1))[0];
      assert.equal(settled?.outcome, "client_left");
      assert.ok(settled.tokens.completion > 5);
      while (llm.requests[0]?.abandoned !== true) await new Promise((resolve) => setTimeout(resolve, 5));
    }));

  it("before it has begun counts its prompt when the client leaves; in one piece, all that was reserved", () =>
    withServers(1, async (llm) => {
      llm.respond(() => ({ text: "never", delayMs: 3_000 }));
      await using gateway = await startLlmGateway(configFor([llm.url]));
      for (const [index, stream] of [true, false].entries()) {
        const leaving = new AbortController();
        const call = chat(gateway, { stream, max_tokens: 321 }, { signal: leaving.signal });
        await llm.seen(index + 1);
        leaving.abort();
        await assert.rejects(call);
        const settled = (await gateway.ledger.until(index + 1))[index];
        assert.deepEqual([settled?.outcome, settled?.tokens.completion], ["client_left", stream ? 0 : 321]);
        assert.ok((settled?.tokens.prompt ?? 0) > 0);
      }
    }));

  it("that drips or is huge passes as it comes, and is cut where it has no end", () =>
    withServers(1, async (llm) => {
      llm.script(
        { text: "drip", chunkChars: 1, chunkDelayMs: 100 },
        { text: "x".repeat(3_000_000), chunkChars: 30_000 },
      );
      llm.respond(() => ({ text: "x".repeat(9_000_000), chunkChars: 30_000 }));
      await using gateway = await startLlmGateway(configFor([llm.url]), {
        maxAnswerBytes: 4_000_000,
        idleTimeoutMs: 2_000,
      });
      const pieces: string[] = [];
      await chat(gateway, { stream: true }, { onData: (text) => void pieces.push(text) });
      assert.ok(pieces.length >= 4, "not gathered");
      assert.equal(textOf((await chat(gateway, { stream: true })).body).length, 3_000_000);
      const cut = await chat(gateway, { stream: true });
      assert.match(eventsOf(cut.body).at(-1) ?? "", /provider_failed.*|too_large/);
      assert.ok(cut.body.length < 5_000_000);
      const whole = await chat(gateway);
      assert.deepEqual([whole.status, errorOf(whole).code], [502, "provider_failed"]);
    }));
});
