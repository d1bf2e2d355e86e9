/** The plugin process. */
import { serveProvider } from "@automatos/provider-plugin";
import { randomProvider } from "./provider.ts";

await serveProvider(randomProvider());
