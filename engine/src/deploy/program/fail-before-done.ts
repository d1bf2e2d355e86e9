/**
 * Loaded into the program's process (`--import`): a program whose event loop is empty, while resources still wait for
 * promises that nothing can resolve any more, has failed. The SDK finds that out only when its process ends. By then it
 * has told the engine that the program is done, and the engine has deleted whatever such a program never came to.
 *
 * `?sdk=<folder>` is the program's @pulumi/pulumi.
 */
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";

/** What is used of the SDK. Other versions of it may not have all of that: then it is left to itself. */
interface SdkParts {
  readonly debuggable: { leakedPromises?: () => [{ readonly size: number }, string] };
  readonly state: { getStore?: () => { readonly terminated?: boolean; readonly leakCandidates?: { size: number } } };
  readonly log: { hasErrors?: () => boolean };
}

const folder = new URL(import.meta.url).searchParams.get("sdk");
if (folder !== null && isMainThread) listen(folder);

function listen(sdk: string): void {
  let rounds = 0;
  process.on("beforeExit", (code) => {
    rounds += 1;
    // In the first round libraries may find more to do. In the second the SDK says that the program is done: this
    // listener came before its own.
    if (rounds !== 2 || code !== 0) return;
    const message = unfinished(sdk);
    if (message === undefined) return;
    process.stderr.write(`${message}\n`);
    process.exit(1);
  });
}

/** What the SDK would say of its promises at the end; undefined when all is well. */
function unfinished(sdk: string): string | undefined {
  const load = createRequire(`${sdk}/index.js`);
  let parts: SdkParts;
  try {
    parts = {
      debuggable: load("./runtime/debuggable") as SdkParts["debuggable"],
      state: load("./runtime/state") as SdkParts["state"],
      log: load("./log") as SdkParts["log"],
    };
  } catch {
    return undefined;
  }
  const store = parts.state.getStore?.();
  if (store === undefined || store.terminated === true || !store.leakCandidates?.size) return undefined;
  // where there are errors, they say more than this could
  if (parts.log.hasErrors?.() === true) return "";
  return parts.debuggable.leakedPromises?.()[1];
}
