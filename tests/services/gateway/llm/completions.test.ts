import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startLlmServer, type LlmServer } from "../../../support/llm-server.ts";
import { httpServer, WORKSPACE } from "../support.ts";
import { chat, configFor, errorOf, eventsOf, send, startLlmGateway, tokenFor } from "./support.ts";

const withServer = async (body: (llm: LlmServer) => Promise<void>): Promise<void> => {
  const llm = await startLlmServer();
  try {
    await body(llm);
  } finally {
    await llm.stop();
  }
};

describe("a call of a model through the gateway", () => {
  it("goes to the provider with its key and its model, and with nothing of the client's but what he asks", () =>
    withServer(async (llm) => {
      llm.script({ text: "hi there", usage: { prompt_tokens: 7, completion_tokens: 3 } });
      await using gateway = await startLlmGateway(configFor([llm.url]));
      const answer = await chat(
        gateway,
        { user: "me@example.test", metadata: { a: "b" }, store: true, temperature: 0.5, max_tokens: 50 },
        {
          headers: {
            authorization: `Bearer ${gateway.token}`,
            "x-secret": "s",
            cookie: "c=d",
            "openai-organization": "o",
          },
        },
      );
      assert.equal(answer.status, 200);
      const { choices } = JSON.parse(answer.body) as { choices: { message: { content: string } }[] };
      assert.equal(choices[0]?.message.content, "hi there");
      const seen = llm.requests[0];
      assert.equal(seen?.headers.authorization, "Bearer sk-secret-of-p0");
      for (const name of ["x-secret", "cookie", "openai-organization"])
        assert.equal(seen.headers[name], undefined, name);
      const { user, ...body }: Record<string, unknown> = { ...seen.body };
      assert.match(String(user), /^ws-[0-9a-f]{24}$/);
      assert.deepEqual(body, {
        model: "scripted",
        messages: [{ role: "user", content: "hello" }],
        temperature: 0.5,
        max_tokens: 50,
      });
      assert.deepEqual(
        gateway.ledger.settled.map(({ tokens, estimated, outcome, provider }) => ({
          tokens,
          estimated,
          outcome,
          provider,
        })),
        [{ tokens: { prompt: 7, completion: 3 }, estimated: false, outcome: "completed", provider: "p0" }],
      );
      assert.deepEqual(Object.keys(answer.headers).sort(), [
        "connection",
        "content-length",
        "content-type",
        "date",
        "x-request-id",
      ]);
    }));

  it("passes a stream on byte for byte, and the usage at its end to who asked for it", async () => {
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}\r\n\r\n';
    const head =
      ': a comment\n\ndata: {"choices":[{"delta":{"content":"h\u00e9"},"finish_reason":null}],"usage":null}\r\n\r\nevent: x\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
    const tail = "data: [DONE]\n\n";
    const bytes = Buffer.from(head + usage + tail);
    await using provider = await httpServer((request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "x-provider": "p" });
      request.resume();
      void (async () => {
        for (const byte of bytes) {
          response.write(Buffer.of(byte)); // split wherever it can be
          await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      })();
    });
    await using gateway = await startLlmGateway(configFor([`http://127.0.0.1:${provider.port}/v1/`]));
    const asked = await chat(gateway, { stream: true, stream_options: { include_usage: true } });
    assert.equal(asked.body, bytes.toString());
    const plain = await chat(gateway, { stream: true });
    assert.equal(plain.body, head + tail);
    assert.equal(plain.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.ok(!("x-provider" in plain.headers));
    for (const { tokens, estimated } of await gateway.ledger.until(2)) {
      assert.deepEqual({ tokens, estimated }, { tokens: { prompt: 9, completion: 2 }, estimated: false });
    }
  });

  it("is refused without a task's token, and served with it in either header and either form of the request", () =>
    withServer(async (llm) => {
      llm.respond(() => ({ text: "ok" }));
      await using gateway = await startLlmGateway(configFor([llm.url]));
      for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: "Basic abc" }] as Record<
        string,
        string
      >[]) {
        const refused = await chat(gateway, {}, { headers });
        assert.equal(refused.status, 401);
        assert.equal(errorOf(refused).code, "task_token_invalid");
        assert.equal((await send(gateway.socketPath, { method: "GET", path: "/v1/models", headers })).status, 401);
      }
      const basic = `Basic ${Buffer.from(`task:${gateway.token}`).toString("base64")}`;
      const asProxy = { headers: { "proxy-authorization": basic, host: "127.0.0.1:3128" } };
      assert.equal(
        (await chat(gateway, {}, { ...asProxy, path: "http://127.0.0.1:3128/v1/chat/completions" })).status,
        200,
      );
      const elsewhere = await send(gateway.socketPath, {
        ...asProxy,
        method: "GET",
        path: "http://127.0.0.1:3129/v1/models",
      });
      assert.ok(elsewhere.status >= 400, "another port is another server's");
      assert.equal(llm.requests.length, 1);
    }));

  it("knows its models with their windows, the default one first, and no others", () =>
    withServer(async (llm) => {
      llm.respond(() => ({ text: "ok" }));
      await using gateway = await startLlmGateway(configFor([llm.url], { maxOutputTokens: 99 }));
      const headers = { authorization: `Bearer ${gateway.token}` };
      const models = await send(gateway.socketPath, { method: "GET", path: "/v1/models", headers });
      assert.deepEqual(JSON.parse(models.body), {
        object: "list",
        data: [
          {
            id: "m",
            object: "model",
            created: 0,
            owned_by: "automatos",
            context_window: 128_000,
            max_output_tokens: 99,
          },
        ],
      });
      const unknown = await chat(gateway, { model: "gpt-x" });
      assert.equal(unknown.status, 404);
      assert.deepEqual([errorOf(unknown).code, errorOf(unknown).param], ["model_unknown", "model"]);
      for (const alias of ["__proto__", "constructor", "toString"])
        assert.equal((await chat(gateway, { model: alias })).status, 404);
      assert.equal((await chat(gateway, { model: undefined })).status, 200);
      assert.equal((await chat(gateway, { model: "default", max_tokens: 10_000 })).status, 200);
      assert.equal(llm.requests[1]?.body.max_tokens, 99);
      assert.equal((await send(gateway.socketPath, { path: "/v1/embeddings", headers })).status, 404);
    }));

  it("says that there is no model where none is configured", async () => {
    await using gateway = await startLlmGateway({ providers: [], models: {} });
    const refused = await chat(gateway);
    assert.deepEqual([refused.status, errorOf(refused).code], [404, "llm_not_configured"]);
  });

  it("refuses what is malformed, unknown or too large, and asks nobody", () =>
    withServer(async (llm) => {
      await using gateway = await startLlmGateway(configFor([llm.url]), { maxRequestBytes: 2_000 });
      const messages = [{ role: "user", content: "x" }];
      const cases: [unknown, number, string, string | null][] = [
        ["{", 400, "request_invalid", null],
        ["[]", 400, "request_invalid", null],
        [Buffer.from([0x22, 0xff, 0x22]).toString("latin1"), 400, "request_invalid", null],
        [{ model: "m" }, 400, "request_invalid", "messages"],
        [{ model: "m", messages: [] }, 400, "request_invalid", "messages"],
        [{ model: "m", messages: [{ role: "root", content: "x" }] }, 400, "request_invalid", "messages.0.role"],
        [{ model: "m", messages, n: 100 }, 400, "request_invalid", "n"],
        [{ model: "m", messages, max_tokens: -1 }, 400, "request_invalid", "max_tokens"],
        [{ model: "m", messages, web_search_options: {} }, 400, "parameter_unsupported", "web_search_options"],
        [`{"model":"m","messages":${"[".repeat(1_900)}`, 400, "request_invalid", null],
        [{ model: "m", messages, pad: "x".repeat(3_000) }, 413, "request_too_large", null],
      ];
      for (const [body, status, code, param] of cases) {
        const refused = await chat(gateway, {}, { body });
        assert.deepEqual(
          [refused.status, errorOf(refused).code, errorOf(refused).param],
          [status, code, param],
          JSON.stringify(body),
        );
      }
      assert.equal(llm.requests.length, 0);
      assert.equal(gateway.ledger.settled.length, 0);
    }));

  it("answers with the reason when a budget is exhausted, and 429 when tokens may come back", () =>
    withServer(async (llm) => {
      await using gateway = await startLlmGateway(configFor([llm.url]));
      const { ledger } = gateway;
      const refused = async () => {
        const answer = await chat(gateway);
        return [answer.status, errorOf(answer).code, answer.headers["retry-after"]];
      };
      ledger.answer = { decision: "task_budget_exhausted", used: 990, budget: 1_000 };
      assert.deepEqual(await refused(), [402, "task_budget_exhausted", undefined]);
      ledger.answer = {
        decision: "workspace_budget_exhausted",
        used: 1,
        budget: 1,
        resetsAt: "2030-01-01T00:00:00.000Z",
      };
      assert.deepEqual(await refused(), [402, "workspace_budget_exhausted", undefined]);
      ledger.answer = { decision: "reserved" };
      assert.deepEqual(await refused(), [429, "rate_limited", "1"]);
      ledger.answer = { decision: "task_not_running" };
      assert.deepEqual(await refused(), [403, "task_not_running", undefined]);
      ledger.reserve = async () => Promise.reject(new Error("the record is away"));
      assert.deepEqual(await refused(), [503, "metering_unavailable", "5"]);
      assert.equal(llm.requests.length, 0);
    }));

  it("has its answer curtailed to what is granted, shared among its choices", () =>
    withServer(async (llm) => {
      llm.respond(() => ({ text: "ok" }));
      await using gateway = await startLlmGateway(
        configFor([llm.url], {}, { maxTokensParameter: "max_completion_tokens", sendUser: false }),
      );
      gateway.ledger.answer = { decision: "granted", outputTokens: 101 };
      await chat(gateway, { n: 3, max_tokens: 3_000 });
      const body: Record<string, unknown> = { ...llm.requests[0]?.body };
      assert.equal(body["max_completion_tokens"], 33);
      assert.ok(!("max_tokens" in body) && !("user" in body));
    }));

  it("is estimated where the provider counts nothing", () =>
    withServer(async (llm) => {
      llm.script({ text: "a".repeat(400), usage: null }, { text: "b".repeat(400), usage: null, chunkChars: 40 });
      await using gateway = await startLlmGateway(configFor([llm.url]));
      const messages = [{ role: "user", content: "c".repeat(4_000) }];
      await chat(gateway, { messages });
      await chat(gateway, { messages, stream: true });
      for (const { tokens, estimated } of await gateway.ledger.until(2)) {
        assert.ok(estimated);
        assert.equal(tokens.completion, 100);
        assert.ok(tokens.prompt > 1_000 && tokens.prompt < 1_050, String(tokens.prompt));
      }
    }));

  it("may be made many at a time, up to a bound for each task, and each gets its own answer", () =>
    withServer(async (llm) => {
      llm.respond((request) => ({ text: `for ${String(request.messages[0]?.content)}`, delayMs: 30, chunkChars: 3 }));
      await using gateway = await startLlmGateway(configFor([llm.url]), { maxCallsPerTask: 4 });
      const other = await tokenFor("0b7a64a2-9a52-4b5e-8f7c-1c2d3e4f0002", WORKSPACE);
      const call = (content: string, token: string) =>
        chat({ ...gateway, token }, { stream: true, messages: [{ role: "user", content }] });
      const answers = await Promise.all([
        ...Array.from({ length: 10 }, (_, index) => call(`a${index}`, gateway.token)),
        call("b", other),
      ]);
      const served = answers.filter(({ status }) => status === 200);
      assert.equal(served.length, 5);
      for (const { status, body } of answers) {
        if (status !== 200) assert.equal(errorOf({ body } as never).code, "rate_limited");
      }
      const texts = served.map(({ body }) =>
        eventsOf(body)
          .filter((data) => data !== "[DONE]")
          .map(
            (data) =>
              (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "",
          )
          .join(""),
      );
      assert.equal(new Set(texts).size, 5);
      for (const text of texts) assert.match(text, /^for (a\d|b)$/);
      const next = await call("again", gateway.token);
      assert.equal(next.status, 200, "slots come back");
    }));

  it("leaves no word of prompts, answers, keys and tokens in the log", () =>
    withServer(async (llm) => {
      const words = ["PROMPTWORD", "ANSWERWORD", "ERRORWORD", "TOOLWORD"];
      llm.script(
        { text: "ANSWERWORD", calls: [{ name: "TOOLWORD", arguments: { a: "TOOLWORD" } }] },
        {
          status: 400,
          error: { message: "ERRORWORD of PROMPTWORD for sk-secret-of-p0", code: "context_length_exceeded" },
        },
        { status: 500, error: { message: "ERRORWORD" } },
        { text: "ANSWERWORD ANSWERWORD ANSWERWORD", fault: "error_event" },
        { fault: "not_json" },
        { status: 401, error: { message: "Incorrect API key provided: sk-secret-of-p0" } },
      );
      await using gateway = await startLlmGateway(configFor([llm.url]), { attemptsPerTarget: 1 });
      const messages = [{ role: "user", content: "PROMPTWORD" }];
      const bodies: string[] = [];
      for (const more of [{}, {}, {}, { stream: true }, {}, {}, { stream: "PROMPTWORD" }, { PROMPTWORD: 1 }]) {
        bodies.push((await chat(gateway, { messages, ...more })).body);
      }
      const log = JSON.stringify(gateway.log);
      for (const word of [...words, "sk-secret-of-p0", gateway.token]) assert.ok(!log.includes(word), word);
      assert.ok(log.includes("llm_call") && log.includes("llm_attempt_failed") && log.includes("llm_stream_cut_off"));
      assert.ok(!bodies.join().includes("sk-secret-of-p0"));
      const refused = JSON.parse(bodies[1] ?? "") as { error: { message: string; code: string } };
      assert.equal(refused.error.code, "context_length_exceeded");
      assert.match(refused.error.message, /ERRORWORD of PROMPTWORD for \[redacted\]/);
      assert.equal((JSON.parse(bodies[5] ?? "") as { error: { code: string } }).error.code, "provider_failed");
    }));

  it("is counted in the metrics", () =>
    withServer(async (llm) => {
      llm.script({ text: "x", usage: { prompt_tokens: 5, completion_tokens: 6 } });
      await using gateway = await startLlmGateway(configFor([llm.url]));
      await chat(gateway);
      await chat(gateway, { model: "nope" });
      const text = await gateway.registry.metrics();
      for (const line of [
        'automatos_llm_tokens_total{model="m",direction="prompt"} 5',
        'automatos_llm_tokens_total{model="m",direction="completion"} 6',
        'automatos_llm_requests_total{model="m",provider="p0",outcome="completed"} 1',
        'automatos_llm_refusals_total{reason="model_unknown"} 1',
        "automatos_llm_calls_under_way 0",
      ]) {
        assert.ok(text.includes(line), line);
      }
    }));
});
