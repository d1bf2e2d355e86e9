import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startLlmServer } from "../../../support/llm-server.ts";
import { chat, configFor, errorOf, startLlmGateway } from "./support.ts";

const user = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });
const PNG = "data:image/png;base64,iVBORw0KGgo=";
const image = (url: unknown, more: Record<string, unknown> = {}) => ({
  type: "image_url",
  image_url: { url, ...more },
});
const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };
const schema = (inner: unknown) => ({
  response_format: { type: "json_schema", json_schema: { name: "s", schema: inner } },
});

const PART = "part_unsupported";
const TOOL = "tool_unsupported";
const INVALID = "request_invalid";
const PARAMETER = "parameter_unsupported";
const AT = "messages.0.content.0";

const REFUSED: [what: string, body: Record<string, unknown>, code: string, param: string][] = [
  ["an image elsewhere", user(image("http://10.0.0.5/internal?secret=abc")), PART, AT],
  ["an image at a metadata address", user(image("http://169.254.169.254/latest/meta-data/")), PART, AT],
  ["a file of the provider's machine", user(image("file:///etc/passwd")), PART, AT],
  ["an image by the name of a file", user(image("/etc/passwd")), PART, AT],
  ["an image of the operator's bucket", user(image("gs://bucket/x.png")), PART, AT],
  ["a URL that only begins like data", user(image("data:image/png;base64,AAAA http://10.0.0.5/")), PART, AT],
  ["data that is not base64", user(image("data:image/png,http://10.0.0.5/")), PART, AT],
  ["a URL after a space", user(image(" http://10.0.0.5/")), PART, AT],
  ["a picture that may name others", user(image("data:image/svg+xml;base64,PHN2Zz4=")), PART, AT],
  ["a page as a picture", user(image("data:text/html;base64,PHN2Zz4=")), PART, AT],
  ["an image of no bounded size", user(image(`data:image/png;base64,${"A".repeat(6 * 1024 ** 2 + 4)}`)), PART, AT],
  ["a URL without its object", user({ type: "image_url", image_url: "http://10.0.0.5/" }), PART, AT],
  [
    "an image with a second source",
    user({ ...image(PNG), source: { type: "url", url: "http://10.0.0.5/" } }),
    PART,
    AT,
  ],
  ["an image with a second URL", user(image(PNG, { fallback_url: "http://10.0.0.5/" })), PART, AT],
  [
    "a text with an image beside it",
    user({ type: "text", text: "x", image_url: { url: "http://10.0.0.5/" } }),
    PART,
    AT,
  ],
  ["a part without a type", user({ image_url: { url: "http://10.0.0.5/" } }), PART, AT],
  ["a part that is no object", user("http://10.0.0.5/"), PART, AT],
  ["a video", user({ type: "video_url", video_url: { url: "http://169.254.169.254/" } }), PART, AT],
  ["a sound elsewhere", user({ type: "audio_url", audio_url: { url: "http://10.0.0.5/" } }), PART, AT],
  [
    "a sound's URL as its data",
    user({ type: "input_audio", input_audio: { data: "http://10.0.0.5/a", format: "wav" } }),
    PART,
    AT,
  ],
  ["a file elsewhere", user({ type: "file_url", file_url: { url: "http://10.0.0.5/" } }), PART, AT],
  ["a file of the operator's account", user({ type: "file", file: { file_id: "file-of-another-tenant" } }), PART, AT],
  [
    "the same beside data",
    user({ type: "file", file: { file_id: "file-1", file_data: "data:application/pdf;base64,AAAA" } }),
    PART,
    AT,
  ],
  ["a file's URL as its data", user({ type: "file", file: { file_data: "https://10.0.0.5/x.pdf" } }), PART, AT],
  ["another API's image", user({ type: "input_image", image_url: "http://10.0.0.5/" }), PART, AT],
  ["another API's file", user({ type: "input_file", file_url: "http://10.0.0.5/" }), PART, AT],
  ["a source", user({ type: "image", source: { type: "url", url: "http://10.0.0.5/" } }), PART, AT],
  [
    "a content that is an object",
    { messages: [{ role: "user", content: image("http://10.0.0.5/") }] },
    INVALID,
    "messages.0.content",
  ],
  [
    "an image in a tool's result",
    {
      messages: [
        { role: "user", content: "x" },
        { role: "tool", tool_call_id: "a", content: [image("http://10.0.0.5/")] },
      ],
    },
    PART,
    "messages.1.content.0",
  ],
  [
    "a list of images in a message",
    { messages: [{ role: "user", content: "x", images: ["http://10.0.0.5/"] }] },
    PART,
    "messages.0",
  ],
  ["a sound kept by the provider", { messages: [{ role: "assistant", audio: { id: "audio-1" } }] }, PART, "messages.0"],
  [
    "a call of the provider's tool",
    { messages: [{ role: "assistant", tool_calls: [{ id: "a", type: "web_search" }] }] },
    TOOL,
    "messages.0.tool_calls.0",
  ],
  [
    "a file that was read before, with an image",
    {
      messages: [
        {
          ...{ role: "assistant", content: "x" },
          annotations: [{ type: "file", file: { hash: "h", content: [image("http://10.0.0.5/")] } }],
        },
      ],
    },
    PART,
    "messages.0",
  ],
  ["more attachments than a bound", user(...Array.from({ length: 101 }, () => image(PNG))), INVALID, "messages"],

  ["a search", { tools: [{ type: "web_search" }] }, TOOL, "tools.0"],
  ["a search of a later version", { tools: [tool, { type: "web_search_preview_2025_03_11" }] }, TOOL, "tools.1"],
  ["files of the account", { tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }] }, TOOL, "tools.0"],
  ["a server elsewhere", { tools: [{ type: "mcp", server_url: "http://10.0.0.5/" }] }, TOOL, "tools.0"],
  [
    "the provider's interpreter",
    { tools: [{ type: "code_interpreter", container: { type: "auto" } }] },
    TOOL,
    "tools.0",
  ],
  [
    "a built-in function",
    { tools: [{ type: "builtin_function", function: { name: "$web_search" } }] },
    TOOL,
    "tools.0",
  ],
  ["a tool without a type", { tools: [{ google_search: {} }] }, TOOL, "tools.0"],
  ["a search beside a function", { tools: [{ ...tool, google_search: {} }] }, TOOL, "tools.0"],
  ["tools that are no list", { tools: { type: "web_search" } }, INVALID, "tools"],
  ["an old function with more to it", { functions: [{ name: "f", type: "web_search" }] }, TOOL, "functions.0"],
  ["the choice of a search", { tool_choice: { type: "web_search" } }, TOOL, "tool_choice"],
  [
    "a search among the allowed",
    { tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "mcp" }] } } },
    TOOL,
    "tool_choice.allowed_tools.tools.0",
  ],

  ["a schema elsewhere", schema({ $ref: "http://10.0.0.5/schema.json" }), INVALID, "response_format"],
  [
    "a schema in a file",
    schema({ properties: { a: { items: [{ $ref: "file:///etc/passwd" }] } } }),
    INVALID,
    "response_format",
  ],
  ["a schema by a dynamic reference", schema({ $dynamicRef: "http://10.0.0.5/#a" }), INVALID, "response_format"],
  [
    "a tool's schema elsewhere",
    { tools: [{ type: "function", function: { name: "f", parameters: { $ref: "//10.0.0.5/a" } } }] },
    INVALID,
    "tools",
  ],
  [
    "a prediction with an image",
    { prediction: { type: "content", content: [image(PNG)] } },
    PART,
    "prediction.content.0",
  ],
  ["another kind of prediction", { prediction: { type: "file", file_id: "file-1" } }, PART, "prediction"],
  [
    "thousands of biases",
    { logit_bias: Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [at, 1])) },
    INVALID,
    "logit_bias",
  ],
  ["a bias without bound", { logit_bias: { 1: 1e9 } }, INVALID, "logit_bias.1"],
  ["many stops", { stop: Array.from({ length: 17 }, String) }, INVALID, "stop"],
  ["a long stop", { stop: "x".repeat(1_001) }, INVALID, "stop"],
  ["a number of chances without bound", { top_logprobs: 100_000 }, INVALID, "top_logprobs"],

  ...[
    ...["web_search_options", "modalities", "audio", "plugins", "search_parameters", "extra_body", "extra_headers"],
    ...["enable_search", "moderation", "models", "route", "provider", "transforms", "guided_json", "chat_template"],
    ...["mm_processor_kwargs", "media_io_kwargs", "documents", "kv_transfer_params", "previous_response_id"],
  ].map((name): (typeof REFUSED)[number] => [`the parameter ${name}`, { [name]: {} }, PARAMETER, name]),
];

