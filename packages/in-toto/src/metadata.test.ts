import { base64, generateSigner, hex, pae, type Json, type JsonObject } from "@countersign/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { parseKeyFile, publicKeyOf } from "./key-file.ts";
import { inTotoPayloadType, maxLayoutBytes, maxLinkBytes, parseMetadata, type Metadata } from "./metadata.ts";
import {
  addSignatures,
  formatMetadata,
  parseSignedFile,
  signMetadata,
  type MetadataSigner,
  type SignedFile,
} from "./sign.ts";
import { checkSignature, maxSignatures } from "./signature.ts";
import { bytesOf, codeOf, goldenMetadata, hasGoldenData, readGolden } from "./sample.contract.ts";
import type { LayoutKey } from "./key.ts";
import type { Mode } from "./mode.ts";

const link: JsonObject = {
  _type: "link",
  name: "build",
  materials: {},
  products: { "out/ä": { sha256: "ab".repeat(32) } },
  byproducts: { stdout: 'a"\\\n', big: "1" },
  command: ["make"],
  environment: {},
};
const layout: JsonObject = {
  _type: "layout",
  expires: "2050-01-01T00:00:00Z",
  inspect: [],
  keys: {},
  readme: "",
  steps: [],
};
const nowMs = Date.UTC(2027, 0, 1);

interface Person extends Extract<MetadataSigner, { readonly signer: unknown }> {
  readonly key: LayoutKey;
}
function newPerson(): Person {
  const signer = generateSigner("ecdsa-p256-sha256");
  return { signer, key: publicKeyOf(signer.spki) };
}
const [alice, bob] = [newPerson(), newPerson()];

/** The code, or `taken`, of parsing and of checking alice's signature. */
function verdict(text: string, mode: Mode = "strict", key: LayoutKey = alice.key): string {
  return codeOf(() => {
    const metadata = parseMetadata(bytesOf(text), mode);
    checkSignature(metadata, key, nowMs);
    if (metadata.type === "link" && metadata.contentError !== undefined) throw metadata.contentError;
  });
}

describe("what we sign", () => {
  test.each<[SignedFile["form"], JsonObject]>([
    ["metablock", link],
    ["metablock", layout],
    ["dsse", link],
    ["dsse", layout],
  ])("as %s verifies, in both modes", async (form, signed) => {
    const text = formatMetadata(await signMetadata(signed, [alice, bob], form));
    for (const mode of ["strict", "compat"] as const) {
      const metadata = parseMetadata(bytesOf(text), mode);
      expect(metadata).toMatchObject({ form, type: signed["_type"], mode });
      expect(checkSignature(metadata, alice.key, nowMs).keyid).toBe(alice.key.keyid);
      expect(checkSignature(metadata, bob.key, nowMs).keyid).toBe(bob.key.keyid);
      expect(codeOf(() => checkSignature(metadata, newPerson().key, nowMs))).toBe("INTOTO_SIGNATURE_MISSING");
    }
    expect(formatMetadata(parseSignedFile(bytesOf(text)))).toBe(text);
  });

  test("is signed again, by another and by the same", async () => {
    const first = await signMetadata(link, [alice], "metablock");
    const both = await addSignatures(parseSignedFile(bytesOf(formatMetadata(first))), [bob]);
    expect(both.signatures.map(({ keyid }) => keyid)).toEqual([alice.key.keyid, bob.key.keyid]);
    const again = await addSignatures(both, [alice]);
    expect(again.signatures.map(({ keyid }) => keyid)).toEqual([alice.key.keyid, bob.key.keyid]);
    expect(again.signatures[0]).not.toEqual(both.signatures[0]);
    expect(again.signatures[1]).toEqual(both.signatures[1]);
    expect(verdict(formatMetadata(again))).toBe("taken");
  });

  test.each<[string, string]>([
    ['{"signed":{"a":1.5},"signatures":[]}', "INTOTO_JSON_NUMBER"],
    ['{"signed":{"a":12345678901234567890},"signatures":[]}', "INTOTO_JSON_NUMBER"],
    ['{"signatures":[]}', "INTOTO_METADATA_MALFORMED"],
    ['{"signed":{}}', "INTOTO_SIGNATURE_MALFORMED"],
    ['{"payload":"e30=","payloadType":"x","signatures":[]}', "CORE_ENVELOPE_MALFORMED"],
  ])("cannot be %s", (text, code) => {
    expect(codeOf(() => parseSignedFile(bytesOf(text)))).toBe(code);
  });

  test("holds no fraction in a Metablock, but may in DSSE", async () => {
    const value = { ...link, byproducts: { seconds: 1.5 } };
    await expect(signMetadata(value, [alice], "metablock")).rejects.toMatchObject({ code: "INTOTO_JSON_NUMBER" });
    const file = await signMetadata(value, [alice], "dsse");
    expect(verdict(formatMetadata(file))).toBe("taken");
  });
});

