import {
  derBitString,
  derNull,
  derOctets,
  derInteger,
  derOid,
  derSequence,
  formatRsaSpki,
  concatBytes,
  parseDer,
  parseHex,
  parseSpki,
  parseUtf8,
  readOctets,
  TrustError,
  type Algorithm,
  type HashName,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { ecdsaDer, unsigned } from "./ecdsa-der.ts";
import { variableOf } from "./key-service.ts";
import { ck, pssNumbers, type Attribute, type Mechanism, type Pkcs11Module } from "./pkcs11-module.node.ts";
import { findSlot, loadModule, translated } from "./pkcs11-token.node.ts";
import type { Pkcs11Reference } from "./pkcs11-uri.ts";
import { algorithmsOf, type RemoteKey } from "./remote-key.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A token with a session to it, which lasts as long as the process. */
interface Session {
  readonly module: Pkcs11Module;
  readonly handle: Buffer;
  /** What people call the token. */
  readonly label: string;
  readonly needsLogin: boolean;
  /** Takes the PIN by a pad of its own. */
  readonly hasPad: boolean;
  isLoggedIn: boolean;
  /** The one that was right; undefined where the token takes it itself. */
  pin?: string | undefined;
}

/**
 * Finds a key on a PKCS#11 token (PKCS#11 v3.0: C_FindObjects, C_Sign with CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS or
 * CKM_EDDSA). Exactly one token and one key must fit. The PIN is asked for only when the token needs it, and tried once; for a key
 * that wants it again for each signature (CKA_ALWAYS_AUTHENTICATE) it is kept while the process lives.
 * Throws SIGSTORE_KEY_PKCS11_*, SIGSTORE_KEY_PIN_*; none repeats a PIN.
 */
export async function openPkcs11Key(reference: Pkcs11Reference, io: KeyIo): Promise<RemoteKey> {
  const module = await loadModule(reference, io);
  const session = openSession(module, reference);
  const spki = readPublic(session, reference) ?? (await readPublicLoggedIn(session, reference, io));
  let key: Buffer | undefined;
  let isGuarded: boolean | undefined;
  return {
    spki,
    algorithms: algorithmsOf(spki),
    sign: async (input, algorithm) => {
      await logIn(session, reference, io);
      key ??= findKey(session, reference, ck.CKO_PRIVATE_KEY);
      isGuarded ??= isAsking(session, key);
      return sign({ session, key, isGuarded }, spki, { input, algorithm });
    },
  };
}

function openSession(module: Pkcs11Module, reference: Pkcs11Reference): Session {
  return translated("C_OpenSession", () => {
    const { slot, info } = findSlot(module, reference);
    const handle = module.C_OpenSession(slot, ck.CKF_SERIAL_SESSION);
    const needsLogin = (info.flags & ck.CKF_LOGIN_REQUIRED) !== 0;
    const hasPad = (info.flags & ck.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
    return { module, handle, label: info.label.trimEnd(), needsLogin, hasPad, isLoggedIn: false };
  });
}

async function logIn(session: Session, reference: Pkcs11Reference, io: KeyIo): Promise<void> {
  if (session.isLoggedIn || !session.needsLogin) return;
  const pin = await findPin(reference, session, io);
  translated("C_Login", () => enterPin({ ...session, pin }, ck.CKU_USER), [ck.CKR_USER_ALREADY_LOGGED_IN]);
  Object.assign(session, { isLoggedIn: true, pin });
}

/** Without a PIN the token asks at its pad (C_Login, PKCS#11 v3.0 §5.6.8). */
function enterPin({ module, handle, pin }: Pick<Session, "module" | "handle" | "pin">, user: number): void {
  if (pin === undefined) module.C_Login(handle, user);
  else module.C_Login(handle, user, pin);
}

async function findPin(
  { pinValue, pinSource }: Pkcs11Reference,
  { label, hasPad }: Session,
  io: KeyIo,
): Promise<string | undefined> {
  const given = pinValue ?? (pinSource === undefined ? undefined : pinOfFile(pinSource, io));
  const known = given ?? variableOf(io.env, "COUNTERSIGN_PKCS11_PIN", "COSIGN_PKCS11_PIN");
  if (known === undefined && hasPad) return undefined;
  const pin = known ?? (await io.pin(label));
  if (pin === undefined || pin === "") throw sigstoreError("SIGSTORE_KEY_PIN_NEEDED");
  return pin;
}

/** One newline at the end belongs to the editor. Drops the cause of what is no text: it might quote it. */
function pinOfFile(path: string, io: KeyIo): string {
  const bytes = io.readFile(path);
  try {
    return parseUtf8(bytes).replace(/\r?\n$/, "");
  } catch {
    throw sigstoreError("SIGSTORE_KEY_PIN_NEEDED", { checked: "pin-source", expected: "text" });
  }
}

async function readPublicLoggedIn(session: Session, reference: Pkcs11Reference, io: KeyIo): Promise<Uint8Array> {
  await logIn(session, reference, io);
  const spki = readPublic(session, reference);
  if (spki !== undefined) return spki;
  throw sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", {
    checked: "public key",
    expected: "one beside the private key",
  });
}

