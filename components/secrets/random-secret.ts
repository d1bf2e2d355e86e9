import * as pulumi from "@pulumi/pulumi";

export interface RandomSecretArgs {
  /** Bytes of randomness, at least 16. */
  readonly bytes: number;
  /** How the bytes are written: `hex` where the text becomes part of a URL. */
  readonly encoding: "hex" | "base64";
  /**
   * Where below the project's folder it is kept as well, so that it outlives the stack as the data do that it opens.
   * @default in the stack's state alone
   */
  readonly file?: string;
}

interface RandomSecretOutputs extends RandomSecretArgs {
  readonly value: string;
}

/** Kept in state as text: see components/local/local-process.ts. */
const provider: pulumi.dynamic.ResourceProvider<RandomSecretArgs, RandomSecretOutputs> = {
  check: async (_olds, news) => ({ inputs: news }),
  diff: async (_id, olds, news) => {
    const replaces = (["bytes", "encoding", "file"] as const).filter((key) => olds[key] !== news[key]);
    return { changes: replaces.length > 0, replaces };
  },
  create: async (inputs) => {
    const { makeSecret } = await import("#components/secrets/kept-secret.ts");
    return { id: "secret", outs: { ...inputs, value: makeSecret(inputs) } };
  },
  read: async (id, props) => (props === undefined ? { id } : { id, props }),
};

/** Random bytes, made once and kept in the stack's state as a secret; other arguments make others. */
export class RandomSecret extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the output that the SDK sets
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, args: RandomSecretArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      provider,
      name,
      { ...args, value: undefined },
      { ...opts, additionalSecretOutputs: ["value"] },
      "local",
      "RandomSecret",
    );
    const MIN_BYTES = 16;
    if (args.bytes < MIN_BYTES) {
      throw new pulumi.ResourceError(
        `${name}: ${args.bytes} bytes can be guessed; ask for ${MIN_BYTES} or more`,
        this,
        true,
      );
    }
  }
}
