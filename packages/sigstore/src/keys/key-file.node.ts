import {
  defaultAlgorithm,
  formatPem,
  makeVerifier,
  parseDer,
  parsePem,
  parsePrivateKey,
  parsePublicKey,
  parseUtf8,
  quote,
  TrustError,
  utf8,
  type AlgorithmName,
  type Signer,
  type Verifier,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { openPbes2Key, parsePbes2Key } from "./pbes2.node.ts";
import { openSealedKey, parseSealedKey, sealedLabels } from "./sealed-key.node.ts";
import { isSshPublicLine, parseSshKeyFile, parseSshPublicLine, readSshPrivateKey, type SshKeyFile } from "./ssh-key.ts";
import { openSshSeal, parseSshSeal, sshBlockBytes } from "./ssh-seal.node.ts";
import { slowWork, type ScryptCost } from "./work.ts";

/** The largest key file that is read, in bytes. */
export const maxKeyFileBytes: number = 256 * 1024;

/** Finds the password of the key named; undefined if there is none and nobody to ask. Called only when one is needed. */
export type AskPassword = (name: string) => Promise<string | undefined>;

/** The form that a key has in its file. */
export type KeyForm = "sigstore" | "pkcs8" | "sec1" | "pkcs1" | "openssh" | "spki" | "legacy";

/** What a key file holds, as far as can be told without a password. */
export interface KeyFile {
  readonly half: "private" | "public";
  readonly form: KeyForm;
  readonly isEncrypted: boolean;
  /** PEM, or a line of OpenSSH. */
  readonly text: string;
}

/** Picks the algorithm for a key, whose own choice is `usual`. */
export type ChooseAlgorithm = (spki: Uint8Array, usual: AlgorithmName) => AlgorithmName;

/** Tells what is in a key file by its outside alone. DER is taken too. Throws SIGSTORE_KEY_FILE_MALFORMED. */
export function parseKeyFile(bytes: Uint8Array): KeyFile {
  if (bytes.length > maxKeyFileBytes) throw malformed(`at most ${maxKeyFileBytes} bytes`);
  const text = bytes[0] === 0x30 ? pemOfDer(bytes) : withoutPreface(textOf(bytes));
  if (isSshPublicLine(text)) return { half: "public", form: "openssh", isEncrypted: false, text };
  const label = labelOf(text);
  const known = forms.get(label);
  if (known === undefined) throw malformed("a key", label === "" ? "no PEM" : `BEGIN ${quote(label)}`);
  const isLegacy = known.half === "private" && /^Proc-Type: 4,ENCRYPTED/m.test(text);
  if (isLegacy) return { half: "private", form: "legacy", isEncrypted: true, text };
  const isSealed = known.form === "openssh" && parseSshKeyFile(bodyOf(text)).seal !== undefined;
  return { ...known, isEncrypted: known.isEncrypted || isSealed, text };
}

/**
 * Opens a private key: PEM in PKCS#8, SEC1, PKCS#1, cosign's encrypted form, PKCS#8 under PBES2, or OpenSSH's. Proves that its two halves belong together. No error repeats any of the key or the password.
 * Throws SIGSTORE_KEY_* and core's errors of private keys.
 */
export async function openPrivateKey(file: KeyFile, name: string, io: OpenOptions): Promise<Signer> {
  const pem = await openPem(file, name, io);
  const usual = parsePrivateKey(pem);
  const algorithm = io.algorithm?.(usual.spki, usual.algorithm.name) ?? usual.algorithm.name;
  const signer = algorithm === usual.algorithm.name ? usual : parsePrivateKey(pem, algorithm);
  await checkPair(signer);
  return signer;
}

/** How a key is opened. */
export interface OpenOptions {
  readonly password: AskPassword;
  readonly algorithm?: ChooseAlgorithm;
  /** Is told of work that takes longer than a second, in words, before it begins. */
  readonly slow?: TellSlow;
}

/** Is told which key takes long to open, and what the work is. */
export type TellSlow = (name: string, work: string) => void;

/** Opens a public key. Throws SIGSTORE_KEY_PRIVATE, SIGSTORE_KEY_FILE_MALFORMED and the errors of `parsePublicKey`. */
export function openPublicKey(file: KeyFile, choose?: ChooseAlgorithm): Verifier {
  if (file.half === "private") throw sigstoreError("SIGSTORE_KEY_PRIVATE");
  const spki = file.form === "openssh" ? parseSshPublicLine(file.text) : parsePublicKey(file.text);
  return makeVerifier(spki, choose?.(spki, defaultAlgorithm(spki)));
}

/** The private key as PEM that core reads, no longer encrypted: keep it in memory. */
export async function openPem(file: KeyFile, name: string, io: OpenOptions): Promise<string> {
  const { half, form, isEncrypted, text } = file;
  if (half === "public") throw sigstoreError("SIGSTORE_KEY_PUBLIC");
  if (form === "legacy") throw sigstoreError("SIGSTORE_KEY_LEGACY");
  if (!isEncrypted) return form === "openssh" ? openSsh(parseSshKeyFile(bodyOf(text)), 8) : text;
  const { work, open } = openers[form as SealedForm](bodyOf(text));
  const given = await io.password(name);
  if (given === undefined) throw sigstoreError("SIGSTORE_KEY_PASSWORD_NEEDED", quote(name));
  if (work !== undefined) io.slow?.(name, work);
  return open(given);
}

interface Opener {
  /** If it takes long. */
  readonly work: string | undefined;
  /** Gives PEM that core reads. */
  readonly open: (password: string) => Promise<string>;
}

type SealedForm = "sigstore" | "pkcs8" | "openssh";

/** Each parses before a password is asked for: nobody types one for a file that cannot be opened. */
const openers: Readonly<Record<SealedForm, (body: Uint8Array) => Opener>> = {
  sigstore: (body) => {
    const key = parseSealedKey(body);
    const open: Opener["open"] = async (password) => formatPem("PRIVATE KEY", await openSealedKey(key, password));
    return { work: slowScrypt(key.cost), open };
  },
  pkcs8: (body) => {
    const key = parsePbes2Key(body);
    const { kdf } = key;
    const open: Opener["open"] = async (password) => formatPem("PRIVATE KEY", await openPbes2Key(key, password));
    return { work: kdf.kind === "scrypt" ? slowScrypt(kdf.cost) : slowWork("PBKDF2", kdf.rounds), open };
  },
  openssh: (body) => {
    const file = parseSshKeyFile(body);
    const seal = parseSshSeal(file);
    const open: Opener["open"] = (password) =>
      Promise.resolve().then(() => openSsh({ ...file, inner: openSshSeal(seal, password) }, sshBlockBytes(seal)));
    return { work: slowWork("bcrypt_pbkdf", seal.rounds), open };
  },
};

function slowScrypt({ N, r, p }: ScryptCost): string | undefined {
  return slowWork("scrypt", N * r * p);
}

/** OpenSSH's file names its public half; the one that comes of the private half is taken, and must be the same. */
function openSsh(file: SshKeyFile, blockBytes: number): string {
  const { pem, spki } = readSshPrivateKey(file, blockBytes);
  if (makeVerifier(spki).keyid !== parsePrivateKey(pem).keyid) throw mismatch();
  return pem;
}

/** A file can name a public half that is not its own, which OpenSSL believes. */
export async function checkPair(signer: Signer): Promise<void> {
  const message = utf8("countersign: do these halves belong together?");
  const verifier = makeVerifier(signer.spki, signer.algorithm.name);
  if (!verifier.verify(message, await signer.sign({ message }))) throw mismatch();
}

function mismatch(): Error {
  return malformed("two halves that belong together");
}

const forms: ReadonlyMap<string, Omit<KeyFile, "text">> = new Map<string, Omit<KeyFile, "text">>([
  ...sealedLabels.map((label) => [label, { half: "private", form: "sigstore", isEncrypted: true }] as const),
  ["ENCRYPTED PRIVATE KEY", { half: "private", form: "pkcs8", isEncrypted: true }],
  ["PRIVATE KEY", { half: "private", form: "pkcs8", isEncrypted: false }],
  ["EC PRIVATE KEY", { half: "private", form: "sec1", isEncrypted: false }],
  ["EC PARAMETERS", { half: "private", form: "sec1", isEncrypted: false }],
  ["RSA PRIVATE KEY", { half: "private", form: "pkcs1", isEncrypted: false }],
  ["OPENSSH PRIVATE KEY", { half: "private", form: "openssh", isEncrypted: false }],
  ["PUBLIC KEY", { half: "public", form: "spki", isEncrypted: false }],
  ["RSA PUBLIC KEY", { half: "public", form: "pkcs1", isEncrypted: false }],
]);

function labelOf(text: string): string {
  return /^\s*-----BEGIN ([A-Z0-9 ]{1,64})-----/.exec(text)?.[1] ?? "";
}

/** The forms of DER differ in the member after the first. */
function pemOfDer(bytes: Uint8Array): string {
  const [first, second] = dropCause(() => parseDer(bytes)).children;
  const [one, two] = [first?.raw[0], second?.raw[0]];
  const label = derLabels.get(`${one} ${two}`);
  if (label === undefined) throw malformed("a key in DER");
  return formatPem(label, bytes);
}

const derLabels: ReadonlyMap<string, string> = new Map([
  [`${0x30} ${0x03}`, "PUBLIC KEY"],
  [`${0x30} ${0x04}`, "ENCRYPTED PRIVATE KEY"],
  [`${0x02} ${0x30}`, "PRIVATE KEY"],
  [`${0x02} ${0x04}`, "EC PRIVATE KEY"],
]);

/** RFC 7468 §2: text may stand in front, such as the bag attributes of `openssl pkcs12`; and editors write a byte order mark. */
function withoutPreface(text: string): string {
  const at = text.search(/^\uFEFF?-----BEGIN /m);
  return at < 0 ? text : text.slice(at).replace(/^\uFEFF/, "");
}

function textOf(bytes: Uint8Array): string {
  return dropCause(() => parseUtf8(bytes));
}

function bodyOf(text: string): Uint8Array {
  const [block, ...more] = dropCause(() => parsePem(text));
  if (block === undefined || more.length > 0) throw malformed("one PEM block");
  return block.bytes;
}

/** What a key file looks like inside is nobody's business. */
function dropCause<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed("a key in PEM, DER or a line of OpenSSH");
  }
}

function malformed(expected: string, got?: string): TrustError {
  return sigstoreError("SIGSTORE_KEY_FILE_MALFORMED", { expected, ...(got === undefined ? {} : { got }) });
}
