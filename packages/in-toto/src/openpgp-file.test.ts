import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { base64, parseDer, type DerNode } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { parseKeyFile } from "./key-file.ts";
import { parseOpenPgpFile } from "./openpgp-file.ts";
import { maxPackets, parseArmor, parsePackets } from "./openpgp-packet.ts";
import { bytesOf, codeOf, hasGoldenData, readGolden } from "./sample.contract.ts";

const bad = "INTOTO_KEY_MALFORMED";

function number(value: number, size: number): Buffer {
  return Buffer.from(value.toString(16).padStart(size * 2, "0"), "hex");
}
function mpi(bytes: Uint8Array): Buffer {
  let from = 0;
  while (bytes[from] === 0) from++;
  const bits = (bytes.length - from) * 8 - Math.clz32(bytes[from] ?? 0) + 24;
  return Buffer.concat([number(bits, 2), bytes.subarray(from)]);
}
function packet(tag: number, body: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(0xc0 | tag, 255), number(body.length, 4), body]);
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const eddsa = generateKeyPairSync("ed25519").privateKey;
const dsa = generateKeyPairSync("dsa", { modulusLength: 2048, divisorLength: 256 }).privateKey;
const curve = Buffer.from("092b06010401da470f01", "hex");

function keyBody(secret: KeyObject, created = 1000, version = 4): Buffer {
  const head = Buffer.concat([Uint8Array.of(version), number(created, 4)]);
  if (secret.asymmetricKeyType === "dsa")
    return Buffer.concat([head, Uint8Array.of(17), ...dsaNumbers(secret).map((each) => mpi(each))]);
  const { n = "", e = "", x = "" } = createPublicKey(secret).export({ format: "jwk" });
  if (secret.asymmetricKeyType === "rsa")
    return Buffer.concat([head, Uint8Array.of(1), mpi(Buffer.from(n, "base64url")), mpi(Buffer.from(e, "base64url"))]);
  return Buffer.concat([
    head,
    Uint8Array.of(22),
    curve,
    mpi(Buffer.concat([Uint8Array.of(0x40), Buffer.from(x, "base64url")])),
  ]);
}
/** p, q, g, y, out of the DER that OpenSSL writes. */
function dsaNumbers(secret: KeyObject): readonly Uint8Array[] {
  const [identifier, bits] = parseDer(createPublicKey(secret).export({ format: "der", type: "spki" })).children;
  const parameters = identifier?.children[1]?.children ?? [];
  const point = parseDer((bits as DerNode).content.subarray(1));
  return [...parameters, point].map(({ content }) => content);
}
const algorithms: Readonly<Record<string, number>> = { rsa: 1, dsa: 17, ed25519: 22 };
/** The numbers of a signature as OpenPGP has them. */
function numbersOf(hash: string, message: Uint8Array, signer: KeyObject): readonly Uint8Array[] {
  if (signer.asymmetricKeyType === "rsa") return [sign(hash, message, signer)];
  if (signer.asymmetricKeyType === "dsa")
    return parseDer(sign(hash, message, signer)).children.map(({ content }) => content);
  const made = sign(null, createHash(hash).update(message).digest(), signer);
  return [made.subarray(0, 32), made.subarray(32)];
}
const prefixed = (body: Uint8Array): Buffer => Buffer.concat([Uint8Array.of(0x99), number(body.length, 2), body]);
const idOf = (body: Uint8Array): string => createHash("sha1").update(prefixed(body)).digest("hex");

interface SignatureShape {
  readonly type: number;
  readonly signer?: KeyObject;
  readonly subpackets?: readonly (readonly number[])[];
  readonly hash?: "sha256" | "sha384" | "sha512" | "sha1";
  /** In the area that nobody signed. */
  readonly unhashed?: Uint8Array;
}
const hashIds = { sha1: 2, sha256: 8, sha384: 9, sha512: 10 } as const;

function signatureBody(
  subject: Uint8Array,
  { type, signer = rsa, subpackets = [], hash = "sha512", unhashed = new Uint8Array(0) }: SignatureShape,
): Buffer {
  const area = Buffer.concat(subpackets.map((each) => Uint8Array.of(each.length, ...each)));
  const algorithm = algorithms[signer.asymmetricKeyType ?? ""] ?? 0;
  const hashed = Buffer.concat([Uint8Array.of(4, type, algorithm, hashIds[hash]), number(area.length, 2), area]);
  const message = Buffer.concat([subject, hashed, Uint8Array.of(4, 255), number(hashed.length, 4)]);
  const numbers = numbersOf(hash, message, signer);
  return Buffer.concat([hashed, number(unhashed.length, 2), unhashed, number(0, 2), ...numbers.map(mpi)]);
}
function signaturePacket(subject: Uint8Array, shape: SignatureShape): Buffer {
  return packet(2, signatureBody(subject, shape));
}
/** The subkey's own word that it belongs to the main key, as a subpacket. */
function signedBack(subject: Uint8Array, signer: KeyObject, type = 0x19): Buffer {
  const body = signatureBody(subject, { type, signer, hash: "sha256" });
  return Buffer.concat([Uint8Array.of(255), number(body.length + 1, 4), Uint8Array.of(32), body]);
}

