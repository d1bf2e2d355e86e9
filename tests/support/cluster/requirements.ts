/** What the machine must have for the test cluster, and how it is brought where it is missing. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { installPackages, programOfMachine } from "../debian-packages.ts";

const run = promisify(execFile);

/** Programs by the Debian package that brings them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  etcd: "etcd-server",
  containerd: "containerd",
  runc: "runc",
  nft: "nftables",
  iptables: "iptables",
  conntrack: "conntrack",
  ip: "iproute2",
  nsenter: "util-linux",
  flock: "util-linux",
  openssl: "openssl",
};
/** Files by the Debian package that brings them: busybox must be the static one, it is all that the image holds. */
const FILES: Readonly<Record<string, string>> = {
  "/usr/lib/cni/ptp": "containernetworking-plugins",
  "/usr/share/doc/busybox-static": "busybox-static",
};

/**
 * Installs missing Debian packages where that is possible.
 * @returns What is still missing, one sentence each; empty when the cluster can be built and run.
 */
export async function satisfyRequirements(): Promise<string[]> {
  if (process.platform !== "linux") return [`the test cluster runs on Linux alone, this is ${process.platform}`];
  if (process.getuid?.() !== 0) return ["the test cluster needs root: network namespaces, containers"];
  const packages = missingPackages();
  if (packages.length > 0) {
    if (programOfMachine("apt-get") === undefined) return [`missing ${packages.join(", ")}, and there is no apt-get`];
    try {
      await installPackages(packages);
    } catch (error) {
      return [`apt-get could not install ${packages.join(", ")}: ${(error as Error).message}`];
    }
    const still = missingPackages();
    if (still.length > 0) return [`apt-get installed ${packages.join(", ")}, yet ${still.join(", ")} are missing`];
  }
  return [...(await missingGo()), ...(await canMakeNetworkNamespace())];
}

/** Of node-binary/go.mod. */
const OLDEST_GO = 24;

async function missingGo(): Promise<string[]> {
  const go = programOfMachine("go");
  const needed = `Go 1.${OLDEST_GO} or newer, which builds the cluster's binary,`;
  if (go === undefined) return [`${needed} is not on PATH`];
  const { stdout } = await run(go, ["version"]);
  const minor = Number(/go1\.(\d+)/.exec(stdout)?.[1] ?? 0);
  return minor >= OLDEST_GO ? [] : [`${needed} is not there: ${go} is ${stdout.trim()}`];
}

function missingPackages(): string[] {
  const packages = [
    ...Object.entries(PROGRAMS).flatMap(([program, name]) => (programOfMachine(program) === undefined ? [name] : [])),
    ...Object.entries(FILES).flatMap(([file, name]) => (existsSync(file) ? [] : [name])),
  ];
  return [...new Set(packages)];
}

async function canMakeNetworkNamespace(): Promise<string[]> {
  const name = `automatos-probe-${process.pid}`;
  try {
    await run("ip", ["netns", "add", name]);
    await run("ip", ["netns", "delete", name]);
    return [];
  } catch (error) {
    return [`no network namespace can be made here: ${(error as Error).message.trim()}`];
  }
}
