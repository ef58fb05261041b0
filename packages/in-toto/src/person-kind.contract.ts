import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from "node:crypto";
import { parseDer, type DerNode, type JsonObject } from "@countersign/core";
import { legacyKeyId } from "./key-id.ts";
import { person, type Person } from "./chain.contract.ts";

/** The kinds of keys that the reference takes. */
export const personKinds = [
  "ed25519",
  "ecdsa-p256",
  "ecdsa-p384",
  "ecdsa-p384-as-p256",
  "ecdsa-p521",
  "rsa-pss",
  "rsa-pss-long-salt",
  "rsa-pkcs1",
  "rsa-1024",
  "rsa-sha1",
  "rsa-sha224",
  "pgp-rsa",
  "pgp-rsa-1024",
  "pgp-dsa",
  "pgp-dsa-1024",
  "pgp-eddsa",
  "pgp-subkey",
  "pgp-expired",
] as const;
export type PersonKind = (typeof personKinds)[number];

const made = new Map<PersonKind, Person>();

/** Somebody with a key of that kind, the same in one run; only Ed25519 is the same in all. */
export function personOf(kind: PersonKind): Person {
  const known = made.get(kind);
  if (known !== undefined) return known;
  const fresh = makers[kind]();
  made.set(kind, fresh);
  return fresh;
}

const rsa = (bits: number): KeyObject => generateKeyPairSync("rsa", { modulusLength: bits }).privateKey;
const ec = (curve: string): KeyObject => generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
const pss = (saltLength: number): object => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

const makers: Readonly<Record<PersonKind, () => Person>> = {
  ed25519: () => person("ann"),
  "ecdsa-p256": () => plain(ec("P-256"), "ecdsa", "ecdsa-sha2-nistp256"),
  "ecdsa-p384": () => plain(ec("P-384"), "ecdsa", "ecdsa-sha2-nistp384"),
  "ecdsa-p384-as-p256": () => plain(ec("P-384"), "ecdsa", "ecdsa-sha2-nistp256"),
  "rsa-pss": () => plain(rsa(2048), "rsa", "rsassa-pss-sha256", pss(32)),
  "rsa-pss-long-salt": () => plain(rsa(2048), "rsa", "rsassa-pss-sha512", pss(100)),
  "rsa-pkcs1": () => plain(rsa(2048), "rsa", "rsa-pkcs1v15-sha384"),
  "ecdsa-p521": () => plain(ec("P-521"), "ecdsa", "ecdsa-sha2-nistp521"),
  "rsa-sha1": () => plain(rsa(2048), "rsa", "rsassa-pss-sha1", pss(20)),
  "rsa-sha224": () => plain(rsa(2048), "rsa", "rsa-pkcs1v15-sha224"),
  "rsa-1024": () => plain(rsa(1024), "rsa", "rsassa-pss-sha256", pss(32)),
  "pgp-rsa": () => openpgp(rsa(2048)),
  "pgp-rsa-1024": () => openpgp(rsa(1024)),
  "pgp-dsa": () => openpgp(dsa(2048, 256)),
  "pgp-dsa-1024": () => openpgp(dsa(1024, 160)),
  "pgp-eddsa": () => openpgp(generateKeyPairSync("ed25519").privateKey),
  "pgp-subkey": () => withSubkey(openpgp(rsa(2048)), openpgp(generateKeyPairSync("ed25519").privateKey)),
  "pgp-expired": () => {
    const ended = openpgp(rsa(2048));
    return { ...ended, json: { ...ended.json, creation_time: 1_500_000_000, validity_period: 60 } };
  },
};

function dsa(modulusLength: number, divisorLength: number): KeyObject {
  return generateKeyPairSync("dsa", { modulusLength, divisorLength }).privateKey;
}

function plain(secret: KeyObject, keytype: string, scheme: string, padding: object = {}): Person {
  const pem = String(createPublicKey(secret).export({ format: "pem", type: "spki" })).trimEnd();
  const parts = { keytype, scheme, public: pem };
  const keyid = legacyKeyId(parts);
  const json = { keyid, keytype, scheme, keyid_hash_algorithms: ["sha256", "sha512"], keyval: { public: pem } };
  const hash = /sha(?:1|224|384|512)$/.exec(scheme)?.[0] ?? (scheme.endsWith("nistp384") ? "sha384" : "sha256");
  return { keyid, json, secret, sign: (message) => sign(hash, message, { key: secret, ...padding }) };
}

const types: Readonly<Record<string, readonly [string, string, number]>> = {
  rsa: ["rsa", "pgp+rsa-pkcsv1.5", 1],
  dsa: ["dsa", "pgp+dsa-fips-180-2", 17],
  ed25519: ["eddsa", "pgp+eddsa-ed25519", 22],
};

function openpgp(secret: KeyObject): Person {
  const [type, method, algorithm] = types[secret.asymmetricKeyType ?? ""] as readonly [string, string, number];
  const keyid = createHash("sha1").update(randomBytes(20)).digest("hex");
  const json = {
    type,
    method,
    hashes: ["pgp+SHA2"],
    keyid,
    keyval: { private: "", public: numbersOf(secret) },
    creation_time: 1_600_000_000,
  };
  const signOpenPgp = (message: Uint8Array): JsonObject => {
    const headers = Buffer.from([4, 0, algorithm, 8, 0, 6, 5, 2, 0x60, 0, 0, 0]);
    const whole = Buffer.concat([message, headers, Uint8Array.of(4, 255, 0, 0, 0, headers.length)]);
    const signature =
      type === "eddsa"
        ? sign(null, createHash("sha256").update(whole).digest(), secret)
        : sign("sha256", whole, secret);
    return { keyid, other_headers: headers.toString("hex"), signature: signature.toString("hex") };
  };
  return { keyid, json, secret, signOpenPgp };
}

function numbersOf(secret: KeyObject): JsonObject {
  const open = createPublicKey(secret);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex").replace(/^00/, "");
  if (secret.asymmetricKeyType === "dsa") {
    const [identifier, bits] = parseDer(open.export({ format: "der", type: "spki" })).children;
    const parameters = (identifier?.children[1]?.children ?? []).map(({ content }) => hex(content));
    const [p = "", q = "", g = ""] = parameters;
    return { p, q, g, y: hex(parseDer((bits as DerNode).content.subarray(1)).content) };
  }
  const { n = "", e = "", x = "" } = open.export({ format: "jwk" });
  if (x !== "") return { q: Buffer.from(x, "base64url").toString("hex") };
  return { n: hex(Buffer.from(n, "base64url")), e: hex(Buffer.from(e, "base64url")) };
}

/** The main key's entry, and the subkey's hand. */
function withSubkey(main: Person, sub: Person): Person {
  const json = { ...main.json, subkeys: { [sub.keyid]: sub.json } };
  return { ...sub, json, listedId: main.keyid };
}