const main = keyBody(rsa);
const sub = keyBody(eddsa);
const created = (seconds: number): readonly number[] => [2, ...number(seconds, 4)];
const lasts = (seconds: number): readonly number[] => [9, ...number(seconds, 4)];
const userId = bytesOf("me <me@example>");
const certified = (more: Partial<SignatureShape> = {}): Buffer => {
  const subject = Buffer.concat([prefixed(main), Uint8Array.of(0xb4), number(userId.length, 4), userId]);
  return Buffer.concat([packet(13, userId), signaturePacket(subject, { type: 0x13, ...more })]);
};
const both = Buffer.concat([prefixed(main), prefixed(sub)]);
const bound = (more: Partial<SignatureShape> = {}): Buffer =>
  Buffer.concat([packet(14, sub), signaturePacket(both, { type: 0x18, unhashed: signedBack(both, eddsa), ...more })]);

function subkeysOf(...packets: readonly Uint8Array[]): readonly string[] {
  return [...parseOpenPgpFile(Buffer.concat([packet(6, main), ...packets])).subkeys.keys()];
}

describe("the main key", () => {
  test("has its fingerprint for an id, and the numbers", () => {
    const key = parseOpenPgpFile(packet(6, main));
    expect(key).toMatchObject({ keyid: idOf(main), keytype: "rsa", json: { creation_time: 1000 } });
    expect(key.json).not.toHaveProperty("validity_period");
    expect(parseOpenPgpFile(packet(6, sub))).toMatchObject({ keyid: idOf(sub), keytype: "eddsa" });
  });

  test("lasts as long as its newest good self-signature says", () => {
    const expiry = (...packets: readonly Uint8Array[]): unknown =>
      parseOpenPgpFile(Buffer.concat([packet(6, main), ...packets])).json["validity_period"];
    expect(expiry(certified({ subpackets: [created(1), lasts(60)] }))).toBe(60);
    const two = [
      certified({ subpackets: [created(2), lasts(99)] }),
      certified({ subpackets: [created(1), lasts(60)] }),
    ];
    expect(expiry(...two)).toBe(99);
    expect(expiry(certified({ subpackets: [created(1), lasts(60)], hash: "sha384" }))).toBe(60);
    expect(expiry(certified({ subpackets: [created(1), lasts(60)], signer: eddsa }))).toBeUndefined();
    const weak = certified({ subpackets: [created(3), lasts(60)], hash: "sha1" });
    expect(expiry(certified(), weak)).toBeUndefined();
  });

  test("lasts no longer because a user id was taken back", () => {
    const takenBack = certified({ type: 0x30, subpackets: [created(9)] });
    const file = Buffer.concat([packet(6, main), certified({ subpackets: [created(1), lasts(60)] }), takenBack]);
    expect(parseOpenPgpFile(file).json["validity_period"]).toBe(60);
  });

  test("whose only self-signature is by SHA-1 says nothing of its end: refused, but in compat", () => {
    const weak = Buffer.concat([packet(6, main), certified({ subpackets: [created(1), lasts(60)], hash: "sha1" })]);
    expect(codeOf(() => parseOpenPgpFile(weak))).toBe("INTOTO_KEY_WEAK");
    expect(codeOf(() => parseOpenPgpFile(weak, "compat"))).toBe("taken");
  });

  test("that was revoked is none", () => {
    const revoked = Buffer.concat([packet(6, main), signaturePacket(prefixed(main), { type: 0x20 })]);
    expect(codeOf(() => parseOpenPgpFile(revoked))).toBe("INTOTO_KEY_EXPIRED");
    const forged = Buffer.concat([packet(6, main), signaturePacket(prefixed(main), { type: 0x20, signer: eddsa })]);
    expect(codeOf(() => parseOpenPgpFile(forged))).toBe("taken");
    // Nobody can tell whether it made this one: it is believed.
    const weak = Buffer.concat([packet(6, main), signaturePacket(prefixed(main), { type: 0x20, hash: "sha1" })]);
    expect(codeOf(() => parseOpenPgpFile(weak))).toBe("INTOTO_KEY_EXPIRED");
  });

  test("of a kind or version that is not known is refused", () => {
    expect(codeOf(() => parseOpenPgpFile(packet(6, keyBody(rsa, 1, 3))))).toBe("INTOTO_KEY_UNSUPPORTED");
    const ecdsa = Buffer.concat([main.subarray(0, 5), Uint8Array.of(19), main.subarray(6)]);
    expect(codeOf(() => parseOpenPgpFile(packet(6, ecdsa)))).toBe("INTOTO_KEY_UNSUPPORTED");
    const otherCurve = Buffer.from(sub);
    otherCurve[8] = 0xff;
    expect(codeOf(() => parseOpenPgpFile(packet(6, otherCurve)))).toBe("INTOTO_KEY_UNSUPPORTED");
  });
});