describe("a Metablock", () => {
  let file: { signed: JsonObject; signatures: readonly JsonObject[] };
  beforeAll(async () => {
    file = JSON.parse(formatMetadata(await signMetadata(link, [alice, bob], "metablock"))) as typeof file;
  });
  const write = (change: JsonObject): string => JSON.stringify({ ...file, ...change });

  test("may be laid out anew", () => {
    const { signed, signatures } = file;
    const turned = Object.fromEntries(Object.entries(signed).toReversed());
    expect(verdict(JSON.stringify({ signed: turned, extra: [1], signatures }, null, 7))).toBe("taken");
  });

  test("I3: is what was received: a member more or less is another", () => {
    const { environment: _, ...less } = file.signed;
    const more = { ...file.signed, evil: 1 };
    expect([verdict(write({ signed: more })), verdict(write({ signed: more }), "compat")]).toEqual([
      "INTOTO_SIGNATURE_BAD",
      "taken",
    ]);
    expect([verdict(write({ signed: less })), verdict(write({ signed: less }), "compat")]).toEqual([
      "INTOTO_LINK_MALFORMED",
      "taken",
    ]);
    const other = { ...file.signed, name: "other" };
    expect([verdict(write({ signed: other })), verdict(write({ signed: other }), "compat")]).toEqual([
      "INTOTO_SIGNATURE_BAD",
      "INTOTO_SIGNATURE_BAD",
    ]);
  });

  test("I3: what the reference drops may even be what canonical JSON cannot write", () => {
    const text = write({}).replace('"signed":{', '"signed":{"evil":1.5,');
    expect([verdict(text), verdict(text, "compat")]).toEqual(["INTOTO_JSON_NUMBER", "taken"]);
    const kept = write({}).replace('"byproducts":{', '"byproducts":{"evil":1.5,');
    expect(verdict(kept, "compat")).toBe("INTOTO_JSON_NUMBER");
  });

  test("I8: duplicate members are refused, in compat the last counts", () => {
    const twice = (member: string): string => write({}).replace('"signed":{', `"signed":{${member}`);
    expect(verdict(twice('"name":"evil",'))).toBe("INTOTO_JSON_DUPLICATE");
    expect(verdict(twice('"name":"evil",'), "compat")).toBe("taken");
    expect(verdict(`{"signed":{},${write({}).slice(1)}`)).toBe("INTOTO_JSON_DUPLICATE");
  });

  test("I8: one key id twice, the first signature bad", () => {
    const [good = {}] = file.signatures;
    const bad = { ...good, sig: "00" };
    const both = write({ signatures: [bad, good] });
    expect([verdict(both), verdict(both, "compat")]).toEqual(["INTOTO_SIGNATURE_TWICE", "INTOTO_SIGNATURE_BAD"]);
    const turned = write({ signatures: [good, bad] });
    expect([verdict(turned), verdict(turned, "compat")]).toEqual(["INTOTO_SIGNATURE_TWICE", "taken"]);
  });

  test("I8: no signature", () => {
    for (const mode of ["strict", "compat"] as const)
      expect(verdict(write({ signatures: [] }), mode)).toBe("INTOTO_SIGNATURE_MISSING");
    const none = JSON.stringify({ signed: file.signed });
    expect([verdict(none), verdict(none, "compat")]).toEqual([
      "INTOTO_SIGNATURE_MALFORMED",
      "INTOTO_SIGNATURE_MISSING",
    ]);
  });

  test.each<[Json, string, string]>([
    [{}, "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MALFORMED"],
    [[{ keyid: "zz", sig: "00" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MALFORMED"],
    [[{ keyid: "aa" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MALFORMED"],
    [[{ keyid: "aa", sig: "0" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MISSING"],
    [[{ keyid: "aa", sig: "AB" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MISSING"],
    [[{ keyid: "aa", sig: "" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MALFORMED"],
    [[{ keyid: "aa", sig: "00", cert: "x" }], "INTOTO_CERTIFICATE_MALFORMED", "INTOTO_SIGNATURE_MISSING"],
    [[{ keyid: "aa", sig: "00", cert: "" }], "INTOTO_SIGNATURE_MISSING", "INTOTO_SIGNATURE_MISSING"],
    [[{ keyid: "aa", other_headers: "00", signature: "00" }], "INTOTO_SIGNATURE_MISSING", "INTOTO_SIGNATURE_MISSING"],
    [[{ keyid: "aa", other_headers: "00" }], "INTOTO_SIGNATURE_MALFORMED", "INTOTO_SIGNATURE_MALFORMED"],
    [
      Array.from({ length: maxSignatures + 1 }, () => ({ keyid: "aa", sig: "00" })),
      "INTOTO_SIGNATURE_MALFORMED",
      "INTOTO_SIGNATURE_MALFORMED",
    ],
  ])("with signatures %.80j", (signatures, strict, compat) => {
    expect([verdict(write({ signatures })), verdict(write({ signatures }), "compat")]).toEqual([strict, compat]);
  });

  test("an OpenPGP signature under a plain key's id ends it", () => {
    const signatures = [{ keyid: alice.key.keyid, other_headers: "00", signature: "00" }];
    expect(verdict(write({ signatures }), "compat")).toBe("INTOTO_KEY_MALFORMED");
  });

  test("big integers are what they are", async () => {
    const big = '"n":123456789012345678901234567890';
    const signed = JSON.stringify(link).replace('"byproducts":{', `"byproducts":{${big},`);
    const probe = parseMetadata(bytesOf(`{"signed":${signed},"signatures":[]}`), "strict");
    const sig = hex(await alice.signer.sign({ message: probe.signedBytes() }));
    const text = `{"signed":${signed},"signatures":[{"keyid":"${alice.key.keyid}","sig":"${sig}"}]}`;
    expect([verdict(text), verdict(text, "compat")]).toEqual(["taken", "taken"]);
    expect(new TextDecoder().decode(probe.signedBytes())).toContain(big);
    expect(verdict(text.replace("7890,", "7891,"))).toBe("INTOTO_SIGNATURE_BAD");
  });
});

describe("DSSE", () => {
  let file: { payload: string; payloadType: string; signatures: readonly JsonObject[] };
  beforeAll(async () => {
    file = JSON.parse(formatMetadata(await signMetadata(link, [alice, bob], "dsse"))) as typeof file;
  });
  const write = (change: JsonObject): string => JSON.stringify({ ...file, ...change });
  const codes = (text: string): readonly string[] => [verdict(text), verdict(text, "compat")];

  test("signs the bytes of the payload", () => {
    const payload = Buffer.from(file.payload, "base64");
    expect(parseMetadata(bytesOf(write({})), "strict").signedBytes()).toEqual(
      pae(inTotoPayloadType, new Uint8Array(payload)),
    );
    const spaced = base64(bytesOf(` ${payload.toString()}`));
    expect(codes(write({ payload: spaced }))).toEqual(["INTOTO_SIGNATURE_BAD", "INTOTO_SIGNATURE_BAD"]);
  });

  test("an envelope may have more members, but not be two things", () => {
    expect(codes(write({ extra: 1 }))).toEqual(["taken", "taken"]);
    expect(codes(write({ signed: link }))).toEqual(["INTOTO_METADATA_MALFORMED", "taken"]);
  });

  test("is of in-toto's type, and signed", () => {
    expect(codes(write({ payloadType: "text/plain" }))).toEqual(["INTOTO_METADATA_TYPE", "INTOTO_METADATA_TYPE"]);
    const { payloadType: _, ...untyped } = file;
    expect(codes(JSON.stringify(untyped))).toEqual(["CORE_ENVELOPE_MALFORMED", "CORE_ENVELOPE_MALFORMED"]);
    expect(codes(write({ signatures: [] }))).toEqual(["CORE_ENVELOPE_MALFORMED", "INTOTO_SIGNATURE_MISSING"]);
  });

  test("I8: one key id twice", () => {
    const [good = {}] = file.signatures;
    const bad = { ...good, sig: "AAAA" };
    expect(codes(write({ signatures: [bad, good] }))).toEqual(["INTOTO_SIGNATURE_TWICE", "taken"]);
    expect(codes(write({ signatures: [bad] }))).toEqual(["INTOTO_SIGNATURE_BAD", "INTOTO_SIGNATURE_BAD"]);
  });

  test("I4: a threshold of 1.0 is no integer, whatever JavaScript thinks", async () => {
    const step =
      '{"_type":"step","name":"s","threshold":1.0,"pubkeys":[],"expected_command":[],"expected_materials":[],"expected_products":[]}';
    const payload = bytesOf(JSON.stringify(layout).replace('"steps":[]', `"steps":[${step}]`));
    const sig = base64(await alice.signer.sign({ message: pae(inTotoPayloadType, payload) }));
    const text = JSON.stringify({
      payload: base64(payload),
      payloadType: inTotoPayloadType,
      signatures: [{ keyid: alice.key.keyid, sig }],
    });
    expect(codes(text)).toEqual(["INTOTO_JSON_NUMBER", "INTOTO_JSON_NUMBER"]);
  });
});

describe("what is no metadata", () => {
  test.each<[string, string]>([
    ["", "INTOTO_JSON_MALFORMED"],
    ["[]", "INTOTO_JSON_MALFORMED"],
    ["{}", "INTOTO_METADATA_MALFORMED"],
    ['{"signed":{"_type":"thing"},"signatures":[]}', "INTOTO_METADATA_TYPE"],
    ['{"signed":{"_type":["link"]},"signatures":[]}', "INTOTO_METADATA_TYPE"],
    ['{"signed":["_type","link"],"signatures":[]}', "INTOTO_METADATA_TYPE"],
    ['{"signed":"link","signatures":[]}', "INTOTO_METADATA_TYPE"],
    ['{"signed":{},"signatures":[]}', "INTOTO_METADATA_TYPE"],
  ])("%s", (text, code) => {
    expect(codeOf(() => parseMetadata(bytesOf(text), "strict"))).toBe(code);
    expect(codeOf(() => parseMetadata(bytesOf(text), "compat"))).toBe(code);
  });

  test("compat: a model that the reference cannot make", () => {
    const parse = (signed: Json): string =>
      codeOf(() => parseMetadata(bytesOf(JSON.stringify({ signed, signatures: [] })), "compat"));
    expect(parse({ ...layout, steps: [1] })).toBe("INTOTO_METADATA_MALFORMED");
    expect(parse({ ...layout, steps: {} })).toBe("INTOTO_METADATA_MALFORMED");
    expect(parse({ ...link, self: 1 })).toBe("INTOTO_METADATA_MALFORMED");
    expect(parse({ _type: "layout", steps: [] })).toBe("INTOTO_METADATA_MALFORMED");
  });

  test("I7: larger than any honest file", () => {
    expect(codeOf(() => parseMetadata(new Uint8Array(maxLinkBytes + 1), "strict"))).toBe("INTOTO_TOO_LARGE");
    const text = `{"signed":{"_type":"layout","x":"${"x".repeat(maxLayoutBytes)}"},"signatures":[]}`;
    expect(codeOf(() => parseMetadata(bytesOf(text), "strict"))).toBe("INTOTO_TOO_LARGE");
  });
});

test("whatever is done to the bytes, it is refused by a TrustError", async () => {
  const files = await Promise.all([
    signMetadata(link, [alice], "metablock"),
    signMetadata(layout, [alice], "metablock"),
    signMetadata(link, [alice], "dsse"),
  ]);
  const originals = files.map((file) => bytesOf(formatMetadata(file)));
  const mangle = fc.record({
    file: fc.nat(originals.length - 1),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    length: fc.integer({ min: 1, max: 12 }),
    how: fc.constantFrom("flip", "drop", "repeat", "truncate", "swap"),
    byte: fc.integer({ min: 1, max: 255 }),
    mode: fc.constantFrom<Mode>("strict", "compat"),
  });
  const property = fc.property(mangle, ({ file, at, length, how, byte, mode }) => {
    const original = originals[file] as Uint8Array;
    const from = Math.floor(at * original.length);
    const piece = original.subarray(from, from + length);
    const parts: Readonly<Record<typeof how, readonly Uint8Array[]>> = {
      flip: [original.subarray(0, from), piece.map((each) => each ^ byte), original.subarray(from + length)],
      drop: [original.subarray(0, from), original.subarray(from + length)],
      repeat: [original.subarray(0, from), piece, original.subarray(from)],
      truncate: [original.subarray(0, from)],
      swap: [original.subarray(from), original.subarray(0, from)],
    };
    const mangled = new Uint8Array(Buffer.concat(parts[how]));
    const code = codeOf(() => checkSignature(parseMetadata(mangled, mode), alice.key, nowMs));
    // White space, and members that nobody signed, may change.
    if (code === "taken" && mode === "strict") {
      expect(parseMetadata(mangled, mode).signedBytes()).toEqual(parseMetadata(original, mode).signedBytes());
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

describe.skipIf(!hasGoldenData)("the reference's and in-toto-golang's files", () => {
  /** Cases that strict refuses on reading, and why. */
  const refused: Readonly<Record<string, readonly [strict: string, compat: string]>> = {
    "016-layout-bad-sig-first-good-second/root.layout": ["INTOTO_SIGNATURE_TWICE", "taken"],
    "090-malformed-rule/root.layout": ["INTOTO_RULE_MALFORMED", "INTOTO_RULE_MALFORMED"],
    "091-duplicate-step-name/root.layout": ["INTOTO_LAYOUT_MALFORMED", "INTOTO_LAYOUT_MALFORMED"],
    "095-duplicate-json-key/root.layout": ["INTOTO_JSON_DUPLICATE", "taken"],
  };

  test("are read, all of them", () => {
    const files = ["golden/good", "golden/extra", "golden/cases", "golang"].flatMap(goldenMetadata);
    expect(files.length).toBeGreaterThan(300);
    for (const { name, bytes } of files) {
      const [strict, compat] = refused[name.replace("golden/cases/", "")] ?? ["taken", "taken"];
      expect(
        codeOf(() => parseMetadata(bytes, "strict")),
        name,
      ).toBe(strict);
      expect(
        codeOf(() => parseMetadata(bytes, "compat")),
        name,
      ).toBe(compat);
    }
  });

  test("every signature verifies with its key, in strict mode", () => {
    const names = ["alice", "bob", "carl", "dana", "erin", "oscar"].map((name) => `golden/keys/${name}.pub`);
    const openpgp = ["owner", "func"].map((name) => `golden/extra/gpg/${name}.asc`);
    const own = [...names, ...openpgp, "golang/alice.pub"].map((name) => parseKeyFile(readGolden(name)));
    const files = ["golden/good", "golden/extra", "golang"].flatMap(goldenMetadata);
    const parsed = files.map(({ name, bytes }) => ({ name, metadata: parseMetadata(bytes, "strict") }));
    const listed = parsed.flatMap(({ metadata }) =>
      metadata.type === "layout" ? [...metadata.layout.keys.values()] : [],
    );
    const keys = [...own, ...listed];
    let count = 0;
    for (const { name, metadata } of parsed) {
      for (const { keyid } of metadata.signatures) {
        const key = keys.find(({ ids, subkeys }) => ids.includes(keyid) || subkeys.has(keyid));
        expect(key, `${name} ${keyid}`).toBeDefined();
        expect(
          codeOf(() => checkSignature(metadata, key as LayoutKey, nowMs)),
          name,
        ).toBe("taken");
        count++;
      }
    }
    expect(count).toBe(27);
  });

  test("an OpenPGP key that has expired signs nothing", () => {
    const metadata = parseMetadata(readGolden("golden/extra/gpg/root.layout"), "strict");
    const key = parseKeyFile(readGolden("golden/extra/gpg/owner.asc"));
    const { check } = key;
    const expired =
      check.kind === "openpgp"
        ? { ...key, check: { ...check, openpgp: { ...check.openpgp, expiresMs: nowMs - 1 } } }
        : key;
    expect(codeOf(() => checkSignature(metadata, expired, nowMs))).toBe("INTOTO_KEY_EXPIRED");
  });

  test("a subkey signs nothing once its main key has expired; compat, as the reference, looks at the subkey", () => {
    const [strict, compat] = (["strict", "compat"] as const).map((mode) =>
      parseMetadata(readGolden("golden/extra/gpg/root.layout"), mode),
    ) as [Metadata, Metadata];
    const key = parseKeyFile(readGolden("golden/extra/gpg/owner.asc"));
    const keyid = strict.signatures[0]?.keyid ?? "";
    const { check } = key;
    if (check.kind !== "openpgp") throw new Error("not an OpenPGP key");
    const ended = { ...check, openpgp: { ...check.openpgp, expiresMs: nowMs - 1 } };
    const withSubkey = { ...key, keyid: "00", ids: ["00"], check: ended, subkeys: new Map([[keyid, key]]) };
    expect(codeOf(() => checkSignature(strict, withSubkey, nowMs))).toBe("INTOTO_KEY_EXPIRED");
    expect(codeOf(() => checkSignature(compat, withSubkey, nowMs))).toBe("taken");
  });
});
