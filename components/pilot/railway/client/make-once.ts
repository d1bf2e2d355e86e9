import { RailwayNameTakenError, RailwayOutcomeUnknownError } from "./errors.ts";
import type { RailwayClient } from "./railway-client.ts";

/** How often, and how far apart, a thing that must be there is looked for until it is listed. */
const SETTLE_TRIES = 6;
const SETTLE_MS = 500;

/** Looks for what was made a moment ago: Railway lists things a little later than it makes them. */
export async function findSettled<Found>(
  { clock }: Pick<RailwayClient, "clock">,
  find: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  for (let look = 1; ; look += 1) {
    const found = await find();
    if (found !== undefined || look === SETTLE_TRIES) return found;
    await clock.sleep(SETTLE_MS * look);
  }
}

/**
 * Makes a thing that has a name, or takes over the one that an earlier call made whose answer was lost: no twin, however
 * often it is tried and wherever it was killed.
 */
export async function makeOnce<Found>(
  client: Pick<RailwayClient, "clock">,
  { find, make }: { readonly find: () => Promise<Found | undefined>; readonly make: () => Promise<Found> },
): Promise<Found> {
  const ROUNDS = 4;
  let found = await find();
  for (let round = 1; found === undefined; round += 1) {
    try {
      return await make();
    } catch (error) {
      const isMaybeThere = error instanceof RailwayOutcomeUnknownError || error instanceof RailwayNameTakenError;
      if (!isMaybeThere) throw error;
      found = await findSettled(client, find);
      if (found === undefined && (round === ROUNDS || error instanceof RailwayNameTakenError)) throw error;
    }
  }
  return found;
}
