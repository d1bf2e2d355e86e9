import ipaddr from "ipaddr.js";

/**
 * What an address is, seen from a sandbox. `public`: anyone's. `internal`: only where the operator listed host and
 * port. `forbidden`: never, whatever is listed, since no service that a task may use lives there.
 */
export type AddressClass = "public" | "internal" | "forbidden";

/** Where clouds hand out machine credentials and configuration: AWS, GCP, Azure, OCI; Alibaba; AWS over IPv6. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "100.100.100.200",
  "192.0.0.192",
  "168.63.129.16",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
]);

/** Ranges (names of ipaddr.js) in which a company's own server may stand. Any other special range is forbidden. */
const INTERNAL_RANGES: ReadonlySet<string> = new Set([
  "loopback",
  "private",
  "linkLocal",
  "carrierGradeNat",
  "uniqueLocal",
  "reserved",
]);

/** Prefixes under which a translator or tunnel may reach the IPv4 address in the bits from `offset` bytes. */
const EMBEDDED_IPV4 = [
  { cidr: ipaddr.IPv6.parseCIDR("::ffff:0:0/96"), offset: 12 }, // IPv4-mapped
  { cidr: ipaddr.IPv6.parseCIDR("::/96"), offset: 12 }, // IPv4-compatible
  { cidr: ipaddr.IPv6.parseCIDR("::ffff:0:0:0/96"), offset: 12 }, // IPv4-translated
  { cidr: ipaddr.IPv6.parseCIDR("64:ff9b::/96"), offset: 12 }, // NAT64
  { cidr: ipaddr.IPv6.parseCIDR("2002::/16"), offset: 2 }, // 6to4
] as const;

/** Prefixes that carry an IPv4 address in ways that depend on the network: never a destination. */
const TRANSLATED = ["64:ff9b:1::/48", "2001::/32"].map((cidr) => ipaddr.IPv6.parseCIDR(cidr));

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/** Classifies an address in any spelling; what does not parse is forbidden. */
export function classifyAddress(text: string): AddressClass {
  if (!ipaddr.isValid(text) || text.includes("%")) return "forbidden";
  // ipaddr.js takes `::1.2.3.4` for IPv4-mapped, the system does not: the hexadecimal form has one reading.
  const address = ipaddr.parse(text.includes(":") ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text);
  return address instanceof ipaddr.IPv6 ? classifyIpv6(address) : classifyPlain(address);
}

function classifyIpv6(address: ipaddr.IPv6): AddressClass {
  if (METADATA_ADDRESSES.has(address.toString())) return "forbidden";
  // Loopback and unspecified lie within the IPv4-compatible prefix: they come first.
  if (address.range() === "loopback" || address.range() === "unspecified") return classifyPlain(address);
  for (const { cidr, offset } of EMBEDDED_IPV4) {
    if (!address.match(cidr)) continue;
    const inner = classifyPlain(new ipaddr.IPv4(address.toByteArray().slice(offset, offset + 4)));
    // An IPv4-mapped address is IPv4 by another name; the others are refused even around a public one:
    // where they lead depends on the network's translator.
    return cidr[0].toString() === "::ffff:0:0" && inner !== "forbidden" ? inner : "forbidden";
  }
  if (TRANSLATED.some((cidr) => address.match(cidr))) return "forbidden";
  const plain = classifyPlain(address);
  // Space that is not given out yet is nobody's on the internet, but may be in use inside a company.
  return plain === "public" && !address.match(GLOBAL_UNICAST) ? "internal" : plain;
}

function classifyPlain(address: ipaddr.IPv4 | ipaddr.IPv6): AddressClass {
  if (METADATA_ADDRESSES.has(address.toString())) return "forbidden";
  const range = address.range();
  if (range === "unicast") return "public";
  return INTERNAL_RANGES.has(range) ? "internal" : "forbidden";
}