describe("a DSA key", () => {
  test("has four numbers, binds its own name and subkeys, and is one", () => {
    const body = keyBody(dsa);
    const [p, q, g, y] = dsaNumbers(dsa).map((each) => Buffer.from(each).toString("hex").replace(/^00/, ""));
    const subject = Buffer.concat([prefixed(body), Uint8Array.of(0xb4), number(userId.length, 4), userId]);
    const name = signaturePacket(subject, { type: 0x13, signer: dsa, subpackets: [created(1), lasts(60)] });
    const pair = Buffer.concat([prefixed(body), prefixed(sub)]);
    const binding = signaturePacket(pair, { type: 0x18, signer: dsa, unhashed: signedBack(pair, eddsa) });
    const file = Buffer.concat([packet(6, body), packet(13, userId), name, packet(14, sub), binding]);
    const key = parseOpenPgpFile(file);
    expect(key).toMatchObject({ keyid: idOf(body), keytype: "dsa", scheme: "pgp+dsa-fips-180-2" });
    expect(key.json).toMatchObject({ validity_period: 60, keyval: { public: { p, q, g, y } } });
    expect([...key.subkeys.keys()]).toEqual([idOf(sub)]);
    const spki = createPublicKey(dsa).export({ format: "der", type: "spki" });
    expect(key.materialId).toBe(createHash("sha256").update(spki).digest("hex"));
  });

  test("may be a subkey", () => {
    const body = keyBody(dsa);
    const pair = Buffer.concat([prefixed(main), prefixed(body)]);
    const binding = signaturePacket(pair, { type: 0x18, unhashed: signedBack(pair, dsa) });
    expect(subkeysOf(certified(), packet(14, body), binding)).toEqual([idOf(body)]);
  });

  test("of other numbers is refused, a short one but in compat", () => {
    const short = generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).privateKey;
    expect(codeOf(() => parseOpenPgpFile(packet(6, keyBody(short))))).toBe("INTOTO_KEY_WEAK");
    expect(codeOf(() => parseOpenPgpFile(packet(6, keyBody(short)), "compat"))).toBe("taken");
    const [p, q, g, y] = dsaNumbers(dsa) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const one = Uint8Array.of(1);
    for (const numbers of [
      [p, q, g],
      [p, q, g, y, y],
      [p, q, one, y],
      [p, q, g, one],
      [p, q, g, p],
      [q, q, g, y],
      [p, p, g, y],
      [p, q, Uint8Array.of(2), y],
    ]) {
      const body = Buffer.concat([Uint8Array.of(4, 0, 0, 0, 1, 17), ...numbers.map((each) => mpi(each))]);
      expect(codeOf(() => parseOpenPgpFile(packet(6, body)))).toBe(bad);
    }
  });
});

describe("a subkey", () => {
  test("counts if the main key bound it", () => {
    expect(subkeysOf(certified(), bound())).toEqual([idOf(sub)]);
    expect(subkeysOf(packet(14, sub))).toEqual([]);
    expect(subkeysOf(bound({ signer: eddsa }))).toEqual([]);
    expect(subkeysOf(bound({ type: 0x13 }))).toEqual([]);
    expect(subkeysOf(bound({ hash: "sha1" }))).toEqual([]);
  });

  test("counts unless it was revoked, or is for something else", () => {
    for (const hash of ["sha512", "sha1"] as const)
      expect(subkeysOf(bound(), signaturePacket(both, { type: 0x28, hash }))).toEqual([]);
    expect(subkeysOf(bound({ subpackets: [[27, 0x02]] }))).toEqual([idOf(sub)]);
    expect(subkeysOf(bound({ subpackets: [[27, 0x0c]] }))).toEqual([]);
  });

  test("must have signed back: nobody adopts the signatures of another", () => {
    expect(subkeysOf(bound({ unhashed: new Uint8Array(0) }))).toEqual([]);
    expect(subkeysOf(bound({ unhashed: signedBack(both, rsa) }))).toEqual([]);
    expect(subkeysOf(bound({ unhashed: signedBack(both, eddsa, 0x18) }))).toEqual([]);
    expect(subkeysOf(bound({ unhashed: signedBack(Buffer.concat([both, both]), eddsa) }))).toEqual([]);
  });

  test("too weak is none", () => {
    const body = keyBody(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey);
    const pair = Buffer.concat([prefixed(main), prefixed(body)]);
    expect(subkeysOf(packet(14, body), signaturePacket(pair, { type: 0x18 }))).toEqual([]);
  });

  test("an EdDSA key can bind too, and subkeys end", () => {
    const subject = Buffer.concat([prefixed(sub), prefixed(main)]);
    const binding = signaturePacket(subject, {
      type: 0x18,
      signer: eddsa,
      hash: "sha256",
      subpackets: [created(5), lasts(7)],
      unhashed: signedBack(subject, rsa),
    });
    const key = parseOpenPgpFile(Buffer.concat([packet(6, sub), packet(14, main), binding]));
    expect(key.subkeys.get(idOf(main))?.json["validity_period"]).toBe(7);
  });

  test("of an unknown kind is passed over", () => {
    const odd = Buffer.concat([sub.subarray(0, 5), Uint8Array.of(18), sub.subarray(6)]);
    expect(subkeysOf(packet(14, odd), bound())).toEqual([idOf(sub)]);
  });
});

