import { TrustError } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePkcs11Uri } from "./pkcs11-uri.ts";
import { withoutSecrets } from "./reference-error.ts";
import { parseKeyReference } from "./reference.ts";

function outcomeOf(text: string): unknown {
  try {
    return parsePkcs11Uri(text);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    expect(error.message).not.toContain("1234");
    return error.code;
  }
}

describe("read", () => {
  test.each([
    ["pkcs11:object=release", { object: "release", token: {} }],
    ["pkcs11:token=The%20token;object=a%2Fb", { object: "a/b", token: { token: "The token" } }],
    ["pkcs11:id=%01%02%ff;type=private", { id: Uint8Array.of(1, 2, 255), token: {} }],
    ["pkcs11:id=ab", { id: Uint8Array.of(97, 98), token: {} }],
    [
      "pkcs11:slot-id=7;object=k;serial=0A;manufacturer=SoftHSM%20project;model=v2",
      { object: "k", slotId: 7, token: { serial: "0A", manufacturer: "SoftHSM project", model: "v2" } },
    ],
    [
      "pkcs11:object=k?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-value=1234",
      { object: "k", token: {}, modulePath: "/usr/lib/softhsm/libsofthsm2.so", pinValue: "1234" },
    ],
    ["pkcs11:object=k?pin-source=file:/etc/pin", { object: "k", token: {}, pinSource: "/etc/pin" }],
    ["pkcs11:object=k?pin-source=file:///etc/pin", { object: "k", token: {}, pinSource: "/etc/pin" }],
    ["pkcs11:object=k?pin-source=/etc/pin%201", { object: "k", token: {}, pinSource: "/etc/pin 1" }],
    ["pkcs11:object=%C3%BC(x)[1]:@!$'*+,=&", { object: "ü(x)[1]:@!$'*+,=&", token: {} }],
  ])("%s", (text, expected) => {
    expect(outcomeOf(text)).toEqual({ kind: "pkcs11", ...expected });
  });
});

describe("refused with SIGSTORE_KEY_PKCS11_URI", () => {
  test.each(
    [
      "pkcs11:",
      "PKCS11:object=k",
      "pkcs11:token=t",
      "pkcs11:object=",
      "pkcs11:object",
      "pkcs11:object=k;",
      "pkcs11:;object=k",
      "pkcs11:object=k;object=k",
      "pkcs11:object=k;type=cert",
      "pkcs11:object=k;x-vendor=1",
      "pkcs11:object=k;library-version=2",
      "pkcs11:object=k;pin-value=1234",
      "pkcs11:object=k;slot-id=x",
      "pkcs11:object=k;slot-id=12345678901",
      "pkcs11:object=a b",
      "pkcs11:object=a/b",
      "pkcs11:object=%zz",
      "pkcs11:object=%f",
      "pkcs11:object=%ff",
      "pkcs11:object=ü",
      "pkcs11:object=k\n",
      "pkcs11:object=k?pin-value=1234&pin-source=/x",
      "pkcs11:object=k?pin-value=1234&pin-value=1234",
      "pkcs11:object=k?pin-source=|pin-program%201234",
      "pkcs11:object=k?pin-source=pin",
      "pkcs11:object=k?module-path=libx.so",
      "pkcs11:object=k?module-name=softhsm2",
      "pkcs11:object=k?x-pin=1234",
      `pkcs11:object=${"a".repeat(1025)}`,
    ].filter((text) => text !== "pkcs11:object=k?"),
  )("%j", (text) => {
    expect(outcomeOf(text)).toBe("SIGSTORE_KEY_PKCS11_URI");
  });

  test("or read, and nothing else, whatever comes", () => {
    const piece = fc.constantFrom("object", "id", "token", "=", ";", "?", "&", "%41", "%", "pin-value", "pin-source", "/", "é", "k", "type", "private"); // prettier-ignore
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const outcome = outcomeOf(`pkcs11:${pieces.join("")}`);
        expect(outcome === "SIGSTORE_KEY_PKCS11_URI" || typeof outcome === "object").toBe(true);
      }),
    );
  });
});

test("a PIN is taken out of what is shown", () => {
  expect(withoutSecrets("pkcs11:object=k?pin-value=1234")).toBe("pkcs11:object=k?pin-value=…");
  expect(withoutSecrets("pkcs11:object=k?pin-value=12%2034&module-path=/x")).toBe(
    "pkcs11:object=k?pin-value=…&module-path=/x",
  );
  expect(withoutSecrets("pkcs11:object=k;PIN-VALUE=1234;id=1")).toBe("pkcs11:object=k;PIN-VALUE=…;id=1");
});

test.each([
  "awskms://AKIA:secret-word@host/alias/x",
  "awskms:///x?token=secret-word",
  "gcpkms://user:secret-word@projects/x",
  "azurekms://user:secret-word@vault.vault.azure.net/key",
  "hashivault://user:secret-word@key",
  "vault://user:p@secret-word@host/key",
  "vault://user:p/secret-word@host/key",
  "vault://user:p\nsecret-word@host/key",
])("no reference repeats a password, wherever it is refused: %j", (text) => {
  let message = "";
  try {
    parseKeyReference(text);
  } catch (error) {
    expect(error).toMatchObject({ code: "SIGSTORE_KEY_REFERENCE" });
    message = (error as Error).message;
  }
  expect(message).not.toBe("");
  expect(message).not.toContain("word");
  expect(withoutSecrets(text)).not.toContain("word");
});
