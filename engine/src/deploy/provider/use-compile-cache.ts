/**
 * Loaded into the Node processes that the engine starts (`--import`): `?cache=<folder>` names the engine's compile
 * cache. It is not told by an environment variable, which everything that the program starts would inherit.
 */
import { enableCompileCache } from "node:module";

const cache = new URL(import.meta.url).searchParams.get("cache");
if (cache !== null) enableCompileCache(cache);
