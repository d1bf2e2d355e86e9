import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LlmConfig } from "../../../../contracts/llm.ts";
import { CallSlots, NoSlotError } from "../../../../services/gateway/llm/call-slots.ts";
import { Circuit } from "../../../../services/gateway/llm/circuit.ts";
import { tokensOfPrompt } from "../../../../services/gateway/llm/estimate.ts";
import { EventSplitter, eventData } from "../../../../services/gateway/llm/event-stream.ts";
import { unreasonableShape } from "../../../../services/gateway/llm/json-shape.ts";
import { retryAfterMs } from "../../../../services/gateway/llm/upstream-failure.ts";

describe("events of a stream", () => {
  const line = fc.stringMatching(/^[a-zA-Z0-9 :{}"é€]{0,20}$/);
  const newline = fc.constantFrom("\n", "\r\n");
  const event = fc
    .tuple(
      fc.array(
        line.filter((text) => text !== ""),
        { minLength: 1, maxLength: 3 },
      ),
      newline,
    )
    .map(([lines, end]) => lines.map((text) => text + end).join("") + end);

  it("are found whole however the bytes are cut, and none is lost or changed", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 8 }),
        line,
        fc.array(fc.nat({ max: 60 }), { maxLength: 40 }),
        (events, rest, cuts) => {
          const bytes = Buffer.from(events.join("") + rest);
          const splitter = new EventSplitter(1_000_000);
          const found: string[] = [];
          let from = 0;
          for (const size of [...cuts, bytes.length]) {
            for (const whole of splitter.push(bytes.subarray(from, from + size))) found.push(whole.toString());
            from = Math.min(bytes.length, from + size);
          }
          assert.deepEqual([...found, splitter.rest().toString()], [...events, rest]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("may not be larger than a bound, in however small pieces they come", () => {
    const splitter = new EventSplitter(1_000);
    assert.throws(() => {
      for (let index = 0; index < 2_000; index++) splitter.push(Buffer.from("x"));
    }, /more than 1000 bytes/);
  });

  it("have data of one line or several, or none", () => {
    const dataOf = (text: string) => eventData(Buffer.from(text));
    assert.equal(dataOf("data: a\ndata:b\r\nid: 3\n\n"), "a\nb");
    assert.equal(dataOf(": comment\n\n"), undefined);
  });
});

describe("slots for calls", () => {
  const never = new AbortController().signal;

  it("go round among the workspaces that wait", async () => {
    const slots = new CallSlots(1);
    const first = await slots.acquire("a", never, 1_000);
    const order: string[] = [];
    const all = ["a", "a", "a", "b", "c"].map(async (workspace) => {
      const release = await slots.acquire(workspace, never, 10_000);
      order.push(workspace);
      release();
      release(); // a second time does nothing
    });
    first();
    await Promise.all(all);
    assert.deepEqual(order, ["a", "b", "c", "a", "a"]);
  });

  it("are never all one workspace's", async () => {
    const slots = new CallSlots(8);
    const greedy: (() => void)[] = [];
    await assert.rejects(async () => {
      for (;;) greedy.push(await slots.acquire("greedy", never, 0));
    }, NoSlotError);
    assert.equal(greedy.length, 6);
    const others = [await slots.acquire("b", never, 0), await slots.acquire("c", never, 0)];
    const waiting = slots.acquire("greedy", never, 10_000);
    const late = slots.acquire("d", never, 10_000);
    greedy.pop()?.();
    others.push(await late); // who has none comes first, though he came later
    for (const release of [...greedy, ...others]) release();
    (await waiting)();
    for (let index = 0; index < 6; index += 1) await slots.acquire("greedy", never, 0);
  });

  it("are not waited for for ever, nor by who has left", async () => {
    const slots = new CallSlots(1);
    const release = await slots.acquire("a", never, 1_000);
    await assert.rejects(slots.acquire("a", never, 5), NoSlotError);
    const left = new AbortController();
    const waiting = slots.acquire("b", left.signal, 10_000);
    left.abort(new Error("left"));
    await assert.rejects(waiting, /left/);
    release();
    (await slots.acquire("c", never, 0))();
  });
});

describe("the circuit of a provider", () => {
  it("opens after failures in a row, lets one call try after its rest, and closes when that succeeds", () => {
    let now = 0;
    const circuit = new Circuit({ maxFailures: 2, restMs: 100, now: () => now });
    for (const end of ["failed", "succeeded", "failed", "failed"] as const) {
      assert.ok(circuit.tryEnter());
      circuit[end]();
    }
    assert.equal(circuit.tryEnter(), false);
    now = 100;
    assert.ok(circuit.tryEnter());
    assert.equal(circuit.tryEnter(), false, "one at a time");
    circuit.withdrawn();
    assert.ok(circuit.tryEnter(), "who left said nothing");
    circuit.failed();
    assert.equal(circuit.restsForMs, 100);
    now = 200;
    assert.ok(circuit.tryEnter());
    circuit.succeeded();
    assert.ok(circuit.tryEnter() && circuit.tryEnter());
  });
});

describe("the shape of a request", () => {
  it("is found unreasonable before it is parsed, when it is nested deeply or has very many parts", () => {
    const shape = (text: string) => unreasonableShape(Buffer.from(text));
    assert.match(shape("[".repeat(2_000_000)) ?? "", /nested more than 100 deep/);
    assert.match(shape(`[${"{},".repeat(300_000)}1]`) ?? "", /more than 300000 parts/);
    assert.equal(shape(`${"[".repeat(100)}${"]".repeat(100)}`), undefined);
  });

  it("is that of its brackets: those in strings do not count, whatever is escaped in them", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("[", "{", '"', "\\", "é", "x"), { maxLength: 400 }), (pieces) => {
        const json = JSON.stringify([[pieces.join("")], pieces.join("")]);
        assert.equal(unreasonableShape(Buffer.from(json)), undefined);
        assert.match(unreasonableShape(Buffer.from(json + "[".repeat(101))) ?? "", /nested/);
      }),
    );
  });
});

