/** Keeps a stack's state file in step with an operation that runs. */
import type { ResourceState, Snapshot } from "../model.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import type { Deployment } from "./deployment.ts";
import { deploymentVersion } from "./deployment.ts";
import { omit } from "./records.ts";
import type { SecretCodec } from "./property-json.ts";
import { pendingOperationToJson, resourceToJson } from "./resource-json.ts";
import type { StackKeys } from "./stack-reference.ts";
import { StateWriteError } from "./state-errors.ts";

export interface CheckpointWriterOptions {
  readonly blobs: BlobStore;
  readonly keys: StackKeys;
  readonly qualifiedName: string;
  /** What was in the file before: fields that this engine does not know are carried over. */
  readonly base: Deployment;
  readonly codec: SecretCodec;
  readonly salt: string;
  readonly manifest: () => Record<string, string>;
}

interface Serialised {
  /** The resource's fields as they were when `bytes` was made. */
  readonly fields: ResourceState;
  readonly bytes: Buffer;
}

const comma = Buffer.from(",");
const closing = Buffer.from("}}}");

/**
 * Writes snapshots, each whole and safe before its promise resolves. While one write runs, all that is asked
 * for meanwhile is served by the next one; a resource that did not change is not serialised again. So the cost of a
 * step does not grow with what the stack holds, but for copying bytes.
 */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #cache = new WeakMap<ResourceState, Serialised>();
  #latest: Snapshot | undefined;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** Files written, for the bench and the tests. */
  writes = 0;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
  }

  /** Resolves when this snapshot, or one asked for later, is on disk. */
  write(snapshot: Snapshot): Promise<void> {
    this.#latest = snapshot;
    this.#next ??= this.#running
      .catch(() => undefined) // the one who asked for that write was told
      .then(() => {
        this.#next = undefined;
        this.#running = this.#save(false);
        return this.#running;
      });
    return this.#next;
  }

  /** Writes the last snapshot of the operation, and waits for all before it. */
  async finish(snapshot: Snapshot): Promise<void> {
    await this.#next?.catch(() => undefined);
    await this.#running.catch(() => undefined);
    this.#latest = snapshot;
    await this.#save(true);
  }

  async #save(last: boolean): Promise<void> {
    this.writes += 1;
    // all of the serialising happens before the first await: the snapshot cannot change underneath
    const parts = this.#serialise(this.#latest ?? { resources: [], pendingOperations: [] });
    const { blobs, keys } = this.#options;
    try {
      await blobs.replace(keys.state, parts, { backup: keys.stateBackup, last });
    } catch (cause) {
      throw new StateWriteError(blobs.locate(keys.state), cause);
    }
  }

  #serialise(snapshot: Snapshot): Buffer[] {
    const { base, codec, qualifiedName, salt, manifest } = this.#options;
    const { resources, pendingOperations } = snapshot; // read once: a snapshot may be put together when it is read
    const { manifest: before, metadata = {} } = base;
    const others = omit(base, "manifest", "secrets_providers", "resources", "pending_operations", "metadata");
    const head = {
      manifest: { ...before, ...manifest() },
      secrets_providers: { type: "passphrase", state: { salt } },
    };
    const open = JSON.stringify({ version: deploymentVersion, checkpoint: { stack: qualifiedName } }).slice(0, -2);
    const parts: Buffer[] = [Buffer.from(`${open},"latest":${JSON.stringify(head).slice(0, -1)}`)];
    if (resources.length > 0) {
      parts.push(Buffer.from(',"resources":['));
      resources.forEach((resource, index) => {
        if (index > 0) parts.push(comma);
        parts.push(this.#resource(resource));
      });
      parts.push(Buffer.from("]"));
    }
    if (pendingOperations.length > 0) {
      const pending = pendingOperations.map((operation) => pendingOperationToJson(operation, codec));
      parts.push(Buffer.from(`,"pending_operations":${JSON.stringify(pending)}`));
    }
    parts.push(Buffer.from(`,${JSON.stringify({ metadata, ...others }).slice(1, -1)}`), closing);
    return parts;
  }

  #resource(resource: ResourceState): Buffer {
    const cached = this.#cache.get(resource);
    if (cached !== undefined && sameFields(cached.fields, resource)) return cached.bytes;
    const bytes = Buffer.from(JSON.stringify(resourceToJson(resource, this.#options.codec)));
    this.#cache.set(resource, { fields: { ...resource }, bytes });
    return bytes;
  }
}

/** Whether no field was set anew: values are never changed in place, but a resource's fields are. */
function sameFields(before: ResourceState, now: ResourceState): boolean {
  for (const key in now) if (now[key as keyof ResourceState] !== before[key as keyof ResourceState]) return false;
  for (const key in before) if (!(key in now)) return false;
  return true;
}
