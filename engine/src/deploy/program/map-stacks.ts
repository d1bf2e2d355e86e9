/**
 * Loaded into programs before the SDK (`--import`): Node itself maps the stack traces of compiled programs to their
 * sources. The SDK would have the package source-map-support do it for every file there is; as the SDK looks at a stack
 * for each promise that it makes, that took a third of the time of a program of a thousand resources. ts-node, by which
 * the SDK runs TypeScript, brings a mapping of its own, which goes on as before.
 */
import { registerHooks, setSourceMapsSupport } from "node:module";

// not in node_modules: nobody looks for the sources of the SDK
setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });

const hooks = registerHooks({
  load(url, context, next) {
    if (!url.endsWith("/source-map-support/register.js")) return next(url, context);
    hooks.deregister();
    return { format: "commonjs", source: "", shortCircuit: true };
  },
});
