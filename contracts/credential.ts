import { z } from "zod";
import { EgressRule } from "./workspace.ts";

/** What a credential is for. It decides where its value goes, and which service can decrypt it. */
export const CredentialKind = z
  .enum(["env", "ssh_key", "git_https", "file", "database"])
  .describe(
    "env: a variable of the task's commands. ssh_key: for git over SSH. file: below the home of the task. git_https: added " +
      "by the gateway to requests of git. database: for the tool database_query.",
  );
export type CredentialKind = z.infer<typeof CredentialKind>;

/** Kinds whose values are given to a task that names them; the others never enter a sandbox. */
export const TASK_CREDENTIAL_KINDS = ["env", "ssh_key", "file"] as const satisfies readonly CredentialKind[];

export const CredentialName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, "must be 1 to 63 letters, digits, `-` and `_`, and begin with no sign");

/**
 * What is shorter cannot be redacted: it would stand in innocent text as well, and each such place would tell what the
 * value is.
 */
export const MIN_SECRET_CHARS = 8;
const MAX_SECRET_CHARS = 32_768;
const secret = z
  .string()
  .min(MIN_SECRET_CHARS)
  .max(MAX_SECRET_CHARS)
  .refine((text) => !text.includes("\0"), "holds a NUL byte")
  .refine(
    (text) => text.replaceAll(/\s/g, "").length >= MIN_SECRET_CHARS,
    `must hold ${MIN_SECRET_CHARS} characters beside white space`,
  );

/** Variables that decide what a program loads or runs: a credential is a value, not a way to change the platform's. */
const RESERVED_VARIABLE =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|IFS|ENV|BASH_ENV|LD_.*|GIT_(?!TOKEN).*|.*_proxy|.*_PROXY|NODE_OPTIONS|AUTOMATOS_.*)$/;
const CredentialVariable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/)
  .refine((name) => !RESERVED_VARIABLE.test(name), "is a variable of the sandbox itself");

/** `~/<path>`: below the home of the task. */
const HomePath = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9._@+-]+(\/[A-Za-z0-9._@+-]+)*$/, "must be a relative path of plain names")
  .refine((path) => path.split("/").every((part) => part !== "." && part !== ".."), "must hold no `.` or `..`")
  .refine(
    (path) => !/^(repos|tasks|artifacts|\.ssh|\.gitconfig|\.workspace_meta\.json)(\/|$)/.test(path),
    "is a place of the platform's",
  );

const host = EgressRule.refine((rule) => !rule.startsWith("*"), "must name one host");
const line = z
  .string()
  .max(10_000)
  .regex(/^[^\r\n\0]*$/, "must be one line");

/** A credential as it is set. The value is never given back. */
export const CredentialInput = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("env"), variable: CredentialVariable, value: secret }),
  z.strictObject({
    kind: z.literal("ssh_key"),
    host: host.describe("`host` or `host:port`; the workspace's egress rules must list it with its port (22)."),
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/)
      .default("git"),
    privateKey: secret
      .regex(/^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n/, "must be a private key in PEM or OpenSSH form")
      .describe("Without a passphrase: nobody is there to type one."),
    knownHosts: z
      .string()
      .min(1)
      .max(10_000)
      .refine((text) => !text.includes("\0"), "holds a NUL byte")
      .describe("Lines of known_hosts, as `ssh-keyscan` prints them; a host whose key differs is refused."),
  }),
  z.strictObject({
    kind: z.literal("git_https"),
    host,
    username: line
      .min(1)
      .max(200)
      .regex(/^[^:]*$/, "must hold no `:`")
      .default("x-access-token"),
    token: secret.regex(/^[\x21-\x7e]+$/, "must be printable characters without spaces"),
  }),
  z.strictObject({
    kind: z.literal("file"),
    path: HomePath,
    content: secret,
    variable: CredentialVariable.optional().describe("Set to the file's absolute path in each command of the task."),
  }),
  z.strictObject({
    kind: z.literal("database"),
    url: secret.pipe(z.url({ protocol: /^postgres(ql)?$/ })).describe("`postgres://user:password@host:port/database`."),
  }),
]);
export type CredentialInput = z.infer<typeof CredentialInput>;
export type CredentialOf<Kind extends CredentialKind> = Extract<CredentialInput, { kind: Kind }>;

/** What may be told of a credential. */
export const Credential = z.strictObject({
  name: CredentialName,
  kind: CredentialKind,
  target: z.string().describe("The variable, host, path or database that it is for."),
  version: z.int().min(1).describe("Grows with each change of the value."),
  fingerprint: z.string().describe("Of the value: tells whether two are the same, within this workspace only."),
  keyId: z.string().describe("The key that it is encrypted with."),
  createdAt: z.iso.datetime({ offset: true }),
  updatedAt: z.iso.datetime({ offset: true }),
  lastUsedAt: z.iso.datetime({ offset: true }).nullable().describe("To the minute."),
});
export type Credential = z.infer<typeof Credential>;

export const CredentialList = z.strictObject({ items: z.array(Credential) });

/** How many credentials each key still decrypts. */
export const CredentialKeyUse = z.strictObject({
  keyId: z.string(),
  credentials: z.int().min(0),
  state: z
    .enum(["current", "old", "missing"])
    .describe(
      "current: encrypts. old: decrypts only. missing: not among CREDENTIAL_KEYS, so its values cannot be read.",
    ),
});
export type CredentialKeyUse = z.infer<typeof CredentialKeyUse>;
export const CredentialKeys = z.strictObject({ items: z.array(CredentialKeyUse) });
export type CredentialKeys = z.infer<typeof CredentialKeys>;

export const CredentialRotation = z.strictObject({
  rotated: z.int().min(0).describe("Credentials that were encrypted anew with the current key."),
  remaining: z.int().min(0).describe("Credentials that are not: their keys are missing, or they are damaged."),
  keys: z.array(CredentialKeyUse),
});
export type CredentialRotation = z.infer<typeof CredentialRotation>;
