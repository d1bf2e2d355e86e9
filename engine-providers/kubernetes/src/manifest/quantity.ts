/** Kubernetes' quantities: `1000m` is `1`, `1024Mi` is `1Gi`, and the server writes the shorter. */

const SUFFIXES: Readonly<Record<string, readonly [base: bigint, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  "": [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};
/** Finer than a nano is rounded up by the server too. */
const NANO_DIGITS = 9;

/** The maps and fields of the Kubernetes API that hold quantities. */
const QUANTITY_FIELDS = new Set(
  (
    "limits requests hard capacity allocatable overhead podFixed max min default defaultRequest maxLimitRequestRatio " +
    "sizeLimit divisor averageValue value"
  ).split(" "),
);

/** Whether what is at the path may be one: the field or the map around it is known to hold them. */
export function mayBeQuantity(path: readonly (string | number)[]): boolean {
  return path.slice(-2).some((step) => typeof step === "string" && QUANTITY_FIELDS.has(step));
}

export function sameQuantity(one: unknown, other: unknown): boolean {
  const [a, b] = [inNanos(one), inNanos(other)];
  return a !== undefined && a === b;
}

function inNanos(value: unknown): bigint | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const match = /^([+-]?)(\d+)?(?:\.(\d*))?(?:([eE])([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", scientific, exponent, suffix = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const [base, power] = scientific === undefined ? (SUFFIXES[suffix] ?? [10n, 0]) : [10n, Number(exponent)];
  // The number is digits / 10^fraction, times base^power; in nanos it is times 10^9.
  const digits = BigInt(whole + fraction);
  const [factor, decimals] = base === 2n ? [2n ** BigInt(power), 0] : [1n, power];
  const shift = NANO_DIGITS + decimals - fraction.length;
  const scaled = digits * factor;
  const nanos =
    shift >= 0 ? scaled * 10n ** BigInt(shift) : (scaled + 10n ** BigInt(-shift) - 1n) / 10n ** BigInt(-shift);
  return sign === "-" ? -nanos : nanos;
}
