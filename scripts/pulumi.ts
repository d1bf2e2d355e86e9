// `npm run pulumi -- ARGS`: pulumi on the dev stack, with its state and passphrase, e.g. `npm run pulumi -- preview --diff`.
import { pulumi } from "./dev-stack.ts";

process.exitCode = await pulumi(...process.argv.slice(2));
