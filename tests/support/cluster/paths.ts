/** Where the test cluster keeps what it builds and what it runs on. */
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../../..");

/** Below `.automatos/`, which no commit holds. */
export const CLUSTER_DIR = path.join(ROOT, ".automatos", "cluster");
export const BINARY_SOURCE = path.join(import.meta.dirname, "node-binary");
/** All of Kubernetes in one binary; `kubectl` beside it is a link to it. */
export const KUBE_BINARY = path.join(CLUSTER_DIR, "bin", "kube");
export const KUBECTL = path.join(CLUSTER_DIR, "bin", "kubectl");
export const STATE_FILE = path.join(CLUSTER_DIR, "state.json");
export const USERS_DIR = path.join(CLUSTER_DIR, "users");
export const SUPERVISOR_LOCK = path.join(CLUSTER_DIR, "supervisor.lock");
