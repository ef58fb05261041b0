import { describe, expect, test } from "vitest";
import { checkAddress, placeOf } from "./address.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const hostname = (host: string): string => new URL(`https://${host}/`).hostname;

describe("places", () => {
  test.each([
    ["ghcr.io", "public"],
    ["8.8.8.8", "public"],
    ["localhost", "loopback"],
    ["a.localhost.", "loopback"],
    ["127.0.0.1", "loopback"],
    ["127.255.0.9", "loopback"],
    ["0x7f.1", "loopback"],
    ["2130706433", "loopback"],
    ["0.0.0.0", "loopback"],
    ["[::1]", "loopback"],
    ["[::]", "loopback"],
    ["[::ffff:127.0.0.1]", "loopback"],
    ["[64:ff9b::7f00:1]", "loopback"],
    ["169.254.169.254", "link-local"],
    ["[fe80::1]", "link-local"],
    ["[::ffff:169.254.169.254]", "link-local"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["172.32.0.1", "public"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["[fd00::1]", "private"],
    ["[2001:db8::1]", "public"],
  ])("%s is %s", (host, place) => {
    expect(placeOf(hostname(host))).toBe(place);
  });
});

describe("O8: addresses that a registry names", () => {
  test.each([
    ["https://ghcr.io", "https://auth.example.com/token"],
    ["https://ghcr.io", "https://ghcr.io:8443/token"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:5001/token"],
    ["http://127.0.0.1:5000", "http://localhost:5001/token"],
    ["https://10.0.0.1", "https://10.0.0.2/token"],
    ["https://169.254.1.1", "https://169.254.1.1/token"],
  ])("from %s to %s is allowed", (registry, target) => {
    expect(() => checkAddress(new URL(target), new URL(registry), "login service")).not.toThrow();
  });

  test.each([
    ["https://ghcr.io", "http://auth.example.com/token"],
    ["https://ghcr.io", "ftp://auth.example.com/token"],
    ["https://ghcr.io", "https://127.0.0.1/token"],
    ["https://ghcr.io", "https://localhost/token"],
    ["https://ghcr.io", "https://[::ffff:7f00:1]/token"],
    ["https://ghcr.io", "https://169.254.169.254/latest"],
    ["https://ghcr.io", "https://192.168.0.1/token"],
    ["https://ghcr.io", "https://user:secret@auth.example.com/token"],
    ["https://10.0.0.1", "https://169.254.169.254/token"],
    ["https://10.0.0.1", "https://127.0.0.1/token"],
    ["https://169.254.1.1", "https://169.254.169.254/token"],
    ["https://127.0.0.1:5000", "http://127.0.0.1:5001/token"],
  ])("from %s to %s is refused", (registry, target) => {
    expect(() => checkAddress(new URL(target), new URL(registry), "login service")).toThrow(
      code("OCI_ADDRESS_REFUSED"),
    );
  });
});
