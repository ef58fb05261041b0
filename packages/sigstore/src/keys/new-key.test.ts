import { parsePrivateKey, utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { parseKeyFile } from "./key-file.node.ts";
import { keyNamesOf, keyStrengthOf } from "./key-name.ts";
import { importKey, keyTypes, makeKey, type KeyType } from "./new-key.node.ts";

const noPassword = (): Promise<undefined> => Promise.resolve(undefined);

describe("makeKey", () => {
  test.each(keyTypes.filter((type) => type !== "rsa-4096"))(
    "%s: two halves of one key, whose strength is told",
    async (type) => {
      const pair = await makeKey(type, undefined);
      const signer = parsePrivateKey(pair.private);
      expect(signer.spki).toEqual(pair.spki);
      expect(keyNamesOf(pair.spki).sha256).toBe(signer.keyid);
      expect(keyNamesOf(pair.spki).ssh === undefined).toBe(type.startsWith("ml-dsa"));
      expect(keyStrengthOf(pair.spki).bits).toBeGreaterThanOrEqual(128);
      expect((await makeKey(type, undefined)).private).not.toBe(pair.private);
    },
  );

  test("a type that this platform does not know", async () => {
    await expect(makeKey("ml-dsa-1" as KeyType, undefined)).rejects.toMatchObject({ code: "SIGSTORE_KEY_TYPE" });
  });
});

test("importKey asks for the old password once and before the new one", async () => {
  const { private: sealed } = await makeKey("ecdsa-p256", "old");
  const asked: string[] = [];
  const ask = (name: string): Promise<string> => {
    asked.push(name);
    return Promise.resolve("old");
  };
  const fresh = (): Promise<string> => {
    asked.push("new");
    return Promise.resolve("new");
  };
  const taken = await importKey(parseKeyFile(utf8(sealed)), "the key", { password: ask }, fresh);
  expect(asked).toEqual(["the key", "new"]);
  const again = await importKey(
    parseKeyFile(utf8(taken.private)),
    "it",
    { password: () => Promise.resolve("new") },
    noPassword,
  );
  expect(again.spki).toEqual(taken.spki);
});
