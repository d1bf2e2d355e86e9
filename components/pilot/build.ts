import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import type { BuildOptions } from "../images/build-options.ts";

/** How the stack's configuration has the services' images built. */
export function serviceBuild({ images }: ComposeConfig): BuildOptions {
  const { base, buildArgs, buildNetwork, buildProxy } = images;
  return {
    arguments: { BASE_IMAGE: base, ...buildArgs },
    ...(buildNetwork === "default" ? {} : { network: buildNetwork }),
    ...(buildProxy === undefined ? {} : { proxy: proxyArguments(buildProxy) }),
  };
}

/** Docker knows these: no image and no history keeps them. */
function proxyArguments(url: string): Record<string, string> {
  return Object.fromEntries(
    ["HTTP_PROXY", "HTTPS_PROXY"].flatMap((name) => [
      [name, url],
      [name.toLowerCase(), url],
    ]),
  );
}
