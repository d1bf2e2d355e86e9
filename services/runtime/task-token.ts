import { jwtVerify, SignJWT } from "jose";
import { PlatformError } from "../../contracts/errors.ts";

const ALGORITHM = "HS256";
/** What the token is good for; a token made for anything else is refused, even when signed with the same key. */
const AUDIENCE = "automatos-gateway";

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

/** A token by which the gateway knows a task: a JWT signed with HS256, good for `expiresInSeconds` from now. */
export function signTaskToken(
  task: TaskIdentity & { readonly expiresInSeconds: number },
  key: Uint8Array,
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM })
    .setAudience(AUDIENCE)
    .setSubject(task.workspaceId)
    .setJti(task.taskId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(task.expiresInSeconds))
    .sign(key);
}

/** @throws TaskTokenInvalidError when the token is malformed, expired, or signed by another key or algorithm. */
export async function verifyTaskToken(token: string, key: Uint8Array): Promise<TaskIdentity> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      audience: AUDIENCE,
      requiredClaims: ["sub", "jti", "exp"],
    });
    if (!payload.sub || !payload.jti) throw new Error("sub or jti is empty");
    return { workspaceId: payload.sub, taskId: payload.jti };
  } catch (cause) {
    throw new TaskTokenInvalidError(cause);
  }
}
