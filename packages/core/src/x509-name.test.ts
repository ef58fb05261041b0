import { describe, expect, test } from "vitest";
import { concatBytes, hex, parseHex, utf8 } from "./bytes.ts";
import { derExplicit, derImplicit, derInteger, derNull, derOid, derUtf8 } from "./der-writer.ts";
import { codeOf } from "./sample.contract.ts";
import { parseCertificate } from "./x509.ts";
import { maxAltNames } from "./x509-extension.ts";
import { altNames, extensions, makeCertificate, name, otherName, textName } from "./x509.contract.ts";
import type { Certificate } from "./x509.ts";

const parse = (...all: readonly Uint8Array[]): Certificate =>
  parseCertificate(makeCertificate({ rest: extensions(...all) }));

describe("subject alternative names", () => {
  const fulcioUser = "1.3.6.1.4.1.57264.1.7";

  test("each type", () => {
    const directory = name("someone");
    const names = parse(
      altNames(
        textName(6, "https://example.com/x"),
        textName(1, "a@example.com"),
        textName(2, "example.com"),
        derImplicit(7, Uint8Array.of(127, 0, 0, 1)),
        derExplicit(4, directory),
        otherName(fulcioUser, derUtf8("user!ünï")),
        otherName("1.2.3", derInteger(5)),
        derImplicit(8, Uint8Array.of(0x2a)),
      ),
    ).subjectAltNames;
    expect(names).toEqual([
      { type: "uri", value: "https://example.com/x" },
      { type: "email", value: "a@example.com" },
      { type: "dns", value: "example.com" },
      { type: "ip", value: "7f000001" },
      { type: "directory", value: hex(directory) },
      { type: "other-name", oid: fulcioUser, value: "user!ünï" },
      { type: "other", oid: "1.2.3", value: "020105" },
      { type: "other", value: "2a" },
    ]);
  });

  test.each([
    ["none", []],
    ["too many", Array.from({ length: maxAltNames + 1 }, () => textName(6, "a:b"))],
    ["a type of the universal class", [derUtf8("a")]],
    ["tag 9", [textName(9, "a")]],
    ["URI beyond ASCII", [textName(6, "https://exämple.com")]],
    ["NUL in a URI", [textName(6, "https://good.example\u0000.evil.example")]],
    ["line feed in an e-mail address", [textName(1, "a@b\n")]],
    ["DEL in a DNS name", [textName(2, "a\u007f")]],
    ["constructed URI, all of it printable", [derExplicit(6, concatBytes(utf8("A "), utf8("a".repeat(32))))]],
    ["primitive other name", [derImplicit(0, Uint8Array.of(1))]],
    ["IP address of 5 bytes", [derImplicit(7, new Uint8Array(5))]],
    ["other name without a value", [derExplicit(0, derOid(fulcioUser))]],
    ["other name whose value is not tagged", [derExplicit(0, concatBytes(derOid(fulcioUser), derUtf8("a")))]],
    [
      "other name with two values",
      [derExplicit(0, concatBytes(derOid(fulcioUser), derExplicit(0, concatBytes(derUtf8("a"), derUtf8("b")))))],
    ],
    [
      "other name with a third part",
      [derExplicit(0, concatBytes(derOid(fulcioUser), derExplicit(0, derUtf8("a")), derNull()))],
    ],
    ["other name that is not UTF-8", [otherName(fulcioUser, parseHex("0c01ff"))]],
  ])("refuses %s", (_, names) => expect(codeOf(() => parse(altNames(...names)))).toBe("CORE_CERTIFICATE_MALFORMED"));
});