describe("what is read of providers", () => {
  it("is the time after which they may be asked again, in seconds or as a date", () => {
    const now = Date.parse("2030-01-01T00:00:00Z");
    assert.equal(retryAfterMs("3", now), 3_000);
    assert.equal(retryAfterMs("0.5", now), 500);
    assert.equal(retryAfterMs("Tue, 01 Jan 2030 00:00:10 GMT", now), 10_000);
    assert.equal(retryAfterMs("Mon, 31 Dec 2029 00:00:00 GMT", now), 0);
    for (const text of [undefined, "", "soon", "-1", "1e9"]) assert.equal(retryAfterMs(text, now), undefined, text);
  });

  it("counts an image as an image, and not by its bytes", () => {
    const content = [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(1_000_000)}` } },
    ];
    const messages = [{ role: "user", content }];
    const tokens = tokensOfPrompt(JSON.stringify({ messages }), messages);
    assert.ok(tokens > 1_500 && tokens < 1_600, String(tokens));
  });
});

describe("the configuration of models", () => {
  const provider = { name: "p", baseUrl: "https://p.test/v1", models: ["x"] };
  const model = { targets: [{ provider: "p", model: "x" }], contextWindow: 1_000, maxOutputTokens: 100 };
  const REFUSED: [string, unknown, RegExp][] = [
    ["two providers of one name", { providers: [provider, provider] }, /same name/],
    [
      "a target that no provider has",
      { providers: [provider], models: { m: { ...model, targets: [{ provider: "p", model: "y" }] } } },
      /no such model/,
    ],
    ["a target of an unknown provider", { models: { m: model } }, /there is no provider p/],
    [
      "an answer larger than the window",
      { providers: [provider], models: { m: { ...model, maxOutputTokens: 1_000 } } },
      /must be below/,
    ],
    ["an unknown default", { providers: [provider], models: { m: model }, defaultModel: "n" }, /is not among models/],
    ["a model named default", { providers: [provider], models: { default: model } }, /`default` is taken/],
    ["plain http elsewhere", { providers: [{ ...provider, baseUrl: "http://p.test/v1" }] }, /must be https/],
    ["a key in the URL", { providers: [{ ...provider, baseUrl: "https://sk-1@p.test/v1" }] }, /no credentials/],
    [
      "a query in the URL",
      { providers: [{ ...provider, baseUrl: "https://p.test/v1?key=1" }] },
      /no credentials, query/,
    ],
    ["another protocol", { providers: [{ ...provider, baseUrl: "file:///etc/passwd" }] }, /Invalid/],
  ];
  for (const [what, given, message] of REFUSED) {
    it(`refuses ${what}`, () => {
      const parsed = LlmConfig.safeParse(given);
      assert.match(parsed.error?.message ?? "", message);
    });
  }

  it("takes http on this machine, and elsewhere where that is said", () => {
    for (const baseUrl of ["http://localhost:11434/v1", "http://127.0.0.1/v1", "http://[::1]:8000/v1"]) {
      assert.ok(LlmConfig.safeParse({ providers: [{ ...provider, baseUrl }] }).success, baseUrl);
    }
    assert.equal(
      LlmConfig.safeParse({ providers: [{ ...provider, baseUrl: "http://localhost.evil.test/v1" }] }).success,
      false,
    );
    assert.ok(
      LlmConfig.safeParse({ providers: [{ ...provider, baseUrl: "http://vllm:8000/v1", allowHttp: true }] }).success,
    );
  });
});