/** The public half as the token has it; undefined if it shows none, as some do without a PIN. */
function readPublic(session: Session, reference: Pkcs11Reference): Uint8Array | undefined {
  const [object, ...more] = listKeys(session, reference, ck.CKO_PUBLIC_KEY);
  if (object === undefined) return undefined;
  if (more.length > 0) throw several("public keys");
  const { CKK_EC, CKK_EC_EDWARDS, CKK_RSA } = ck;
  const [type] = readNumbers(session, object, [ck.CKA_KEY_TYPE]);
  if (type === CKK_RSA) return rsaSpki(session, object);
  if (type === CKK_EC || type === CKK_EC_EDWARDS) return curveSpki(session, object, type === CKK_EC);
  throw sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", { checked: "key", expected: "an RSA, ECDSA or Ed25519 key" });
}

function rsaSpki(session: Session, object: Buffer): Uint8Array {
  const [modulus, exponent] = readValues(session, object, [ck.CKA_MODULUS, ck.CKA_PUBLIC_EXPONENT]).map(unsigned);
  return checked(formatRsaSpki(derSequence(derInteger(modulus ?? 0n), derInteger(exponent ?? 0n))));
}

const ed25519Head = parseHex("302a300506032b6570032100");

/** CKA_EC_POINT is the point in a DER OCTET STRING; some tokens leave that out. */
function curveSpki(session: Session, object: Buffer, isWeierstrass: boolean): Uint8Array {
  const [params = new Uint8Array(0), value = new Uint8Array(0)] = readValues(session, object, [
    ck.CKA_EC_PARAMS,
    ck.CKA_EC_POINT,
  ]);
  const point = unwrapped(value);
  if (!isWeierstrass) return checked(concatBytes(ed25519Head, point));
  return checked(derSequence(derSequence(derOid("1.2.840.10045.2.1"), params), derBitString(point)));
}

function unwrapped(value: Uint8Array): Uint8Array {
  try {
    return readOctets(parseDer(value));
  } catch {
    return value;
  }
}

function checked(spki: Uint8Array): Uint8Array {
  try {
    parseSpki(spki);
    return spki;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", {
      checked: "key",
      expected: "one that can be used",
      got: error.code,
    });
  }
}

interface Held {
  readonly session: Session;
  readonly key: Buffer;
  /** Wants the PIN again for every signature. */
  readonly isGuarded: boolean;
}

/** Longer than any signature that a token makes, in bytes. */
const maxSignatureBytes = 1024;

