/** Pulumi.<stack>.yaml. Comments and the order of keys survive every change. */
import { rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Document, isCollection, isMap, parseDocument, type YAMLMap } from "yaml";
import { getAt, isSecure, setAt, type ConfigNode, type PathSegment } from "./config-path.ts";
import { ConfigError, ProjectInvalidError, UnsupportedError } from "./errors.ts";
import { readIfExists, writeFileAtomic } from "./files.ts";
import type { Project } from "./project.ts";

export class StackSettings {
  readonly file: string;
  readonly #document: Document;

  private constructor(file: string, document: Document) {
    this.file = file;
    this.#document = document;
  }

  /** The settings of a stack; empty ones when there is no file. @throws ProjectInvalidError */
  static async load(project: Project, stack: string, file = settingsFile(project, stack)): Promise<StackSettings> {
    const text = await readIfExists(file);
    const document = text === undefined ? new Document({}) : parseDocument(text, { keepSourceTokens: true });
    const error = document.errors[0];
    if (error !== undefined) throw new ProjectInvalidError(file, error.message.split("\n")[0] ?? "", error);
    document.contents ??= document.createNode({});
    if (!isMap(document.contents)) throw new ProjectInvalidError(file, "it is no map");
    const settings = new StackSettings(file, document);
    settings.#refuseWhatIsNotSupported();
    return settings;
  }

  get encryptionSalt(): string | undefined {
    const salt = this.#document.get("encryptionsalt");
    return typeof salt === "string" && salt !== "" ? salt : undefined;
  }

  setEncryptionSalt(salt: string): void {
    this.#document.set("encryptionsalt", salt);
  }

  /** Every value, by full key. */
  config(): Map<string, ConfigNode> {
    const config = this.#document.get("config");
    if (config === undefined || config === null) return new Map();
    if (!isMap(config)) throw new ConfigError(`${this.file}: config is no map`);
    return new Map(Object.entries(config.toJS(this.#document) as Record<string, ConfigNode>));
  }

  /**
   * Sets a value, or what is at a path inside of it.
   * @throws ConfigError when the path leads through something that is no container.
   */
  set(key: string, path: readonly PathSegment[], value: ConfigNode): void {
    const before = this.config().get(key);
    const whole = setAt(before === undefined ? undefined : { [key]: before }, [key, ...path], value);
    if (!isMap(this.#document.get("config"))) this.#document.set("config", this.#document.createNode({}));
    // in place where that is possible: comments beside the value stay
    if (path.length > 0 && isCollection(this.#document.getIn(["config", key])) && !isSecure(before))
      this.#document.setIn(["config", key, ...path], this.#toYaml(value));
    else this.#document.setIn(["config", key], this.#toYaml(getAt(whole, [key])));
  }

  /** Removes a value, or what is at a path inside of it; nothing happens when it is not there. */
  remove(key: string, path: readonly PathSegment[]): void {
    if (getAt(this.config().get(key), path) === undefined) return;
    this.#document.deleteIn(["config", key, ...path]);
    const config = this.#document.get("config");
    if (isMap(config) && config.items.length === 0 && config.commentBefore == null) this.#document.delete("config");
  }

  /** Makes these all the values there are; what does not change keeps its comments. */
  replaceConfig(config: ReadonlyMap<string, ConfigNode>): void {
    const before = this.config();
    for (const key of before.keys()) if (!config.has(key)) this.remove(key, []);
    for (const [key, node] of config) if (!isDeepStrictEqual(before.get(key), node)) this.set(key, [], node);
  }

  async save(): Promise<void> {
    const root = this.#document.contents as YAMLMap;
    if (root.items.length === 0 && (await readIfExists(this.file)) === undefined) return;
    // a flow-style `{}` that an empty file was given must not become the style of what is added
    root.flow = false;
    await writeFileAtomic(this.file, root.items.length === 0 ? "{}\n" : this.#document.toString({ lineWidth: 0 }));
  }

  async delete(): Promise<void> {
    await rm(this.file, { force: true });
  }

  /** A scalar is set into the node that is there, whose comment stays; a list or map takes its place. */
  #toYaml(value: ConfigNode | undefined): unknown {
    return typeof value === "object" && value !== null ? this.#document.createNode(value) : value;
  }

  #refuseWhatIsNotSupported(): void {
    const provider = this.#document.get("secretsprovider");
    if (typeof provider === "string" && !["", "default", "passphrase"].includes(provider))
      throw new UnsupportedError(`the secrets provider '${provider}' of ${this.file}: only passphrase is built in`);
    if (this.#document.has("encryptedkey")) throw new UnsupportedError(`the encryptedkey of ${this.file}`);
    if (this.#document.has("environment")) throw new UnsupportedError(`the environment (Pulumi ESC) of ${this.file}`);
  }
}

export function settingsFile(project: Project, stack: string): string {
  return join(project.stackConfigFolder, `Pulumi.${stack}${extname(project.file)}`);
}