describe("packets", () => {
  test("in both formats and all lengths", () => {
    const body = new Uint8Array(300);
    const old = [
      Buffer.concat([Uint8Array.of(0x80 | (6 << 2), 3), body.subarray(0, 3)]),
      Buffer.concat([Uint8Array.of(0x81 | (6 << 2), 1, 44), body]),
    ];
    const newer = [
      Buffer.concat([Uint8Array.of(0xc6, 192, 108), body]),
      Buffer.concat([Uint8Array.of(0xc6, 3), body.subarray(0, 3)]),
    ];
    const read = parsePackets(Buffer.concat([...old, ...newer, packet(6, body)]));
    expect(read.map(({ tag, body: { length } }) => [tag, length])).toEqual([
      [6, 3],
      [6, 300],
      [6, 300],
      [6, 3],
      [6, 300],
    ]);
  });

  test.each([[[0x00]], [[0x9b, 0]], [[0xc6, 224]], [[0xc6, 5, 1]], [[0x99]]])("%j are refused", (bytes) => {
    expect(codeOf(() => parsePackets(Uint8Array.from(bytes)))).toBe(bad);
  });

  test("that do not make one key are refused", () => {
    for (const bytes of [
      new Uint8Array(0),
      packet(13, userId),
      Buffer.concat([packet(6, main), packet(6, sub)]),
      packet(6, main.subarray(0, 40)),
    ]) {
      expect(codeOf(() => parseOpenPgpFile(bytes))).toBe(bad);
    }
    const many = Buffer.alloc((maxPackets + 1) * 2, Uint8Array.of(0xcd, 0));
    expect(codeOf(() => parsePackets(many))).toBe(bad);
  });

  test("cut anywhere end in a TrustError", () => {
    const whole = Buffer.concat([packet(6, main), certified(), bound()]);
    for (let length = 0; length < whole.length; length += 7) {
      const code = codeOf(() => parseOpenPgpFile(whole.subarray(0, length)));
      expect(["taken", bad, "CORE_KEY_WEAK", "INTOTO_KEY_UNSUPPORTED"]).toContain(code);
    }
  });
});

test("armour: headers, a checksum, one block", () => {
  const encoded = base64(new Uint8Array(packet(6, main)));
  const block = (inner: string): string =>
    `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${inner}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
  expect(parseArmor(block(`Version: x\nComment: y\n\n${encoded}\n=abcd`))).toEqual(new Uint8Array(packet(6, main)));
  expect(parseKeyFile(bytesOf(block(`\n${encoded}`))).keyid).toBe(idOf(main));
  expect(parseKeyFile(new Uint8Array(packet(6, main))).keyid).toBe(idOf(main));
  for (const text of ["", "hello", block(""), block(`\n${encoded}`).repeat(2), `x${block(`\n${encoded}`)}`]) {
    expect(codeOf(() => parseArmor(text))).toBe(bad);
  }
  expect(codeOf(() => parseArmor(block("\nAA=A")))).toBe("CORE_TEXT_MALFORMED");
});

test.skipIf(!hasGoldenData)("gpg's own export is what securesystemslib made of it", () => {
  const func = parseKeyFile(readGolden("golden/extra/gpg/func.asc"));
  const layout = JSON.parse(new TextDecoder().decode(readGolden("golden/extra/gpg/root.layout"))) as {
    readonly signed: {
      readonly keys: Readonly<Record<string, { readonly keyval: unknown; readonly subkeys: object }>>;
    };
  };
  const listed = layout.signed.keys[func.keyid];
  expect(func.json["keyval"]).toEqual(listed?.keyval);
  // The EdDSA subkey is one that securesystemslib drops by mistake (research §3).
  expect(func.json["subkeys"]).toMatchObject(listed?.subkeys ?? {});
  expect(func.subkeys.size).toBe(3);
});
