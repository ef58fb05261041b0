import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { formatEnvelope, maxEnvelopeSignatures, pae, parseEnvelope, type Envelope } from "./envelope.ts";
import { TrustError } from "./errors.ts";
import { parseJson, type Json, type JsonObject } from "./json.ts";

const good: JsonObject = {
  payloadType: "application/vnd.in-toto+json",
  payload: "e30=",
  signatures: [{ keyid: "k", sig: "AQID" }],
};

function refuse(value: unknown, where = ""): void {
  try {
    parseEnvelope(value as Json);
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code: "CORE_ENVELOPE_MALFORMED", kind: "malformed" });
    expect((error as TrustError).message).toContain(where);
    return;
  }
  expect.unreachable(`accepted ${JSON.stringify(value)}`);
}

describe("pae", () => {
  const text = (type: string, payload: string): string => new TextDecoder().decode(pae(type, utf8(payload)));

  // The first is the example of the protocol page.
  test.each([
    ["http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world"],
    ["", "", "DSSEv1 0  0 "],
    ["é", "世", "DSSEv1 2 é 3 世"],
    ["a 1 b", " ", "DSSEv1 5 a 1 b 1  "],
    ["😀", "\n", "DSSEv1 4 😀 1 \n"],
  ])("%j %j", (type, payload, expected) => expect(text(type, payload)).toBe(expected));

  test("the payload's bytes stand in it as they are", () => {
    const payload = Uint8Array.of(0, 255, 10, 195);
    expect(pae("t", payload).subarray(-4)).toEqual(payload);
  });

  test("property: no two different pairs have the same encoding", () => {
    const type = fc.string({ unit: fc.constantFrom("a", "1", " ", "é"), maxLength: 4 });
    const payload = fc.uint8Array({ max: 2, maxLength: 4 }).map((bytes) => bytes.map((byte) => 0x30 + byte));
    fc.assert(
      fc.property(type, payload, type, payload, (typeA, a, typeB, b) => {
        const isSame = typeA === typeB && Buffer.compare(a, b) === 0;
        expect(Buffer.compare(pae(typeA, a), pae(typeB, b)) === 0).toBe(isSame);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseEnvelope", () => {
  test("reads type, payload and signatures", () => {
    expect(parseEnvelope(good)).toEqual({
      payloadType: "application/vnd.in-toto+json",
      payload: utf8("{}"),
      signatures: [{ keyid: "k", sig: Uint8Array.of(1, 2, 3) }],
    });
  });

  test("a key id that is absent or null is empty, members of later versions are passed over", () => {
    const signatures = [{ sig: "AQID" }, { sig: "AQID", keyid: null }, { sig: "AQID", keyid: "", cert: "x" }];
    expect(parseEnvelope({ ...good, signatures, more: 1 }).signatures.map(({ keyid }) => keyid)).toEqual(["", "", ""]);
  });

  test("type and payload must be there, but may be empty", () => {
    expect(parseEnvelope({ ...good, payloadType: "", payload: "" })).toMatchObject({
      payloadType: "",
      payload: new Uint8Array(),
    });
  });

  test.each<[string, unknown, string]>([
    ["null", null, "an object"],
    ["array", [good], "an array"],
    ["text", "x", "a string"],
    ["nothing", {}, "envelope.payloadType"],
    ["no type", { ...good, payloadType: undefined }, "envelope.payloadType"],
    ["null type", { ...good, payloadType: null }, "envelope.payloadType"],
    ["number as type", { ...good, payloadType: 1 }, "envelope.payloadType"],
    ["no payload", { ...good, payload: undefined }, "envelope.payload"],
    ["payload object", { ...good, payload: {} }, "envelope.payload"],
    ["payload without padding", { ...good, payload: "e30" }, "envelope.payload"],
    ["payload with a line break", { ...good, payload: "e30=\n" }, "envelope.payload"],
    ["payload with stray bits", { ...good, payload: "e31=" }, "envelope.payload"],
    ["payload in the URL alphabet", { ...good, payload: "-_-_" }, "envelope.payload"],
    ["no signatures", { ...good, signatures: undefined }, "envelope.signatures"],
    ["empty signatures", { ...good, signatures: [] }, "at least one"],
    ["signatures object", { ...good, signatures: { 0: { sig: "AQID" } } }, "envelope.signatures"],
    ["signature null", { ...good, signatures: [null] }, "envelope.signatures[0]"],
    ["signature text", { ...good, signatures: ["AQID"] }, "envelope.signatures[0]"],
    ["second signature bad", { ...good, signatures: [{ sig: "AQID" }, {}] }, "envelope.signatures[1].sig"],
    ["empty signature", { ...good, signatures: [{ sig: "" }] }, "envelope.signatures[0].sig"],
    ["signature not base64", { ...good, signatures: [{ sig: "A" }] }, "envelope.signatures[0].sig"],
    ["key id number", { ...good, signatures: [{ sig: "AQID", keyid: 1 }] }, "envelope.signatures[0].keyid"],
  ])("refuses %s", (_, value, where) => refuse(value, where));

  test("caps the signatures", () => {
    const signatures = (count: number): Json => Array.from({ length: count }, () => ({ sig: "AQID" }));
    expect(parseEnvelope({ ...good, signatures: signatures(maxEnvelopeSignatures) }).signatures).toHaveLength(
      maxEnvelopeSignatures,
    );
    refuse({ ...good, signatures: signatures(maxEnvelopeSignatures + 1) }, `at most ${maxEnvelopeSignatures}`);
  });

  test("members of the prototype are no members", () => {
    refuse(Object.create(good), "envelope.payloadType");
    refuse(
      parseJson('{"__proto__":{"payloadType":"x","payload":"e30=","signatures":[{"sig":"AQID"}]}}'),
      "envelope.payloadType",
    );
  });
});

test("property: parse undoes format", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const envelope: fc.Arbitrary<Envelope> = fc.record({
    payloadType: fc.string({ unit: "grapheme" }),
    payload: bytes,
    signatures: fc.array(fc.record({ keyid: fc.string(), sig: fc.uint8Array({ minLength: 1, maxLength: 80 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
  });
  fc.assert(
    fc.property(envelope, (value) => {
      expect(parseEnvelope(formatEnvelope(value))).toEqual(value);
      expect(parseEnvelope(parseJson(JSON.stringify(formatEnvelope(value))))).toEqual(value);
    }),
  );
});

test("format leaves an empty key id out", () => {
  expect(
    formatEnvelope({ payloadType: "t", payload: utf8("x"), signatures: [{ keyid: "", sig: Uint8Array.of(0) }] }),
  ).toEqual({
    payload: "eA==",
    payloadType: "t",
    signatures: [{ sig: "AA==" }],
  });
});

const real = new URL(
  "../../../../shared/data/sigstore/real/npm-provenance-sigstore-2.0.0.sigstore.json",
  import.meta.url,
);
test.skipIf(!existsSync(real))("a real envelope: its PAE is what its certified key signed", async () => {
  const { X509Certificate, verify } = await import("node:crypto");
  const bundle = JSON.parse(readFileSync(real, "utf8")) as {
    dsseEnvelope: Json;
    verificationMaterial: { x509CertificateChain: { certificates: { rawBytes: string }[] } };
  };
  const envelope = parseEnvelope(bundle.dsseEnvelope);
  const der = bundle.verificationMaterial.x509CertificateChain.certificates[0]?.rawBytes ?? "";
  const { publicKey } = new X509Certificate(Buffer.from(der, "base64"));
  const signed = pae(envelope.payloadType, envelope.payload);
  const { sig } = envelope.signatures[0] as Envelope["signatures"][number];
  expect(verify("sha256", signed, publicKey, sig)).toBe(true);
  expect(verify("sha256", pae(`${envelope.payloadType} `, envelope.payload), publicKey, sig)).toBe(false);
});

test("mangling: every byte of an envelope flipped, dropped, repeated, cut: a value or a TrustError", () => {
  const bytes = utf8(JSON.stringify(good));
  let accepted = 0;
  const mangled = [...bytes.keys()].flatMap((at) => [
    ...[0x01, 0x20, 0x80, 0xff].map((mask) => bytes.with(at, (bytes[at] as number) ^ mask)),
    Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]),
    Uint8Array.from([...bytes.subarray(0, at + 1), ...bytes.subarray(at)]),
    bytes.subarray(0, at),
  ]);
  for (const each of mangled) {
    try {
      const envelope = parseEnvelope(parseJson(each));
      expect(parseEnvelope(formatEnvelope(envelope))).toEqual(envelope);
      accepted++;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  expect(accepted).toBeGreaterThan(20);
});
