import fc from "fast-check";
import { TrustError } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { makeKeyIo } from "./key-io.contract.ts";
import { isFileReference, parseKeyReference } from "./reference.ts";
import { openSigner } from "./resolver.node.ts";

describe("references", () => {
  test("a vault's name in capitals is the same vault", () =>
    expect(parseKeyReference("azurekms://Acme.Vault.Azure.net/Release")).toMatchObject({ host: "acme.vault.azure.net", name: "Release" })); // prettier-ignore

  test.each([
    "hashivault://",
    "hashivault://a/b",
    "hashivault://..",
    "hashivault://a?version=0",
    "hashivault://a?version=1&x=2",
    "hashivault://a%2fb",
    "awskms://",
    "awskms:///",
    "awskms:///arn:aws:kms:eu-west-1:1:key/x",
    "awskms:///arn:aws:s3:eu-west-1:111122223333:key/x",
    "awskms:///a b",
    "awskms://host/../x",
    "gcpkms://projects/p",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/0",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/1/x",
    "gcpkms://projects/p/../locations/l/keyRings/r/cryptoKeys/k",
    "azurekms://vault.azure.net/key",
    "azurekms://x.vault.azure.net",
    "azurekms://x.vault.azure.net/key/1",
    "azurekms://evil.example/key",
    "azurekms://x.vault.azure.net.evil.example/key",
    "azurekms://x.vault.azure.net:443@evil.example/key",
  ])("%s is none", async (reference) => {
    const io = makeKeyIo({}, {}, { http: () => Promise.reject(new Error("sent")) });
    await expect(openSigner(reference, io)).rejects.toMatchObject({ code: "SIGSTORE_KEY_REFERENCE" });
  });
});

test("a reference is read, a file or a typed error, whatever it is", () => {
  const piece = fc.constantFrom("awskms", "gcpkms", "azurekms", "hashivault", "env", "pkcs11:", "file", "://", "/", "?", "version=", "1", "alias/", "..", "%2f", "@", ".vault.azure.net", "é", "\n"); // prettier-ignore
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      try {
        const { kind } = parseKeyReference(text);
        expect(kind === "file" || text.startsWith(kind)).toBe(true);
        expect(kind === "file").toBe(isFileReference(text));
      } catch (error) {
        expect(error).toBeInstanceOf(TrustError);
      }
    }),
  );
});
