import { serveProvider } from "@automatos/provider-plugin";
import { RehearsedProvider } from "@automatos/provider-rehearsal";
import { gcp } from "./gcp.ts";

await serveProvider(new RehearsedProvider(gcp));
