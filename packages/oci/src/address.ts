import { quote } from "@countersign/core";
import { ociError } from "./errors.ts";

/** How near to this machine an address is. Names are taken as public unless they name this machine: no DNS is asked. */
export type Place = "loopback" | "link-local" | "private" | "public";

/** What kind of host `hostname` is, as `URL.hostname` writes it (RFC 1918, 3927, 4193, 4291, 6598, 6761). */
export function placeOf(hostname: string): Place {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) return "loopback";
  if (name.startsWith("[")) return placeOfV6(name.slice(1, -1));
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(name)?.slice(1).map(Number);
  return parts === undefined ? "public" : placeOfV4(parts);
}

function placeOfV4([a = 0, b = 0]: readonly number[]): Place {
  if (a === 127 || a === 0) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  const isPrivate =
    a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128);
  return isPrivate ? "private" : "public";
}

/** URL writes IPv6 addresses in their shortest form, IPv4 in the last two groups as hex. */
function placeOfV6(address: string): Place {
  if (address === "::1" || address === "::") return "loopback";
  const embedded = /^(?:::ffff:|::ffff:0:|64:ff9b::|::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (embedded !== null) {
    const high = Number.parseInt(embedded[1] ?? "", 16);
    return placeOfV4([high >> 8, high & 255]);
  }
  const first = Number.parseInt(address.split(":")[0] || "0", 16);
  if ((first & 0xffc0) === 0xfe80) return "link-local";
  return (first & 0xfe00) === 0xfc00 ? "private" : "public";
}

/**
 * Refuses an address that a registry named, where the registry itself is not as near: loopback only from loopback, a
 * private one from a private or loopback registry, link-local only on the registry's own host; http only from a registry
 * that is spoken to over http, to its own host or within this machine. Throws OCI_ADDRESS_REFUSED. Does not resolve names: a public name with a private address
 * gets no more than what the caller sends it.
 */
export function checkAddress(target: URL, registry: URL, what: string): void {
  const refuse = (expected: string): never => {
    throw ociError("OCI_ADDRESS_REFUSED", {
      checked: `${what} of ${registry.host}`,
      expected,
      got: quote(target.origin),
    });
  };
  if (target.protocol !== "https:" && !isPlainAllowed(target, registry)) refuse("https");
  if (target.username !== "" || target.password !== "") refuse("no user name in the address");
  if (target.hostname === registry.hostname) return;
  const [there, here] = [placeOf(target.hostname), placeOf(registry.hostname)];
  if (there === "public" || (there === here && there !== "link-local")) return;
  if (there === "private" && here === "loopback") return;
  refuse("a public address");
}

function isPlainAllowed(target: URL, registry: URL): boolean {
  if (target.protocol !== "http:" || registry.protocol !== "http:") return false;
  return target.hostname === registry.hostname || placeOf(target.hostname) === "loopback";
}