const PASSED: [what: string, body: Record<string, unknown>][] = [
  ["texts", user({ type: "text", text: "see http://10.0.0.5/", cache_control: { type: "ephemeral" } })],
  ["an image of its own", user({ type: "text", text: "x" }, image(PNG, { detail: "low" }))],
  ["an image as large as one may be", user(image(`data:image/webp;base64,${"A".repeat(6 * 1024 ** 2 - 2)}==`))],
  ["a sound of its own", user({ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } })],
  [
    "a PDF of its own",
    user({ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } }),
  ],
  [
    "an answer as a client gives it back",
    {
      messages: [
        { role: "developer", content: "x", name: "n" },
        {
          ...{ role: "assistant", content: null, refusal: null, audio: null, function_call: null },
          annotations: [{ type: "url_citation", url_citation: { url: "https://example.test/", title: "t" } }],
          reasoning_details: [{ type: "reasoning.text", text: "because" }],
          ...{
            reasoning_content: "because",
            tool_calls: [
              {
                id: "a",
                type: "function",
                function: { name: "f", arguments: "{}" },
                extra_content: { google: { thought_signature: "s" } },
              },
            ],
          },
        },
        { role: "tool", tool_call_id: "a", content: [{ type: "text", text: "y" }] },
        { role: "assistant", content: [{ type: "refusal", refusal: "no" }] },
      ],
    },
  ],
  [
    "tools of the task",
    {
      tools: [tool, { type: "custom", custom: { name: "c", format: { type: "text" } } }],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
    },
  ],
  ["a function in the old form", { functions: [{ name: "f", parameters: {} }], function_call: "auto" }],
  [
    "a schema with references of its own",
    schema({
      $schema: "http://json-schema.org/draft-07/schema#",
      $defs: { a: { type: "string" } },
      properties: { a: { $ref: "#/$defs/a" }, $ref: { type: "string" } },
    }),
  ],
  ["a prediction", { prediction: { type: "content", content: [{ type: "text", text: "x" }] } }],
  ["stops and biases", { stop: ["a", "b"], logit_bias: { 50256: -100 }, logprobs: true, top_logprobs: 5 }],
];

