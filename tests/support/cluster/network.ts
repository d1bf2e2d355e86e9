/**
 * The cluster's network: a namespace of its own, one cable to the host, no route out. Several clusters on one machine
 * (of several checkouts) take a slot each: slot n has 10.200.n.0/30, 10.244.n.0/24 and 10.96.n.0/24.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const SLOTS = 64;

export interface ClusterNetwork {
  /** Also the name of everything else that this cluster owns on the machine. */
  readonly name: string;
  readonly hostAddress: string;
  readonly nodeAddress: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** The first of the service network: the service `kubernetes`. */
  readonly serviceAddress: string;
}

export function networkOfSlot(slot: number): ClusterNetwork {
  return {
    name: `automatos-k8s-${slot}`,
    hostAddress: `10.200.${slot}.1`,
    nodeAddress: `10.200.${slot}.2`,
    podCidr: `10.244.${slot}.0/24`,
    serviceCidr: `10.96.${slot}.0/24`,
    serviceAddress: `10.96.${slot}.1`,
  };
}

/** Claims the first free slot: making the namespace is the claim, which the kernel grants once. */
export async function claimNetwork(): Promise<ClusterNetwork> {
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const network = networkOfSlot(slot);
    const claimed = await run("ip", ["netns", "add", network.name]).then(
      () => true,
      (error: unknown) => {
        if ((error as Error).message.includes("File exists")) return false;
        throw error;
      },
    );
    if (claimed) {
      await connect(network);
      return network;
    }
  }
  throw new Error(`all ${SLOTS} slots of test clusters are taken: see \`ip netns list\``);
}

/** A command line that runs in the cluster's network. `ip netns exec` would hide /sys/fs/cgroup. */
export function inNetwork({ name }: ClusterNetwork, command: readonly string[]): string[] {
  return ["nsenter", `--net=/run/netns/${name}`, ...command];
}

async function connect(network: ClusterNetwork): Promise<void> {
  const { name, hostAddress, nodeAddress, podCidr, serviceCidr } = network;
  const cable = cableOf(network);
  const steps = [
    `link add ${cable} type veth peer name eth0 netns ${name}`,
    `addr add ${hostAddress}/30 dev ${cable}`,
    `link set ${cable} up`,
    `-n ${name} addr add ${nodeAddress}/30 dev eth0`,
    `-n ${name} link set eth0 up`,
    `-n ${name} link set lo up`,
    // Without a default route the node's own processes need some route for services: kube-proxy rewrites after routing.
    `-n ${name} link add services type bridge`,
    `-n ${name} link set services up`,
    `-n ${name} route add ${serviceCidr} dev services src ${nodeAddress}`,
    // From the host to pods and services, for tests; the other way is closed below.
    `route add ${podCidr} via ${nodeAddress} dev ${cable}`,
    `route add ${serviceCidr} via ${nodeAddress} dev ${cable}`,
  ];
  for (const step of steps) await run("ip", step.split(" "));
  const inside = (command: string[]) => {
    const [program, ...args] = inNetwork(network, command);
    return run(program ?? "", args);
  };
  await inside(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  // Pods may answer the host but open nothing to it: the host's own servers listen on all addresses.
  await inside([
    "nft",
    `add table ip guard; add chain ip guard forward { type filter hook forward priority -10; policy accept; }; ` +
      `add rule ip guard forward ip saddr ${podCidr} oifname "eth0" ct state new drop`,
  ]);
}

export async function disconnect(network: ClusterNetwork): Promise<void> {
  await run("ip", ["link", "delete", cableOf(network)]).catch(() => undefined); // gone with its namespace
  await run("ip", ["netns", "delete", network.name]).catch(() => undefined); // never made
}

/** An interface's name has 15 characters at most. */
function cableOf({ name }: ClusterNetwork): string {
  return name.replace("automatos-k8s-", "atk8s-");
}

/** The kubelet and its containers watch more files than a machine's default allows; never lowered, and left as it is. */
export async function raiseWatchLimits(): Promise<void> {
  const limits = { max_user_instances: 8_192, max_user_watches: 524_288 };
  for (const [name, wanted] of Object.entries(limits)) {
    const file = `/proc/sys/fs/inotify/${name}`;
    if (Number(await readFile(file, "utf8")) < wanted) await writeFile(file, String(wanted));
  }
}
