import { LlmRequestInvalidError, PartUnsupportedError, ToolUnsupportedError } from "./errors.ts";

/**
 * What a provider is sent must hold all that it needs. Anything that names a thing elsewhere (a URL that the provider
 * fetches, a file of the operator's account, a search that it makes) would be a way around the sandbox's egress rules, and
 * into the provider's own network. Therefore what may pass stands here, and what does not stand here is refused:
 * OpenAI-compatible servers read more kinds of parts, and more fields of them, than anybody could list.
 */

/** Of an object, whichever it has; those that are read by name. */
type Known =
  | ("type" | "text" | "refusal" | "image_url" | "url" | "detail" | "input_audio" | "data" | "format" | "file")
  | ("filename" | "file_data" | "content" | "tool_calls" | "extra_content" | "url_citation" | "google")
  | ("tools" | "functions" | "tool_choice" | "allowed_tools" | "prediction");
type Fields = Readonly<Record<string, unknown> & Partial<Record<Known, unknown>>>;

const CALL_FIELDS: ReadonlySet<string> = new Set(["id", "index", "type", "function", "custom", "extra_content"]);
const TOOL_FIELDS: ReadonlySet<string> = new Set(["type", "function", "custom", "cache_control"]);
const TOOL_TYPES: ReadonlySet<unknown> = new Set(["function", "custom"]);
const CHOICE_TYPES: ReadonlySet<unknown> = new Set(["function", "custom", "allowed_tools"]);

const MAX_ATTACHMENTS = 100;
/** As characters of base64: 4.5 MiB of bytes. */
const MAX_ATTACHMENT_LENGTH = 6 * 1024 ** 2;
const NOT_BASE64 = /[^A-Za-z0-9+/]/;
const PADDING = /={1,2}$/;
/** Pictures made of points alone: an SVG may name others, which who draws it fetches. */
const IMAGE = /^data:image\/(?:png|jpe?g|gif|webp|bmp|tiff|avif|hei[cf]);base64,/;
const PDF = /^data:application\/pdf;base64,/;
const WORD = /^[A-Za-z][\w.:-]{0,39}$/;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isBase64 = (value: unknown, from = 0): boolean => {
  if (typeof value !== "string" || value.length === from || value.length - from > MAX_ATTACHMENT_LENGTH) return false;
  const padding = PADDING.exec(value.slice(-2))?.[0].length ?? 0; // searched for by itself: the long part has one pass
  return !NOT_BASE64.test(value.slice(from, value.length - padding));
};
const isDataUrl = (value: unknown, head: RegExp): boolean => {
  const found = typeof value === "string" ? head.exec(value) : null;
  return found !== null && isBase64(value, found[0].length);
};
/** Whether there is nothing else in it: servers look at fields that the type does not call for. */
const hasOnly = (value: unknown, ...names: string[]): value is Fields =>
  isFields(value) && Object.keys(value).every((name) => names.includes(name) || isNothing(value[name]));
const isNothing = (value: unknown): boolean => value === null || value === undefined;
const isText = (value: unknown): value is string => typeof value === "string";
const isWord = (value: unknown): boolean => isNothing(value) || (isText(value) && WORD.test(value));

const isTextPart = (part: unknown): boolean =>
  hasOnly(part, "type", "text", "annotations", "cache_control") && part.type === "text" && isText(part.text);

/** By type: whether a part is one that holds all it speaks of. */
const ATTACHMENTS: ReadonlyMap<unknown, (part: Fields) => boolean> = new Map<unknown, (part: Fields) => boolean>([
  [
    "image_url",
    (part) =>
      hasOnly(part, "type", "image_url", "cache_control") &&
      hasOnly(part.image_url, "url", "detail") &&
      isWord(part.image_url.detail) &&
      isDataUrl(part.image_url.url, IMAGE),
  ],
  [
    "input_audio",
    (part) =>
      hasOnly(part, "type", "input_audio", "cache_control") &&
      hasOnly(part.input_audio, "data", "format") &&
      isWord(part.input_audio.format) &&
      isBase64(part.input_audio.data),
  ],
  [
    "file",
    (part) =>
      hasOnly(part, "type", "file", "cache_control") &&
      hasOnly(part.file, "filename", "file_data") &&
      (isNothing(part.file.filename) || isText(part.file.filename)) &&
      isDataUrl(part.file.file_data, PDF),
  ],
]);

