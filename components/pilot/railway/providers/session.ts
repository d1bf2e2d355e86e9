import { RailwayError } from "../client/errors.ts";
import { RailwayClient } from "../client/railway-client.ts";

/** What the stack's configuration says of Railway's API: `automatos:<key>`, as text. */
export interface RailwayConfiguration {
  readonly railwayToken: string | undefined;
  readonly railwayUrl: string | undefined;
  readonly railwayRequestsPerSecond: string | undefined;
}

const RAILWAY_URL = "https://backboard.railway.com/graphql/v2";
const HOBBY_REQUESTS_PER_SECOND = 10;

/**
 * The client of a deployment. `RAILWAY_API_TOKEN`, where set, wins over the stack's token: `destroy` of a stack whose
 * state still has a token that was revoked since.
 *
 * @throws RailwayError where there is no token, or the address would send it over an open line.
 */
export function openRailway(
  configuration: RailwayConfiguration,
  environment: Readonly<Record<string, string | undefined>>,
): RailwayClient {
  const token = environment["RAILWAY_API_TOKEN"] ?? configuration.railwayToken ?? "";
  if (token === "") {
    throw new RailwayError(
      "RAILWAY_TOKEN_MISSING",
      "there is no token for Railway's API",
      "Make a workspace token in Railway's settings and set it with `npm run pulumi -- config set --secret automatos:railwayToken`.",
    );
  }
  const requestsPerSecond = Number(configuration.railwayRequestsPerSecond ?? HOBBY_REQUESTS_PER_SECOND);
  if (!(requestsPerSecond > 0)) {
    throw new RailwayError(
      "RAILWAY_REFUSED",
      "automatos:railwayRequestsPerSecond is no number above 0",
      "Set it to what the Railway plan allows: 10 on Hobby, 50 on Pro.",
    );
  }
  return new RailwayClient({ url: safeUrl(configuration.railwayUrl ?? RAILWAY_URL), token, requestsPerSecond });
}

function safeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url?.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || isLoopback)) return url.href;
  throw new RailwayError(
    "RAILWAY_REFUSED",
    "automatos:railwayUrl is no https: address, and the token would go to it",
    `Remove the key to use ${RAILWAY_URL}.`,
  );
}
