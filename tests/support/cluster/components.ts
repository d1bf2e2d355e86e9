/** The programs of the cluster, and the files that configure them. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { PAUSE_IMAGE } from "./images.ts";
import type { ClusterNetwork } from "./network.ts";
import { KUBE_BINARY } from "./paths.ts";

export const NODE_NAME = "node1";

/** Where a cluster lives while it runs: short, since Unix sockets' names may have 107 characters. */
export interface ClusterFolders {
  readonly run: string;
  readonly pki: string;
  /** In memory: etcd waits for the disk at each write. */
  readonly etcd: string;
  readonly containerdSocket: string;
}

export function foldersOf({ name }: ClusterNetwork): ClusterFolders {
  const run = `/run/${name}`;
  return { run, pki: `${run}/pki`, etcd: `/dev/shm/${name}`, containerdSocket: `${run}/containerd.sock` };
}

/** A name, and a command line that is run in the cluster's network. */
export interface Component {
  readonly name: string;
  readonly command: readonly string[];
}

export function etcd({ etcd: data }: ClusterFolders): Component {
  const client = "http://127.0.0.1:2379";
  const peer = "http://127.0.0.1:2380";
  return {
    name: "etcd",
    command: [
      "etcd",
      `--data-dir=${data}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ],
  };
}

export function apiServer({ pki }: ClusterFolders, network: ClusterNetwork): Component {
  return kube("kube-apiserver", [
    "--etcd-servers=http://127.0.0.1:2379",
    `--advertise-address=${network.nodeAddress}`,
    "--bind-address=0.0.0.0",
    "--secure-port=6443",
    `--service-cluster-ip-range=${network.serviceCidr}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--client-ca-file=${pki}/ca.crt`,
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--kubelet-certificate-authority=${pki}/ca.crt`,
    `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
    "--kubelet-preferred-address-types=InternalIP",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    "--enable-aggregator-routing=true",
    "--allow-privileged=true",
    "--profiling=false",
  ]);
}

export function controllerManager({ pki }: ClusterFolders, network: ClusterNetwork): Component {
  return kube("kube-controller-manager", [
    ...clientOf(pki, "kube-controller-manager"),
    "--use-service-account-credentials=true",
    `--service-account-private-key-file=${pki}/sa.key`,
    `--root-ca-file=${pki}/ca.crt`,
    `--cluster-signing-cert-file=${pki}/ca.crt`,
    `--cluster-signing-key-file=${pki}/ca.key`,
    `--cluster-cidr=${network.podCidr}`,
    `--service-cluster-ip-range=${network.serviceCidr}`,
  ]);
}

export function scheduler({ pki }: ClusterFolders): Component {
  return kube("kube-scheduler", clientOf(pki, "kube-scheduler"));
}

function clientOf(pki: string, user: string): string[] {
  const kubeconfig = `${pki}/${user}.kubeconfig`;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
    "--kube-api-qps=300",
    "--kube-api-burst=600",
  ];
}

export async function containerd(folders: ClusterFolders, network: ClusterNetwork): Promise<Component> {
  const { run, containerdSocket } = folders;
  const cni = path.join(run, "cni");
  await mkdir(cni, { recursive: true });
  const pods = {
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: path.join(run, "cni-addresses"),
          ranges: [[{ subnet: network.podCidr }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  await writeFile(path.join(cni, "10-pods.conflist"), JSON.stringify(pods));
  const file = path.join(run, "containerd.toml");
  // restrict_oom_score_adj: where CAP_SYS_RESOURCE is missing nobody may lower a score.
  await writeFile(
    file,
    `version = 2
root = "${run}/containerd/root"
state = "${run}/containerd/state"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`,
  );
  return { name: "containerd", command: ["containerd", "--config", file] };
}

export async function kubelet(folders: ClusterFolders, network: ClusterNetwork): Promise<Component> {
  const { run, pki, containerdSocket } = folders;
  const file = path.join(run, "kubelet.yaml");
  await mkdir(path.join(run, "manifests"), { recursive: true });
  await writeFile(path.join(run, "resolv.conf"), "# no name server\n");
  const config = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${network.name}`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${pki}/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: `${pki}/kubelet-server.crt`,
    tlsPrivateKeyFile: `${pki}/kubelet-server.key`,
    address: network.nodeAddress,
    resolvConf: path.join(run, "resolv.conf"),
    staticPodPath: path.join(run, "manifests"),
    podLogsDir: path.join(run, "pod-logs"),
    imageGCHighThresholdPercent: 100,
    evictionHard: { "memory.available": "200Mi", "nodefs.available": "1Gi" },
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    registerNode: true,
  };
  await writeFile(file, JSON.stringify(config));
  return kube("kubelet", [
    `--config=${file}`,
    `--kubeconfig=${pki}/kubelet.kubeconfig`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${network.nodeAddress}`,
    `--root-dir=${run}/kubelet`,
    `--cert-dir=${pki}`,
  ]);
}

export async function proxy({ run, pki }: ClusterFolders, network: ClusterNetwork): Promise<Component> {
  const file = path.join(run, "kube-proxy.yaml");
  const config = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    bindAddress: "127.0.0.1",
    hostnameOverride: NODE_NAME,
    clusterCIDR: network.podCidr,
    clientConnection: { kubeconfig: `${pki}/kube-proxy.kubeconfig` },
    conntrack: { maxPerCore: 0, min: 0 },
    nodePortAddresses: ["primary"],
    oomScoreAdj: 0,
  };
  await writeFile(file, JSON.stringify(config));
  return kube("kube-proxy", [`--config=${file}`]);
}

function kube(name: string, args: readonly string[]): Component {
  return { name, command: [KUBE_BINARY, name, ...args] };
}
