/** How many times as many slots as stay free one workspace may have. */
const SHARE = 3;

/**
 * Whether a workspace that has `own` of the slots may take another when `free` are free. The more it has, the more it
 * leaves: alone it gets about three quarters, and never the last slot, so that one that has none never finds all of
 * them in one hand. One without a slot takes any that is free.
 */
export const mayTakeAnother = (own: number, free: number): boolean =>
  free > 0 && (own === 0 || own < SHARE * (free - 1));
