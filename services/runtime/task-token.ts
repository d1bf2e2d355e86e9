import { jwtVerify, SignJWT, type JWTPayload } from "jose";
import { PlatformError } from "../../contracts/errors.ts";
import { CallGrant } from "../../contracts/tool-call.ts";

const ALGORITHM = "HS256";
/** From the API's decision to the worker's door. */
const GRANT_SECONDS = 30;
/** What a token is good for; one that was made for anything else is refused, even when signed with the same key. */
type Audience = "automatos-gateway" | "automatos-api" | "automatos-worker";

/** Who a sandbox's traffic belongs to. */
export interface TaskIdentity {
  readonly workspaceId: string;
  readonly taskId: string;
}

export class TaskTokenInvalidError extends PlatformError {
  constructor(cause: unknown) {
    super("TASK_TOKEN_INVALID", "the task token is missing, expired or not ours", {
      remedy: "Use the proxy of the sandbox's environment (HTTP_PROXY) unchanged, while the task runs.",
      status: 407,
      cause,
    });
  }
}

/** The key of TASK_TOKEN_KEY, which the environment's schema has found to be 32 bytes in base64. */
export const taskTokenKey = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

/** A token's holder, and the seconds from now on that it is good for. */
type Signed<Identity extends TaskIdentity> = Identity & { readonly expiresInSeconds: number };

/** A token by which the gateway knows a task: a JWT signed with HS256. */
export const signTaskToken = (task: Signed<TaskIdentity>, key: Uint8Array): Promise<string> =>
  sign("automatos-gateway", task, {}, key);

/** @throws TaskTokenInvalidError when the token is malformed, expired, or signed by another key or algorithm. */
export async function verifyTaskToken(token: string, key: Uint8Array): Promise<TaskIdentity> {
  const { workspaceId, taskId } = await verify("automatos-gateway", token, key);
  return { workspaceId, taskId };
}

/** A task as the API knows it. */
export interface ApiTaskIdentity extends TaskIdentity {
  /** Whether its tools may reach anything outside. */
  readonly networkAccess: boolean;
}

/** A token with which a task's worker calls the tools that run at the API; the sandbox never has it. */
export const signApiTaskToken = (task: Signed<ApiTaskIdentity>, key: Uint8Array): Promise<string> =>
  sign("automatos-api", task, { network: task.networkAccess }, key);

/** @throws TaskTokenInvalidError */
export async function verifyApiTaskToken(token: string, key: Uint8Array): Promise<ApiTaskIdentity> {
  const { workspaceId, taskId, claims } = await verify("automatos-api", token, key);
  return { workspaceId, taskId, networkAccess: claims["network"] === true };
}

/** A token by which a worker knows what the API has granted: one call, for a workspace that it describes. */
export const signCallGrant = ({ workspaceId, callId, ...facts }: CallGrant, key: Uint8Array): Promise<string> =>
  sign("automatos-worker", { workspaceId, taskId: callId, expiresInSeconds: GRANT_SECONDS }, { grant: facts }, key);

/** @throws TaskTokenInvalidError */
export async function verifyCallGrant(token: string, key: Uint8Array): Promise<CallGrant> {
  const { workspaceId, taskId: callId, claims } = await verify("automatos-worker", token, key);
  const grant = CallGrant.safeParse({ ...(claims["grant"] as object | undefined), workspaceId, callId });
  if (!grant.success) throw new TaskTokenInvalidError(grant.error);
  return grant.data;
}

function sign(audience: Audience, task: Signed<TaskIdentity>, claims: JWTPayload, key: Uint8Array): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM })
    .setAudience(audience)
    .setSubject(task.workspaceId)
    .setJti(task.taskId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(task.expiresInSeconds))
    .sign(key);
}

async function verify(
  audience: Audience,
  token: string,
  key: Uint8Array,
): Promise<TaskIdentity & { readonly claims: JWTPayload }> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      audience,
      requiredClaims: ["sub", "jti", "exp"],
    });
    if (!payload.sub || !payload.jti) throw new Error("sub or jti is empty");
    return { workspaceId: payload.sub, taskId: payload.jti, claims: payload };
  } catch (cause) {
    throw new TaskTokenInvalidError(cause);
  }
}
