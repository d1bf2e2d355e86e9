import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Where this machine's pip and npm get packages from: what sandboxes use too, and may reach through the gateway. */
export interface MachineIndexes {
  /** Set only where pip is configured; otherwise pip knows its own default. Holds no credentials. */
  readonly pipIndexUrl: string | undefined;
  /** Holds no credentials. */
  readonly npmRegistry: string | undefined;
  /** `host:port` of every index. With its port, as a company's index may have a private address. */
  readonly egressRules: readonly string[];
  /** What a person should know, e.g. that credentials were left out. */
  readonly notes: readonly string[];
}

/** What pip and npm say of themselves. */
export interface PackageManagerSettings {
  /** Lines of `pip config list`. */
  readonly pipConfig: string;
  /** pip's built-in index and the host that its files come from; used where the configuration names no index. */
  readonly pipDefaults: readonly string[];
  /** `npm config list --json`. */
  readonly npmConfig: Readonly<Record<string, unknown>>;
}

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;

/** pip's defaults are known to pip alone: no host is written here. */
const PRINT_PIP_DEFAULTS =
  "from pip._internal.models.index import PyPI; print(PyPI.simple_url); print('https://' + PyPI.file_storage_domain)";

async function outputOf(file: string, args: readonly string[]): Promise<string> {
  try {
    // a script named npm needs a shell on Windows
    const { stdout } = await run(file, args, { timeout: TIMEOUT_MS, shell: process.platform === "win32" });
    return stdout;
  } catch {
    return ""; // not on this machine
  }
}

/** Asks the pip and npm of this machine. One that is missing says nothing. */
export async function readPackageManagers(): Promise<PackageManagerSettings> {
  const python = process.platform === "win32" ? "python" : "python3";
  const [pipConfig, pipDefaults, npmConfig] = await Promise.all([
    outputOf(python, ["-m", "pip", "config", "list"]),
    outputOf(python, ["-c", PRINT_PIP_DEFAULTS]),
    outputOf("npm", ["config", "list", "--json"]),
  ]);
  return {
    pipConfig,
    pipDefaults: pipDefaults.split("\n").filter((line) => line !== ""),
    npmConfig: npmConfig === "" ? {} : (JSON.parse(npmConfig) as Record<string, unknown>),
  };
}

/** The values of a key in `pip config list`: the environment's before the command's before the global one. */
function pipValue(pipConfig: string, key: string): string[] {
  const values = new Map<string, string>();
  for (const line of pipConfig.split("\n")) {
    const match = /^([^.=]+)\.([^=]+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] === key) values.set(match[1], unquote(match[3] ?? ""));
  }
  const found = values.get(":env:") ?? values.get("install") ?? values.get("global") ?? "";
  return found.split(/\s+/).filter((url) => url !== "");
}

/** pip prints Python's notation of a string. */
function unquote(text: string): string {
  return text.replace(/^(['"])(.*)\1$/s, "$2").replaceAll(String.raw`\n`, " ");
}

interface Index {
  readonly url: string;
  readonly rule: string;
}

function toIndex(text: string, owner: string, notes: string[]): Index | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    notes.push(`${owner} is configured with an index that is no http(s) URL; sandboxes do not get it`);
    return undefined;
  }
  if (url.username !== "" || url.password !== "") {
    url.username = "";
    url.password = "";
    notes.push(
      `${owner}'s configuration holds credentials for ${url.host}; sandboxes get its address without them, ` +
        "and cannot install what needs them",
    );
  }
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return { url: url.href, rule: `${url.hostname}:${port}` };
}

/** The indexes in what pip and npm said. */
export function machineIndexes(settings: PackageManagerSettings): MachineIndexes {
  const notes: string[] = [];
  const indexes = (urls: readonly string[], owner: string) => urls.flatMap((url) => toIndex(url, owner, notes) ?? []);

  const [pipIndex] = indexes(pipValue(settings.pipConfig, "index-url").slice(0, 1), "pip");
  const pipExtra = indexes(pipValue(settings.pipConfig, "extra-index-url"), "pip");
  const pipDefaults = pipIndex === undefined ? indexes(settings.pipDefaults, "pip") : [];

  const registries = Object.entries(settings.npmConfig).filter(
    (entry): entry is [string, string] => /^(@.+:)?registry$/.test(entry[0]) && typeof entry[1] === "string",
  );
  const npmIndexes = registries.map(([key, url]) => ({ key, index: indexes([url], "npm")[0] }));

  const all = [pipIndex, ...pipExtra, ...pipDefaults, ...npmIndexes.map(({ index }) => index)];
  return {
    pipIndexUrl: pipIndex?.url,
    npmRegistry: npmIndexes.find(({ key }) => key === "registry")?.index?.url,
    egressRules: [...new Set(all.flatMap((index) => index?.rule ?? []))].sort(),
    notes: [...new Set(notes)],
  };
}