const isPlain = (value: unknown): boolean => isText(value) || typeof value === "boolean" || typeof value === "number";
const isListOf = (isItem: (item: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isItem);
/** Looked at by themselves. */
const isAny = () => true;

/** What a message may hold: OpenAI's fields, and those in which other servers give a model's reasoning and want it back. */
const MESSAGE_FIELDS: ReadonlyMap<string, (value: unknown) => boolean> = new Map<string, (value: unknown) => boolean>([
  ...["content", "tool_calls"].map((name) => [name, isAny] as const),
  ...["role", "name", "refusal", "tool_call_id", "prefix", "reasoning", "reasoning_content", "thinking"].map(
    (name) => [name, isPlain] as const,
  ),
  ["function_call", (value) => hasOnly(value, "name", "arguments")],
  // Others carry files back that a router has read before, with their images.
  ["annotations", isListOf((item) => hasOnly(item, "type", "url_citation") && item.type === "url_citation")],
  ["reasoning_details", isListOf((item) => isFields(item) && isText(item.type) && item.type.startsWith("reasoning."))],
  ["extra_content", (value) => isSignature(value)],
  ["cache_control", isFields],
]);

/** Google's, of a thought or a call. */
const isSignature = (value: unknown): boolean =>
  isNothing(value) ||
  (hasOnly(value, "google") && isFields(value.google) && Object.values(value.google).every(isPlain));

/** @throws PartUnsupportedError, ToolUnsupportedError, LlmRequestInvalidError */
export function requireSelfContainedMessages(messages: readonly Fields[]): void {
  let attachments = 0;
  for (const [index, message] of messages.entries()) {
    const at = `messages.${index}`;
    for (const [name, value] of Object.entries(message)) {
      if (!isNothing(value) && MESSAGE_FIELDS.get(name)?.(value) !== true)
        throw new PartUnsupportedError(at, nameOf(name));
    }
    for (const [place, call] of listOf(message.tool_calls, `${at}.tool_calls`)) {
      const isCall = hasOnly(call, ...CALL_FIELDS) && (isNothing(call.type) || TOOL_TYPES.has(call.type));
      if (!isCall || !isSignature(call.extra_content)) throw new ToolUnsupportedError(place, typeOf(call));
    }
    if (isText(message.content)) continue;
    for (const [place, part] of listOf(message.content, `${at}.content`)) {
      if (isTextPart(part)) continue;
      if (!isFields(part)) throw new PartUnsupportedError(place, undefined);
      if (part.type === "refusal" && hasOnly(part, "type", "refusal") && isText(part.refusal)) continue;
      if (ATTACHMENTS.get(part.type)?.(part) !== true) throw new PartUnsupportedError(place, typeOf(part));
      attachments += 1;
      if (attachments > MAX_ATTACHMENTS)
        throw new LlmRequestInvalidError(`the request has more than ${MAX_ATTACHMENTS} attachments`, "messages");
    }
  }
}

/**
 * Checks what stands beside the messages: tools are called by the task and never by the provider, predictions are text, and
 * schemas name nothing outside themselves.
 *
 * @throws PartUnsupportedError, ToolUnsupportedError, LlmRequestInvalidError
 */
export function requireSelfContainedParameters(parameters: Fields): void {
  requireOwnTools(parameters.tools, "tools");
  for (const [place, definition] of listOf(parameters.functions, "functions")) {
    if (!hasOnly(definition, "name", "description", "parameters", "strict"))
      throw new ToolUnsupportedError(place, typeOf(definition));
  }
  const { tool_choice: choice, prediction } = parameters;
  if (isFields(choice)) {
    const isChoice = hasOnly(choice, "type", "function", "custom", "allowed_tools") && CHOICE_TYPES.has(choice.type);
    const allowed = choice.allowed_tools ?? {};
    if (!isChoice || !hasOnly(allowed, "mode", "tools")) throw new ToolUnsupportedError("tool_choice", typeOf(choice));
    requireOwnTools(allowed.tools, "tool_choice.allowed_tools.tools");
  } else if (!isWord(choice)) throw new LlmRequestInvalidError("tool_choice: is not valid", "tool_choice");
  if (!isNothing(prediction)) {
    if (!hasOnly(prediction, "type", "content") || prediction.type !== "content")
      throw new PartUnsupportedError("prediction", typeOf(prediction));
    if (!isText(prediction.content)) {
      for (const [place, part] of listOf(prediction.content, "prediction.content"))
        if (!isTextPart(part)) throw new PartUnsupportedError(place, typeOf(part));
    }
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (name !== "messages") requireLocalReferences(value, name);
  }
}

function requireOwnTools(tools: unknown, at: string): void {
  for (const [place, tool] of listOf(tools, at)) {
    if (!hasOnly(tool, ...TOOL_FIELDS) || !TOOL_TYPES.has(tool.type))
      throw new ToolUnsupportedError(place, typeOf(tool));
  }
}

/** Some validators of schemas fetch what a reference names. The request's nesting is bounded before. */
function requireLocalReferences(value: unknown, parameter: string): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (/^\$(?:dynamic|recursive)?ref$/i.test(name) && isText(inner) && !inner.startsWith("#"))
      throw new LlmRequestInvalidError(
        `${parameter}: a schema's $ref must begin with "#": nothing outside the request is read`,
        parameter,
      );
    requireLocalReferences(inner, parameter);
  }
}

/** The places and items of what must be a list, or nothing. */
function* listOf(value: unknown, at: string): Generator<[place: string, item: unknown]> {
  if (isNothing(value)) return;
  if (!Array.isArray(value)) throw new LlmRequestInvalidError(`${at}: must be a list`, at);
  for (const [index, item] of (value as unknown[]).entries()) yield [`${at}.${index}`, item];
}

/** A name that may be told: errors are logged, and what is no word may be a content. */
const nameOf = (name: unknown): string | undefined => (isText(name) && WORD.test(name) ? name : undefined);
const typeOf = (value: unknown): string | undefined => (isFields(value) ? nameOf(value.type) : undefined);
