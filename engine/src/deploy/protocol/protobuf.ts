/**
 * The protobuf classes, taken from where @pulumi/pulumi takes them: messages made with another copy of google-protobuf
 * than the stubs' own are not theirs.
 */
import { createRequire } from "node:module";
import type { Any } from "google-protobuf/google/protobuf/any_pb.js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import type { JavaScriptValue, Struct, Value } from "google-protobuf/google/protobuf/struct_pb.js";

const requireHere = createRequire(import.meta.url);
const requireFromSdk = createRequire(requireHere.resolve("@pulumi/pulumi/package.json"));

export const structPb = requireFromSdk("google-protobuf/google/protobuf/struct_pb") as {
  Struct: typeof Struct;
  Value: typeof Value;
};
export const anyPb = requireFromSdk("google-protobuf/google/protobuf/any_pb") as { Any: typeof Any };
export const emptyPb = requireFromSdk("google-protobuf/google/protobuf/empty_pb") as { Empty: typeof Empty };
export type { Empty, JavaScriptValue, Struct, Value };
