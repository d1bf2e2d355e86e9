import { after, before } from "node:test";
import type { TestDaemon } from "./daemon.ts";
import { withBuilder } from "./service-images.ts";

/** The building daemon for the tests of a suite: held from before the first to after the last. */
export function builderSession(): () => TestDaemon {
  let builder: TestDaemon | undefined;
  const ended = Promise.withResolvers<undefined>();
  let session: Promise<unknown> = Promise.resolve();
  before(async () => {
    const ready = Promise.withResolvers<undefined>();
    session = withBuilder(async (daemon) => {
      builder = daemon;
      ready.resolve(undefined);
      await ended.promise;
    });
    session.catch(ready.reject);
    await ready.promise;
  });
  after(async () => {
    ended.resolve(undefined);
    await session;
  });
  return () => {
    if (builder === undefined) throw new Error("the builder is there in tests alone");
    return builder;
  };
}
