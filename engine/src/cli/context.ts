/** What a command works with: the project around it, its state store, the stack that is meant, its secrets. */
import { holdsSecrets, type Deployment } from "../backend/deployment.ts";
import { NoStackSelectedError, StackNotFoundError, UnsupportedError } from "../backend/errors.ts";
import { stateStoreUrl, type Environment } from "../backend/locations.ts";
import { openStore } from "../backend/open-store.ts";
import { Crypter, readPassphrase } from "../backend/passphrase.ts";
import { findProject, requireProject, type Project } from "../backend/project.ts";
import { parseStackReference, qualifiedName, type StackReference } from "../backend/stack-reference.ts";
import { StackSettings } from "../backend/stack-settings.ts";
import type { StackStore } from "../backend/stack-store.ts";
import { selectedStack, selectStack } from "../backend/workspace.ts";
import type { Terminal } from "./terminal.ts";

export class CommandContext {
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly #folder: string;
  readonly #unchecked: boolean;
  readonly #fullNames: boolean;
  #store: Promise<StackStore> | undefined;
  #passphrase: Promise<string> | undefined;

  /**
   * @param deps `unchecked`: takes states whose resources do not fit together; `fullNames`: shows stacks by their
   * qualified names.
   */
  constructor(deps: { env: Environment; terminal: Terminal; folder: string; unchecked: boolean; fullNames: boolean }) {
    this.env = deps.env;
    this.terminal = deps.terminal;
    this.#folder = deps.folder;
    this.#unchecked = deps.unchecked;
    this.#fullNames = deps.fullNames;
  }

  warn = (message: string): void => this.terminal.err(`warning: ${message}\n`);

  /** @throws ProjectNotFoundError */
  project(): Promise<Project> {
    return requireProject(this.#folder);
  }

  async store(): Promise<StackStore> {
    this.#store ??= this.#findStore();
    return this.#store;
  }

  async #findStore(): Promise<StackStore> {
    const project = await this.findProject();
    return this.openStore(await stateStoreUrl(this.env, project ?? { folder: this.#folder }));
  }

  openStore(url: string): Promise<StackStore> {
    return openStore(url, this.env, { warn: this.warn, read: { unchecked: this.#unchecked } });
  }

  /** The project around the command; undefined where there is none. */
  findProject(): Promise<Project | undefined> {
    return findProject(this.#folder);
  }

  /** A stack as people are shown it: without what the project around says already. */
  async displayName(stack: StackReference): Promise<string> {
    const own = (await this.findProject())?.name === stack.project;
    return own && !this.#fullNames ? stack.name : qualifiedName(stack);
  }

  /** The stack that a name means here. */
  async reference(name: string): Promise<StackReference> {
    return parseStackReference(name, (await this.findProject())?.name);
  }

  /**
   * The stack that a command is about: the named one, or the selected one.
   * @throws NoStackSelectedError, StackNotFoundError
   */
  async requireStack(name: string | undefined): Promise<StackReference> {
    const stack = name === undefined ? await this.currentStack() : await this.reference(name);
    if (stack === undefined) throw new NoStackSelectedError();
    if (!(await (await this.store()).exists(stack))) throw new StackNotFoundError(stack.name);
    return stack;
  }

  async currentStack(): Promise<StackReference | undefined> {
    const project = await this.findProject();
    if (project === undefined) return undefined;
    const name = await selectedStack(this.env, project, (await this.store()).url);
    return name === undefined ? undefined : parseStackReference(name, project.name);
  }

  async select(stack: StackReference | undefined): Promise<void> {
    const project = await this.findProject();
    if (project === undefined) return;
    await selectStack(this.env, project, (await this.store()).url, stack && qualifiedName(stack));
  }

  /** @param file `--config-file` */
  async settings(stack: StackReference, file?: string): Promise<StackSettings> {
    return StackSettings.load(await this.project(), stack.name, file);
  }

  /**
   * The crypter of a stack's settings. Settings without a salt are given one, and saved.
   * @throws PassphraseMissingError, WrongPassphraseError
   */
  async crypter(settings: StackSettings): Promise<Crypter> {
    const salt = settings.encryptionSalt;
    if (salt !== undefined) return Crypter.open(await this.#readPassphrase(), salt, settings.file);
    const crypter = await Crypter.create(await this.#newPassphrase());
    settings.setEncryptionSalt(crypter.salt);
    await settings.save();
    return crypter;
  }

  /** The crypter that a deployment's secrets were made with, where they were not made with `own`. */
  async crypterOf(deployment: Deployment, where: string, own?: Crypter): Promise<Crypter | undefined> {
    const { type = "passphrase", state } = deployment.secrets_providers ?? {};
    if (type !== "passphrase" && holdsSecrets(deployment))
      throw new UnsupportedError(`the secrets provider '${type}' of ${where}`, "only passphrase is built in");
    const salt = state?.salt;
    if (salt === undefined || salt === own?.salt || !holdsSecrets(deployment)) return own;
    return Crypter.open(await this.#readPassphrase(), salt, where);
  }

  async #readPassphrase(): Promise<string> {
    const { terminal } = this;
    this.#passphrase ??= readPassphrase(
      this.env,
      terminal.interactive ? (question) => terminal.askSecret(question) : undefined,
    );
    return this.#passphrase;
  }

  /** A passphrase that is typed for the first time is typed twice. */
  async #newPassphrase(): Promise<string> {
    const first = await this.#readPassphrase();
    const isSet = this.env["PULUMI_CONFIG_PASSPHRASE"] ?? this.env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    if (isSet !== undefined) return first;
    while ((await this.terminal.askSecret("Re-enter your passphrase to confirm: ")) !== first)
      this.terminal.err("error: passphrases do not match\n");
    return first;
  }
}
