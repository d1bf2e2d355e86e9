/** Certificates, service-account keys and kubeconfigs of a one-node cluster, made with openssl. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

interface Identity {
  readonly name: string;
  /** As openssl writes it: `/O=.../CN=...`. */
  readonly subject: string;
  readonly usage: "serverAuth" | "clientAuth";
  readonly authority: "ca" | "front-proxy-ca";
  readonly alternativeNames?: string;
}

interface PkiOptions {
  /** Holds keys: made with mode 0700. */
  readonly directory: string;
  readonly node: string;
  readonly nodeAddress: string;
  /** The address of the service `kubernetes`: the first of the service network. */
  readonly serviceAddress: string;
}

/** Users that get a kubeconfig `<name>.kubeconfig`, besides their certificate. */
const USERS = ["admin", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];

export async function makePki(options: PkiOptions): Promise<void> {
  const { directory } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await Promise.all([makeAuthority(directory, "ca"), makeAuthority(directory, "front-proxy-ca")]);
  await Promise.all([
    ...identities(options).map((identity) => makeCertificate(directory, identity)),
    run("openssl", ["genrsa", "-out", "sa.key", "2048"], { cwd: directory }).then(() =>
      run("openssl", ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"], { cwd: directory }),
    ),
  ]);
  await Promise.all(USERS.map((user) => writeKubeconfig(options, user)));
}

function identities({ node, nodeAddress, serviceAddress }: PkiOptions): Identity[] {
  const apiNames = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    .map((name) => `DNS:${name}`)
    .concat(["127.0.0.1", nodeAddress, serviceAddress].map((address) => `IP:${address}`))
    .join(",");
  const client = (name: string, subject: string, authority: Identity["authority"] = "ca"): Identity => ({
    name,
    subject,
    usage: "clientAuth",
    authority,
  });
  const server = (name: string, subject: string, alternativeNames: string): Identity => ({
    name,
    subject,
    usage: "serverAuth",
    authority: "ca",
    alternativeNames,
  });
  return [
    server("apiserver", "/CN=kube-apiserver", apiNames),
    server("kubelet-server", `/CN=${node}`, `DNS:${node},IP:${nodeAddress},IP:127.0.0.1`),
    client("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    client("front-proxy-client", "/CN=front-proxy-client", "front-proxy-ca"),
    client("admin", "/O=system:masters/CN=admin"),
    client("kube-controller-manager", "/CN=system:kube-controller-manager"),
    client("kube-scheduler", "/CN=system:kube-scheduler"),
    client("kubelet", `/O=system:nodes/CN=system:node:${node}`),
    client("kube-proxy", "/CN=system:kube-proxy"),
  ];
}

async function makeKey(cwd: string, name: string): Promise<void> {
  await run("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`], { cwd });
}

async function makeAuthority(cwd: string, name: string): Promise<void> {
  await makeKey(cwd, name);
  const usages = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
  const extensions = usages.flatMap((usage) => ["-addext", usage]);
  const request = ["req", "-x509", "-new", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-days", "30"];
  await run("openssl", [...request, ...extensions, "-out", `${name}.crt`], { cwd });
}

async function makeCertificate(cwd: string, identity: Identity): Promise<void> {
  const { name, subject, usage, authority, alternativeNames } = identity;
  await makeKey(cwd, name);
  await run("openssl", ["req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`], { cwd });
  const extensions = ["keyUsage=critical,digitalSignature", `extendedKeyUsage=${usage}`];
  if (alternativeNames !== undefined) extensions.push(`subjectAltName=${alternativeNames}`);
  await writeFile(path.join(cwd, `${name}.ext`), `${extensions.join("\n")}\n`);
  const signing = ["x509", "-req", "-in", `${name}.csr`, "-CA", `${authority}.crt`, "-CAkey", `${authority}.key`];
  // Each its own serial number: a shared serial file would be written by several at once.
  const serial = ["-set_serial", `0x${Buffer.from(name).toString("hex")}`];
  await run("openssl", [...signing, ...serial, "-days", "30", "-extfile", `${name}.ext`, "-out", `${name}.crt`], {
    cwd,
  });
  await Promise.all([`${name}.csr`, `${name}.ext`].map((file) => rm(path.join(cwd, file))));
}

async function writeKubeconfig({ directory, nodeAddress }: PkiOptions, user: string): Promise<void> {
  const base64 = async (file: string) => (await readFile(path.join(directory, file))).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [
      {
        name: "test",
        cluster: { server: `https://${nodeAddress}:6443`, "certificate-authority-data": await base64("ca.crt") },
      },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user } }],
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": await base64(`${user}.crt`),
          "client-key-data": await base64(`${user}.key`),
        },
      },
    ],
  };
  await writeFile(path.join(directory, `${user}.kubeconfig`), JSON.stringify(config), { mode: 0o600 });
}
