import { createRequire } from "node:module";
import { formatPem, hex, parseBase64, type AlgorithmName, type JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { parseRoot } from "./metadata.ts";
import {
  bytesOf,
  codeOf,
  hasRootChain,
  makeKey,
  rootContent,
  signed,
  sigstoreRoot,
  type SampleKey,
} from "./sample.contract.ts";
import { checkThreshold, judgeSignatures, type IdentityCheck, type RoleTrust } from "./threshold.ts";
import type { Root } from "./metadata.ts";

function trustOf(root: Root, threshold?: number): RoleTrust {
  const role = root.roles.get("root") ?? { keyids: [], threshold: 1 };
  return { name: "root", role: threshold === undefined ? role : { ...role, threshold }, keys: root.keys };
}

async function outcome(content: JsonObject, threshold: number, ...keys: readonly SampleKey[]): Promise<string> {
  const root = parseRoot(await signed(content, ...keys));
  return codeOf(() => checkThreshold(root, trustOf(root, threshold)));
}

const algorithms: readonly AlgorithmName[] = [
  "ed25519",
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-pss-sha256",
  "rsa-pkcs1-sha512",
];

describe("keys", () => {
  test.each(algorithms)("%s signs, and only what it signed", async (algorithm) => {
    const key = makeKey(algorithm);
    expect(await outcome(rootContent(key), 1, key)).toBe("taken");
    const root = parseRoot(await signed(rootContent(key), key));
    const other = parseRoot(await signed({ ...rootContent(key), version: 2 }));
    expect(codeOf(() => checkThreshold({ ...other, signatures: root.signatures }, trustOf(root)))).toBe(
      "TUF_THRESHOLD",
    );
  });

  test.each<[AlgorithmName, number]>([
    ["ed25519", 32],
    ["ecdsa-p256-sha256", 65],
    ["ecdsa-p384-sha384", 97],
    ["ecdsa-p521-sha512", 133],
  ])("%s is read in hex and in PEM, under either key type", async (algorithm, bytes) => {
    const key = makeKey(algorithm);
    const scheme = key.json["scheme"] as string;
    for (const text of [hex(key.signer.spki.subarray(-bytes)), formatPem("PUBLIC KEY", key.signer.spki)]) {
      for (const keytype of [key.json["keytype"] as string, scheme]) {
        const listed = { ...key, json: { keytype, scheme, keyval: { public: text } } };
        expect(await outcome(rootContent(listed), 1, listed)).toBe("taken");
      }
    }
  });

  test.each([
    ["unknown type", { keytype: "dsa" }],
    ["unknown scheme", { scheme: "ed448" }],
    ["scheme of another type", { scheme: "ecdsa-sha2-nistp256" }],
    ["damaged", { keyval: { public: "00" } }],
    ["of small order", { keyval: { public: `01${"00".repeat(31)}` } }],
    ["no public part", { keyval: {} }],
  ])("one that is not usable (%s) is kept and counts for nothing", async (_, over) => {
    const [good, odd] = [makeKey(), makeKey()];
    const listed = { ...odd, json: { ...odd.json, ...over } };
    expect(await outcome(rootContent(good, listed), 1, good, listed)).toBe("taken");
    expect(await outcome(rootContent(good, listed), 2, good, listed)).toBe("TUF_THRESHOLD");
  });
});

describe("T1: distinct keys are counted", () => {
  test("one public key under two key ids meets 1, not 2", async () => {
    const key = makeKey();
    const again = { ...key, keyid: "another" };
    expect(await outcome(rootContent(key, again), 1, key, again)).toBe("taken");
    expect(await outcome(rootContent(key, again), 2, key, again)).toBe("TUF_THRESHOLD");
    expect(await outcome(rootContent(key, makeKey(), again), 2, key, again)).toBe("TUF_THRESHOLD");
  });

  test("nor does one key in hex and in PEM", async () => {
    const key = makeKey("ecdsa-p256-sha256");
    const inHex = {
      ...key,
      keyid: "hex",
      json: { ...key.json, keyval: { public: hex(key.signer.spki.subarray(-65)) } },
    };
    expect(await outcome(rootContent(key, inHex), 2, key, inHex)).toBe("TUF_THRESHOLD");
  });

  test("a key id that a role lists twice is one", async () => {
    const key = makeKey();
    expect(await outcome(rootContent(key, key), 2, key)).toBe("TUF_THRESHOLD");
  });

  test("two keys are two, whatever their ids", async () => {
    const keys = [
      { ...makeKey(), keyid: "x" },
      { ...makeKey(), keyid: "__proto__" },
    ] as const;
    expect(await outcome({ ...rootContent(...keys), keys: protoSafe(keys) }, 2, ...keys)).toBe("taken");
  });
});

/** An object literal would set its prototype. */
function protoSafe(keys: readonly SampleKey[]): JsonObject {
  return JSON.parse(
    `{${keys.map(({ keyid, json }) => `${JSON.stringify(keyid)}:${JSON.stringify(json)}`).join()}}`,
  ) as JsonObject;
}

test("signatures of strangers count for nothing", async () => {
  const [own, stranger] = [makeKey(), makeKey()];
  expect(await outcome(rootContent(own), 1, stranger)).toBe("TUF_THRESHOLD");
  const root = parseRoot(await signed(rootContent(own), { ...stranger, keyid: own.keyid }));
  expect(judgeSignatures(root, trustOf(root))).toMatchObject([{ result: "bad" }]);
});

test("a key that the role names and nobody listed counts for nothing", async () => {
  const key = makeKey();
  expect(await outcome({ ...rootContent(key), keys: {} }, 1, key)).toBe("TUF_THRESHOLD");
});

describe("Sigstore identities (TAP 18)", () => {
  const identity = { identity: "a@example.org", issuer: "https://issuer.example" };
  const json = { keytype: "sigstore-oidc", scheme: "Fulcio", keyval: identity };
  const listed = { keyid: "who", json } as unknown as SampleKey;
  const content = rootContent(listed);
  const bundle = { mediaType: "x" };
  const signer = { kind: "key", keyid: "k", algorithm: "ed25519" } as const;
  const yes: IdentityCheck = ({ bundle: given, ...claim }) =>
    claim.identity === identity.identity && claim.issuer === identity.issuer && given["mediaType"] === "x"
      ? signer
      : undefined;
  const judge = (signature: JsonObject, check?: IdentityCheck): string => {
    const root = parseRoot(bytesOf(JSON.stringify({ signed: content, signatures: [{ keyid: "who", ...signature }] })));
    return judgeSignatures(root, trustOf(root), check)[0]?.result ?? "";
  };

  test("count only where they are switched on", () => {
    expect(judge({ sig: "", bundle })).toBe("unusable");
    expect(judge({ sig: "", bundle }, yes)).toBe("good");
    expect(judge({ sig: bundle }, yes)).toBe("good");
  });

  test("count only with a bundle that is theirs", () => {
    expect(judge({ sig: "aa" }, yes)).toBe("bad");
    expect(judge({ sig: "", bundle: "x" }, yes)).toBe("bad");
    expect(judge({ sig: "", bundle: { mediaType: "y" } }, yes)).toBe("bad");
    expect(judge({ sig: "", bundle }, () => undefined)).toBe("bad");
  });
});

test.runIf(hasRootChain)("each root of the public chain is signed by its own keys and those of the one before", () => {
  for (let version = 1; version <= 15; version++) {
    const root = parseRoot(sigstoreRoot(version));
    const before = version === 1 ? root : parseRoot(sigstoreRoot(version - 1));
    expect(checkThreshold(root, trustOf(root)).length).toBeGreaterThan(2);
    expect(checkThreshold(root, trustOf(before)).length).toBeGreaterThan(2);
  }
});

test("the public root of today is signed by its own keys", () => {
  const seeds = createRequire(import.meta.url)("@sigstore/tuf/seeds.json") as Record<string, { "root.json": string }>;
  const [seed] = Object.values(seeds);
  const root = parseRoot(parseBase64(seed?.["root.json"] ?? ""));
  const good = checkThreshold(root, trustOf(root)).filter(({ result }) => result === "good");
  expect(good.length).toBeGreaterThanOrEqual(root.roles.get("root")?.threshold ?? 99);
});
