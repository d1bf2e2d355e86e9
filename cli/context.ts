import { ApiClient } from "./api-client.ts";
import { resolveConnection, type Connection, type ConnectionFlags } from "./config.ts";
import { CliError, UsageError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";
import { forTerminal, makeStyle, toJson, wantsColours, type Style } from "./output/style.ts";

/** The options that every command has. */
export interface GlobalOptions extends ConnectionFlags {
  readonly json?: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What a command works with: the API, and the person or program that reads the answer. */
export class Context {
  readonly client: ApiClient;
  readonly style: Style;
  readonly colours: boolean;
  readonly json: boolean;
  readonly #connection: Connection;

  private constructor(connection: Connection, json: boolean) {
    this.#connection = connection;
    this.client = new ApiClient(connection);
    this.json = json;
    this.colours = wantsColours(process.stdout, process.env);
    this.style = makeStyle(this.colours);
  }

  static async create(options: GlobalOptions): Promise<Context> {
    const connection = await resolveConnection(options, process.env, process.cwd());
    return new Context(connection, options.json === true);
  }

  /** Writes to the standard output. */
  write(text: string): void {
    process.stdout.write(text);
  }

  /** Writes what is meant for a person even when a program reads the answer. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** The answer: the API's document for programs, `human()` for people. */
  answer(document: unknown, human: () => string): void {
    const text = this.json ? toJson(document, 2) : human();
    if (text !== "") this.write(`${text}\n`);
  }

  /** One line of a stream, for programs. */
  writeJsonLine(document: unknown): void {
    this.write(`${toJson(document)}\n`);
  }

  /**
   * The workspace that a command means: the one it names, the default of --workspace, AUTOMATOS_WORKSPACE or the
   * configuration file, or the one that the token belongs to.
   */
  async workspaceId(named?: string): Promise<string> {
    const id = named ?? this.#connection.workspaceId;
    if (id !== undefined) return checkedId("workspace", id);
    const { Caller } = await import("../contracts/http-api.ts");
    const caller = await this.client.call("GET", "/api/whoami", Caller);
    if (caller.workspaceId !== null) return caller.workspaceId;
    throw new UsageError(
      "an admin token belongs to no workspace, and none is named",
      "Give the workspace's id, --workspace, or AUTOMATOS_WORKSPACE; `automatos workspace ls` lists them.",
    );
  }

  /** The default workspace where there is one; undefined leaves it to the token. */
  get defaultWorkspaceId(): string | undefined {
    const id = this.#connection.workspaceId;
    return id === undefined ? undefined : checkedId("workspace", id);
  }
}

/** Whether an argument is an id rather than a name, a rule or a path. */
const looksLikeId = (text: string | undefined): text is string => text !== undefined && UUID.test(text);

/** The id in the form that the API uses. @throws UsageError when it is none. */
export function checkedId(what: string, text: string): string {
  if (!UUID.test(text)) throw new UsageError(`${text} is no ${what} id`, `A ${what} id is a UUID.`);
  return text.toLowerCase();
}

/** The workspace may come first: `egress add <workspace> <rule>` and `egress add <rule>` both work. */
export function splitWorkspace(args: readonly string[]): { named: string | undefined; rest: string[] } {
  const [first, ...rest] = args;
  return looksLikeId(first) ? { named: first, rest } : { named: undefined, rest: [...args] };
}

/** Shows an error and gives the exit status for it. */
export function report(error: unknown, json: boolean): number {
  const style = makeStyle(wantsColours(process.stderr, process.env));
  if (!(error instanceof CliError)) {
    process.stderr.write(
      `${style.red("error")}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return EXIT.failed;
  }
  if (json) process.stderr.write(`${toJson(error)}\n`);
  else {
    const details = error.details.map((line) => `  ${line}\n`).join("");
    const text = forTerminal(`${error.message}\n${details}${error.remedy}`, false);
    process.stderr.write(`${style.red("error")}: ${text}\n`);
  }
  return error.exitCode;
}
