import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { base64 } from "@countersign/core";
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
const curve = Buffer.from("092b06010401da470f01", "hex");

function keyBody(secret: KeyObject, created = 1000, version = 4): Buffer {
  const { n = "", e = "", x = "" } = createPublicKey(secret).export({ format: "jwk" });
  const head = Buffer.concat([Uint8Array.of(version), number(created, 4)]);
  if (secret.asymmetricKeyType === "rsa")
    return Buffer.concat([head, Uint8Array.of(1), mpi(Buffer.from(n, "base64url")), mpi(Buffer.from(e, "base64url"))]);
  return Buffer.concat([
    head,
    Uint8Array.of(22),
    curve,
    mpi(Buffer.concat([Uint8Array.of(0x40), Buffer.from(x, "base64url")])),
  ]);
}
const prefixed = (body: Uint8Array): Buffer => Buffer.concat([Uint8Array.of(0x99), number(body.length, 2), body]);
const idOf = (body: Uint8Array): string => createHash("sha1").update(prefixed(body)).digest("hex");

interface SignatureShape {
  readonly type: number;
  readonly signer?: KeyObject;
  readonly subpackets?: readonly (readonly number[])[];
  readonly hash?: "sha256" | "sha384" | "sha512" | "sha1";
}
const hashIds = { sha1: 2, sha256: 8, sha384: 9, sha512: 10 } as const;

function signaturePacket(
  subject: Uint8Array,
  { type, signer = rsa, subpackets = [], hash = "sha512" }: SignatureShape,
): Buffer {
  const area = Buffer.concat(subpackets.map((each) => Uint8Array.of(each.length, ...each)));
  const algorithm = signer.asymmetricKeyType === "rsa" ? 1 : 22;
  const hashed = Buffer.concat([Uint8Array.of(4, type, algorithm, hashIds[hash]), number(area.length, 2), area]);
  const message = Buffer.concat([subject, hashed, Uint8Array.of(4, 255), number(hashed.length, 4)]);
  const made =
    algorithm === 1 ? sign(hash, message, signer) : sign(null, createHash(hash).update(message).digest(), signer);
  const numbers = algorithm === 1 ? [made] : [made.subarray(0, 32), made.subarray(32)];
  return packet(2, Buffer.concat([hashed, number(0, 2), number(0, 2), ...numbers.map(mpi)]));
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
const bound = (more: Partial<SignatureShape> = {}): Buffer =>
  Buffer.concat([
    packet(14, sub),
    signaturePacket(Buffer.concat([prefixed(main), prefixed(sub)]), { type: 0x18, ...more }),
  ]);

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
    for (const bad of [{ signer: eddsa }, { hash: "sha1" as const }]) {
      expect(expiry(certified({ subpackets: [created(1), lasts(60)], ...bad }))).toBeUndefined();
    }
  });

  test("that was revoked is none", () => {
    const revoked = Buffer.concat([packet(6, main), signaturePacket(prefixed(main), { type: 0x20 })]);
    expect(codeOf(() => parseOpenPgpFile(revoked))).toBe("INTOTO_KEY_EXPIRED");
    const forged = Buffer.concat([packet(6, main), signaturePacket(prefixed(main), { type: 0x20, signer: eddsa })]);
    expect(codeOf(() => parseOpenPgpFile(forged))).toBe("taken");
  });

  test("of a kind or version that is not known is refused", () => {
    expect(codeOf(() => parseOpenPgpFile(packet(6, keyBody(rsa, 1, 3))))).toBe("INTOTO_KEY_UNSUPPORTED");
    const dsa = Buffer.concat([main.subarray(0, 5), Uint8Array.of(17), main.subarray(6)]);
    expect(codeOf(() => parseOpenPgpFile(packet(6, dsa)))).toBe("INTOTO_KEY_UNSUPPORTED");
    const otherCurve = Buffer.from(sub);
    otherCurve[8] = 0xff;
    expect(codeOf(() => parseOpenPgpFile(packet(6, otherCurve)))).toBe("INTOTO_KEY_UNSUPPORTED");
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
    const revocation = signaturePacket(Buffer.concat([prefixed(main), prefixed(sub)]), { type: 0x28 });
    expect(subkeysOf(bound(), revocation)).toEqual([]);
    expect(subkeysOf(bound({ subpackets: [[27, 0x02]] }))).toEqual([idOf(sub)]);
    expect(subkeysOf(bound({ subpackets: [[27, 0x0c]] }))).toEqual([]);
  });

  test("an EdDSA key can bind too, and subkeys end", () => {
    const subject = Buffer.concat([prefixed(sub), prefixed(main)]);
    const binding = signaturePacket(subject, {
      type: 0x18,
      signer: eddsa,
      hash: "sha256",
      subpackets: [created(5), lasts(7)],
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
