// Preloaded into a service (NODE_OPTIONS=--import): from SIGUSR2 on, its calendar clock is an hour ahead. Its monotonic
// clock goes on, as after a step of the machine's clock.
const STEP_MS = 3_600_000;
const RealDate = Date;
let aheadMs = 0;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + aheadMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + aheadMs;
  }
};
process.on("SIGUSR2", () => {
  aheadMs = STEP_MS;
});