function sign(
  { session, key, isGuarded }: Held,
  spki: Uint8Array,
  { input, algorithm }: { readonly input: Uint8Array; readonly algorithm: Algorithm },
): Uint8Array {
  const data = algorithm.family === "rsa-pkcs1" ? digestInfo(input, algorithm.hash ?? "sha256") : input;
  const { module, handle } = session;
  const signature = translated("C_Sign", () => {
    module.C_SignInit(handle, mechanismOf(algorithm), key);
    if (isGuarded) enterPin(session, ck.CKU_CONTEXT_SPECIFIC);
    return module.C_Sign(handle, Buffer.from(data), Buffer.alloc(maxSignatureBytes));
  });
  return algorithm.curve === undefined ? concatBytes(signature) : ecdsaDer(concatBytes(signature), algorithm.curve);
}

function mechanismOf({ family, hash }: Algorithm): Mechanism {
  if (family === "ecdsa") return { mechanism: ck.CKM_ECDSA };
  if (family === "rsa-pkcs1") return { mechanism: ck.CKM_RSA_PKCS };
  if (family !== "rsa-pss") return { mechanism: ck.CKM_EDDSA };
  const parameter = { type: ck.CK_PARAMS_RSA_PSS, ...pssNumbers[hash ?? "sha256"] };
  return { mechanism: ck.CKM_RSA_PKCS_PSS, parameter };
}

/** RFC 8017 §9.2, note 1: CKM_RSA_PKCS pads, and leaves the rest to us. */
function digestInfo(digest: Uint8Array, hash: HashName): Uint8Array {
  const oids = { sha256: "2.16.840.1.101.3.4.2.1", sha384: "2.16.840.1.101.3.4.2.2", sha512: "2.16.840.1.101.3.4.2.3" };
  return derSequence(derSequence(derOid(oids[hash]), derNull()), derOctets(digest));
}

/** Such as the signature key of a PIV token. One that cannot say so does not. */
function isAsking({ module, handle }: Session, key: Buffer): boolean {
  const { CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID } = ck;
  const read = (): { readonly value: Buffer }[] | undefined =>
    module.C_GetAttributeValue(handle, key, [{ type: ck.CKA_ALWAYS_AUTHENTICATE }]);
  return (
    translated("C_GetAttributeValue", read, [CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID])?.[0]?.value[0] === 1
  );
}

function findKey(session: Session, reference: Pkcs11Reference, kind: number): Buffer {
  const [key, ...more] = listKeys(session, reference, kind);
  if (more.length > 0) throw several("private keys");
  if (key !== undefined) return key;
  throw sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", { checked: "private key", expected: "one", got: "none" });
}

/** At most two: more than one is too many already. */
function listKeys({ module, handle }: Session, { object, id }: Pkcs11Reference, kind: number): readonly Buffer[] {
  const template: readonly Attribute[] = [
    { type: ck.CKA_CLASS, value: kind },
    ...(object === undefined ? [] : [{ type: ck.CKA_LABEL, value: object }]),
    ...(id === undefined ? [] : [{ type: ck.CKA_ID, value: Buffer.from(id) }]),
  ];
  return translated("C_FindObjects", () => {
    module.C_FindObjectsInit(handle, template);
    try {
      return module.C_FindObjects(handle, 2);
    } finally {
      module.C_FindObjectsFinal(handle);
    }
  });
}

function readValues({ module, handle }: Session, object: Buffer, types: readonly number[]): readonly Uint8Array[] {
  const template = types.map((type) => ({ type }));
  const values = translated("C_GetAttributeValue", () => module.C_GetAttributeValue(handle, object, template));
  return values.map(({ value }) => concatBytes(value));
}

/** CK_ULONG, in the byte order of the machine, all of which are little-endian here. */
function readNumbers(session: Session, object: Buffer, types: readonly number[]): readonly number[] {
  return readValues(session, object, types).map((bytes) => Number(unsigned(bytes.toReversed())));
}

function several(what: string): Error {
  return sigstoreError("SIGSTORE_KEY_PKCS11_NOT_FOUND", { checked: what, expected: "one", got: "several" });
}
