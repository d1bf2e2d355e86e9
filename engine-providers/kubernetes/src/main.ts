import { serveProvider } from "@automatos/provider-plugin";
import { KubernetesProvider } from "./provider.ts";

await serveProvider(new KubernetesProvider());
