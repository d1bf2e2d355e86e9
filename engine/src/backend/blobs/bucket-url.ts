/** `s3://bucket/prefix?…` as Pulumi's own command line takes it (gocloud.dev/blob/s3blob and gocloud.dev/aws). */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { EngineError, UnsupportedError } from "../errors.ts";
import { hideSecrets, type Environment } from "../locations.ts";

export interface BucketUrl {
  readonly bucket: string;
  /** Ends in a slash unless it is empty. */
  readonly prefix: string;
  readonly config: S3ClientConfig;
}

/**
 * Parameters: `region`, `endpoint`, `profile`, `disableSSL` or `disable_https`, `s3ForcePathStyle` or `use_path_style`,
 * `anonymous`, `accelerate`, `dualstack`, `fips`, and the two of checksums; `awssdk`, a choice between Go libraries, is
 * passed over. Credentials and what is not given here come from the AWS variables and files.
 * @throws EngineError, UnsupportedError
 */
export function parseBucketUrl(text: string, env: Environment): BucketUrl {
  const url = parse(text);
  const config: S3ClientConfig = {};
  let endpoint: string | undefined;
  let plain = false;
  for (const [name, value] of url.searchParams)
    switch (name) {
      case "region":
        config.region = value;
        break;
      case "endpoint":
        endpoint = value;
        break;
      case "profile":
        config.profile = value;
        break;
      case "disableSSL":
      case "disable_https":
        plain = flag(name, value, text);
        break;
      case "s3ForcePathStyle":
      case "use_path_style":
      case "hostname_immutable":
        config.forcePathStyle ||= flag(name, value, text);
        break;
      case "anonymous":
        // the client signs nothing when its signer passes requests on
        if (flag(name, value, text)) config.signer = { sign: (request) => Promise.resolve(request) };
        break;
      case "accelerate":
        config.useAccelerateEndpoint = flag(name, value, text);
        break;
      case "dualstack":
        config.useDualstackEndpoint = flag(name, value, text);
        break;
      case "fips":
        config.useFipsEndpoint = flag(name, value, text);
        break;
      case "request_checksum_calculation":
        config.requestChecksumCalculation = checksums(name, value, text);
        break;
      case "response_checksum_validation":
        config.responseChecksumValidation = checksums(name, value, text);
        break;
      case "awssdk":
        break;
      default:
        throw new UnsupportedError(`the parameter '${name}' of the state store ${hideSecrets(text)}`);
    }
  if (endpoint !== undefined) config.endpoint = withScheme(endpoint, plain);
  else if (plain)
    throw new EngineError("STATE_STORE_URL", `${hideSecrets(text)} has no endpoint: without TLS there must be one`);
  if (config.region === undefined && endpoint !== undefined) config.region = defaultRegion(env);
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  return { bucket: url.hostname, prefix: path === "" ? "" : `${decodeURIComponent(path)}/`, config };
}

function parse(text: string): URL {
  try {
    // a bucket's name may hold what a host's may not: it is read as the host of a URL that has one
    const url = new URL(text.replace(/^s3:/, "http:"));
    if (url.hostname !== "") return url;
  } catch {
    // said below
  }
  throw new EngineError("STATE_STORE_URL", `'${hideSecrets(text)}' is no URL of a bucket`, {
    remedy: "It reads s3://<bucket>/<folder>?region=<region>&endpoint=<host>:<port>.",
  });
}

function flag(name: string, value: string, url: string): boolean {
  if (["true", "1", "t", "T", "TRUE", "True", ""].includes(value)) return true;
  if (["false", "0", "f", "F", "FALSE", "False"].includes(value)) return false;
  throw new EngineError("STATE_STORE_URL", `'${value}' is no value of ${name} in ${hideSecrets(url)}: true or false`);
}

function checksums(name: string, value: string, url: string): "WHEN_SUPPORTED" | "WHEN_REQUIRED" {
  const given = value.toUpperCase();
  if (given === "WHEN_SUPPORTED" || given === "WHEN_REQUIRED") return given;
  throw new EngineError(
    "STATE_STORE_URL",
    `'${value}' is no value of ${name} in ${hideSecrets(url)}: when_supported or when_required`,
  );
}

function withScheme(endpoint: string, plain: boolean): string {
  return /^https?:\/\//.test(endpoint) ? endpoint : `${plain ? "http" : "https"}://${endpoint}`;
}

/** A compatible server seldom cares; the client insists on one. */
function defaultRegion(env: Environment): string {
  return env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
}
