/** A state store in a bucket of an S3-compatible server. */
import type * as sdkModule from "@aws-sdk/client-s3";
import type { S3Client, S3ClientConfig, S3ServiceException } from "@aws-sdk/client-s3";
import { StateStoreError } from "../state-errors.ts";
import type { BlobStore, ReplaceOptions } from "./blob-store.ts";
import type { BucketUrl } from "./bucket-url.ts";

type Sdk = typeof sdkModule;

export class S3Blobs implements BlobStore {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(sdk: Sdk, { bucket, prefix, config }: BucketUrl) {
    this.#sdk = sdk;
    this.#client = new sdk.S3Client(config satisfies S3ClientConfig);
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /** Loads the client: a second that other stores need not wait. Nothing is sent. */
  static async open(url: BucketUrl): Promise<S3Blobs> {
    return new S3Blobs(await import("@aws-sdk/client-s3"), url);
  }

  locate(key: string): string {
    return `s3://${this.#bucket}/${this.#prefix}${key}`;
  }

  async read(key: string): Promise<string | undefined> {
    return this.#unlessMissing(key, "read", () => this.#readWhole(key, 2));
  }

  async exists(key: string): Promise<boolean> {
    const found = await this.#unlessMissing(key, "look for", () =>
      this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(key))),
    );
    return found !== undefined;
  }

  async replace(key: string, content: string | readonly Uint8Array[], { backup }: ReplaceOptions = {}): Promise<void> {
    // an object is written whole or not at all: only the copy of the one before is a request of its own
    if (backup !== undefined) await this.copy(key, backup);
    const Body = typeof content === "string" ? Buffer.from(content) : Buffer.concat(content);
    await this.#try(key, "write", () =>
      this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#at(key), Body, ContentType: "application/json" })),
    );
  }

  async create(key: string, content: string): Promise<boolean> {
    try {
      const input = { ...this.#at(key), Body: content, IfNoneMatch: "*", ContentType: "application/json" };
      await this.#client.send(new this.#sdk.PutObjectCommand(input));
      return true;
    } catch (error) {
      if (statusOf(error) === 412 || statusOf(error) === 409) return false;
      throw new StateStoreError(this.locate(key), "write", error);
    }
  }

  async copy(from: string, to: string): Promise<boolean> {
    const source = `${this.#bucket}/${this.#prefix}${from}`.split("/").map(encodeURIComponent).join("/");
    const copied = await this.#unlessMissing(from, "copy", () =>
      this.#client.send(new this.#sdk.CopyObjectCommand({ ...this.#at(to), CopySource: source })),
    );
    return copied !== undefined;
  }

  async remove(key: string): Promise<void> {
    await this.#unlessMissing(key, "remove", () => this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(key))));
  }

  async list(folder: string): Promise<string[]> {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#try(folder, "list", () =>
        this.#client.send(
          new this.#sdk.ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: `${this.#prefix}${folder}/`,
            ...(ContinuationToken !== undefined && { ContinuationToken }),
          }),
        ),
      );
      for (const { Key } of page.Contents ?? [])
        if (Key !== undefined && !Key.endsWith("/")) keys.push(Key.slice(this.#prefix.length));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return keys.sort();
  }

  /** An object is there whole or not at all. */
  removeLeftOvers(): Promise<void> {
    return Promise.resolve();
  }

  async removeFolder(folder: string): Promise<void> {
    // one request each: not every compatible server knows the request that removes many
    for (const key of await this.list(folder)) await this.remove(key);
  }

  /** The client tries a request again that fails, but not one whose answer breaks off or does not fit its checksum. */
  async #readWhole(key: string, triesLeft: number): Promise<string | undefined> {
    const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#at(key)));
    try {
      return await Body?.transformToString("utf8");
    } catch (error) {
      if (triesLeft === 0) throw error;
      return this.#readWhole(key, triesLeft - 1);
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  async #try<Result>(key: string, verb: string, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request();
    } catch (error) {
      throw new StateStoreError(this.locate(key), verb, error);
    }
  }

  /** A bucket that is missing is an error; a key that is missing is undefined. */
  async #unlessMissing<Result>(key: string, verb: string, request: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await request();
    } catch (error) {
      if (statusOf(error) === 404 && (error as Error).name !== "NoSuchBucket") return undefined;
      throw new StateStoreError(this.locate(key), verb, error);
    }
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3ServiceException>).$metadata?.httpStatusCode;
}
