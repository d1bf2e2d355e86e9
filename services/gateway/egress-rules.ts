import { EgressRule } from "../../contracts/workspace.ts";
import { canonicalHost, type EgressTarget } from "./target.ts";

/** Ports that a rule without a port opens. */
const DEFAULT_PORTS: readonly number[] = [80, 443];

/** An allow-list, ready to be asked. */
export interface EgressRules {
  /** Whether any rule names this host (by name or wildcard) and port. */
  allows(target: EgressTarget): boolean;
  /** Whether a rule names this very host and port, which is what opens a private address. */
  lists(target: EgressTarget): boolean;
}

/**
 * Compiles rules of contracts/workspace.ts. The empty list allows nothing. A rule that does not parse allows nothing
 * and is handed to `onInvalid`: one bad row must not take a workspace's network away, nor open more of it.
 */
export function compileEgressRules(rules: Iterable<string>, onInvalid?: (rule: string) => void): EgressRules {
  const listed = new Set<string>();
  const anyDefaultPort = new Set<string>();
  const suffixes: { readonly suffix: string; readonly ports: readonly number[] }[] = [];

  for (const text of rules) {
    const rule = EgressRule.safeParse(text.trim());
    const parts = rule.success ? /^(\*\.)?(\[[^\]]+\]|[^:[\]]+)(?::(\d+))?$/.exec(rule.data) : null;
    const port = parts?.[3] === undefined ? undefined : Number(parts[3]);
    const host = parts?.[2] === undefined ? undefined : tryCanonicalHost(parts[2]);
    if (!parts || !host || (port ?? 1) > 65_535 || (parts[1] !== undefined && host.isAddress)) {
      onInvalid?.(text);
    } else if (parts[1] !== undefined) {
      suffixes.push({ suffix: `.${host.host}`, ports: port === undefined ? DEFAULT_PORTS : [port] });
    } else if (port === undefined) {
      anyDefaultPort.add(host.host);
    } else {
      listed.add(key(host.host, port));
    }
  }

  return {
    lists: ({ host, port }) => listed.has(key(host, port)),
    allows: ({ host, port, isAddress }) =>
      listed.has(key(host, port)) ||
      (DEFAULT_PORTS.includes(port) && anyDefaultPort.has(host)) ||
      (!isAddress && suffixes.some((rule) => rule.ports.includes(port) && host.endsWith(rule.suffix))),
  };
}

/** The rule that would allow a target: what a refusal tells people to add. */
export function ruleFor(target: EgressTarget, options: { readonly explicitPort: boolean }): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return options.explicitPort || !DEFAULT_PORTS.includes(target.port) ? `${host}:${target.port}` : host;
}

const key = (host: string, port: number) => `${host} ${port}`;

function tryCanonicalHost(text: string): { host: string; isAddress: boolean } | undefined {
  try {
    return canonicalHost(text);
  } catch {
    return undefined;
  }
}
