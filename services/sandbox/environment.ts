import { INSIDE } from "./inner-script.ts";
import { InvalidCommandError } from "./sandbox-errors.ts";
import type { SandboxCommand, SandboxProfile } from "./sandbox.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What every command finds in its environment, before what its task and its caller add. */
export function baseEnvironment(home: string, path: string): Record<string, string> {
  return { PATH: path, HOME: home, USER: "agent", LOGNAME: "agent", LANG: "C.UTF-8", TMPDIR: "/tmp", TERM: "dumb" };
}

/** Variables by which git, npm, pip, curl, Node and most others find the way out, and OpenAI's clients the gateway's models. */
export function proxyEnvironment(gateway: SandboxProfile["gateway"]): Record<string, string> {
  if (gateway === undefined) return {};
  const url = `http://task:${encodeURIComponent(gateway.token)}@127.0.0.1:${INSIDE.proxyPort}`;
  return {
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    ALL_PROXY: url,
    http_proxy: url,
    https_proxy: url,
    all_proxy: url,
    NO_PROXY: "",
    no_proxy: "",
    npm_config_proxy: url,
    npm_config_https_proxy: url,
    npm_config_noproxy: "",
    NODE_USE_ENV_PROXY: "1", // Node >= 22.21: fetch and http go through the proxy
    ...(gateway.hasModels === true && {
      OPENAI_BASE_URL: `http://127.0.0.1:${INSIDE.proxyPort}/v1`,
      OPENAI_API_KEY: gateway.token, // good for this task alone, and no provider knows it
    }),
  };
}

/** `NAME=value` of everything; the command's own variables win over the profile's, those over the sandbox's. */
export function environmentList(...layers: readonly Readonly<Record<string, string>>[]): string[] {
  const merged = Object.assign({}, ...layers) as Record<string, string>;
  return Object.entries(merged).map(([name, value]) => {
    if (!NAME.test(name)) throw new InvalidCommandError(`${JSON.stringify(name)} is no name of a variable`);
    if (value.includes("\0")) throw new InvalidCommandError(`variable ${name} holds a NUL byte`);
    return `${name}=${value}`;
  });
}

export function checkArgv(command: SandboxCommand): void {
  if (command.argv[0] === "") throw new InvalidCommandError("its program has no name");
  if (command.argv.some((argument) => argument.includes("\0"))) {
    throw new InvalidCommandError("an argument holds a NUL byte");
  }
}

/** The command as it is started: on a terminal it leads a session of its own, which has that terminal. */
export function onTerminal({ argv, terminalFd }: SandboxCommand): readonly [string, ...string[]] {
  return terminalFd === undefined ? argv : ["setsid", "--ctty", "--wait", "--", ...argv];
}
