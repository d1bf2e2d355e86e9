/**
 * How Node.js runs a worker: its own work is to wait for commands and to pass JSON on, so it is kept small. A young
 * generation of 1 MB a half-space, no optimizing compilers (without them such work takes about a seventh longer), one
 * helper thread. bench/worker-memory.ts measures it.
 */
export const WORKER_NODE_FLAGS = [
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--no-opt",
  "--no-maglev",
  "--v8-pool-size=1",
] as const;
