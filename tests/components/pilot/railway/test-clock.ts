import type { Clock } from "../../../../components/pilot/railway/client/pacer.ts";

/** A clock whose time passes by being waited for. */
export function testClock(): Clock & { readonly sleeps: number[] } {
  let now = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    async sleep(ms) {
      sleeps.push(ms);
      now += ms;
    },
  };
}