describe("a call of a model makes the provider act on nothing but the call", () => {
  it("so what names a thing elsewhere is refused by its name, and nobody is asked", async () => {
    await using llm = await serverOf();
    await using gateway = await startLlmGateway(configFor([llm.url]));
    for (const [what, body, code, param] of REFUSED) {
      const refused = await chat(gateway, body);
      const error = errorOf(refused);
      assert.deepEqual([refused.status, error.code, error.param], [400, code, param], what);
      assert.doesNotMatch(error.message, /10\.0\.0\.5|passwd/, `${what}: contents stay out of errors`);
    }
    assert.equal(llm.requests.length, 0);
    assert.equal(gateway.ledger.settled.length, 0);
  });

  it("and what holds all that it speaks of is passed on as it came", async () => {
    await using llm = await serverOf();
    await using gateway = await startLlmGateway(configFor([llm.url]));
    for (const [what, body] of PASSED) {
      llm.script({ text: "ok", usage: { prompt_tokens: 1, completion_tokens: 1 } });
      const answer = await chat(gateway, body);
      assert.equal(answer.status, 200, `${what}: ${answer.body}`);
      const seen = llm.requests.at(-1)?.body as Record<string, unknown> | undefined;
      for (const [name, value] of Object.entries(body)) assert.deepEqual(seen?.[name], value, `${what}: ${name}`);
    }
  });

  it("nor does it keep, tag or rank anything in the operator's account", async () => {
    await using llm = await serverOf();
    await using gateway = await startLlmGateway(configFor([llm.url]));
    llm.script({ text: "ok", usage: { prompt_tokens: 1, completion_tokens: 1 } });
    const account = { store: true, metadata: { a: "b" }, service_tier: "priority", prompt_cache_key: "k", user: "me" };
    assert.equal((await chat(gateway, { ...account, safety_identifier: "x" })).status, 200);
    const { user: pseudonym, ...seen } = (llm.requests[0]?.body ?? {}) as Record<string, unknown>;
    assert.deepEqual(Object.keys(seen).sort(), ["max_tokens", "messages", "model"]);
    assert.match(String(pseudonym), /^ws-/);
  });
});

async function serverOf() {
  const server = await startLlmServer();
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
}
