/** The plugin process. */
import { serveProvider } from "@automatos/provider-plugin";
import { dockerProvider } from "./provider.ts";

await serveProvider(dockerProvider());
