import { base64, parsePublicKey, quote, TrustError, utf8, type Algorithm, type AlgorithmName } from "@countersign/core";
import { crc32c } from "./crc32c.ts";
import { findGcpToken } from "./gcp-token.ts";
import {
  askKeyService,
  checkAnswered,
  jsonRequest,
  parseServiceAddress,
  variableOf,
  wrongAnswer,
} from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import type { RemoteKey } from "./remote-key.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key of Google Cloud KMS. */
export interface GcpReference {
  readonly kind: "gcpkms";
  /** projects/P/locations/L/keyRings/R/cryptoKeys/K */
  readonly key: string;
  /** Default: the newest that is enabled. */
  readonly version?: string;
}

const word = "[\\w.:-]{1,100}";
const pattern = new RegExp(
  `^gcpkms://(projects/${word}/locations/${word}/keyRings/${word}/cryptoKeys/${word})(?:/(?:cryptoKeyVersions|versions)/([1-9]\\d{0,8}))?$`,
);

/** Parses `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K`, with `/versions/N` for one version. Throws SIGSTORE_KEY_REFERENCE. */
export function parseGcpReference(text: string): GcpReference {
  const [, key, version] = pattern.exec(text) ?? [];
  if (key === undefined)
    throw referenceMalformed(text, "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]");
  return { kind: "gcpkms", key, ...(version === undefined ? {} : { version }) };
}

/**
 * Finds a key of Google Cloud KMS (REST v1: cryptoKeyVersions.list, getPublicKey, asymmetricSign) and holds every answer
 * to its checksum and to the version that was asked. Throws what `findGcpToken` and `askKeyService` throw.
 */
export async function openGcpKey(reference: GcpReference, io: KeyIo): Promise<RemoteKey> {
  const kms = await kmsOf(io);
  const version = reference.version ?? (await newestVersion(reference.key, kms, io));
  const name = `${reference.key}/cryptoKeyVersions/${version}`;
  const answer = await askKeyService(io, { ...kms, url: `${kms.url}/v1/${name}/publicKey` });
  checkAnswered("name", name, answer.string("name"));
  const pem = answer.string("pem");
  checkSum("pemCrc32c", utf8(pem), answer.integer("pemCrc32c"));
  const algorithm = algorithmNamed(answer.string("algorithm"));
  return {
    spki: readPem(pem),
    algorithms: algorithm === undefined ? [] : [algorithm],
    sign: (input, chosen) => sign({ kms, io, name }, input, chosen),
  };
}

interface Kms {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

async function kmsOf(io: KeyIo): Promise<Kms> {
  const given = variableOf(io.env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS");
  const url = parseServiceAddress(given ?? "https://cloudkms.googleapis.com");
  const token = await findGcpToken(io);
  return { url, headers: { authorization: `Bearer ${token}` }, secrets: [token] };
}

/** How many versions are looked at to find the newest. */
const maxVersions = 1000;

async function newestVersion(key: string, kms: Kms, io: KeyIo): Promise<string> {
  const query = new URLSearchParams({ filter: "state=ENABLED", pageSize: String(maxVersions) }).toString();
  const answer = await askKeyService(io, { ...kms, url: `${kms.url}/v1/${key}/cryptoKeyVersions?${query}` });
  const listed = answer.optionalArray("cryptoKeyVersions", maxVersions) ?? [];
  const numbers = listed.map((each) => numberOf(each, key)).toSorted((a, b) => b - a);
  const [newest] = numbers;
  const isWhole = (answer.optionalString("nextPageToken") ?? "") === "";
  if (newest !== undefined && isWhole) return String(newest);
  throw wrongAnswer({
    checked: quote(key),
    expected: `1 to ${maxVersions} enabled versions`,
    got: isWhole ? "none" : "more",
  });
}

function numberOf(listed: unknown, key: string): number {
  const name = typeof listed === "object" && listed !== null && "name" in listed ? String(listed.name) : "";
  const prefix = `${key}/cryptoKeyVersions/`;
  const number = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  if (!/^[1-9]\d{0,8}$/.test(number))
    throw wrongAnswer({ checked: "cryptoKeyVersions", expected: quote(`${prefix}N`), got: quote(name) });
  return Number(number);
}

/** Ours for Google's CryptoKeyVersionAlgorithm. */
function algorithmNamed(name: string): AlgorithmName | undefined {
  const [, padding, hash] = /^RSA_SIGN_(PSS|PKCS1)_\d{4}_SHA(256|512)$/.exec(name) ?? [];
  if (padding !== undefined) return `rsa-${padding === "PSS" ? "pss" : "pkcs1"}-sha${hash as "256" | "512"}`;
  return ecAlgorithms.get(name);
}

const ecAlgorithms: ReadonlyMap<string, AlgorithmName> = new Map([
  ["EC_SIGN_P256_SHA256", "ecdsa-p256-sha256"],
  ["EC_SIGN_P384_SHA384", "ecdsa-p384-sha384"],
  ["EC_SIGN_ED25519", "ed25519"],
]);

function readPem(pem: string): Uint8Array {
  try {
    return parsePublicKey(pem);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw wrongAnswer({ checked: "pem", expected: "a public key", got: error.code });
  }
}

async function sign(
  { kms, io, name }: { readonly kms: Kms; readonly io: KeyIo; readonly name: string },
  input: Uint8Array,
  { hash }: Algorithm,
): Promise<Uint8Array> {
  const checksum = String(crc32c(input));
  const value =
    hash === undefined
      ? { data: base64(input), dataCrc32c: checksum }
      : { digest: { [hash]: base64(input) }, digestCrc32c: checksum };
  const { headers, body } = jsonRequest(value);
  const url = `${kms.url}/v1/${name}:asymmetricSign`;
  const answer = await askKeyService(io, { ...kms, url, headers: { ...kms.headers, ...headers }, body });
  checkAnswered("name", name, answer.string("name"));
  const verified = hash === undefined ? "verifiedDataCrc32c" : "verifiedDigestCrc32c";
  if (!answer.boolean(verified)) throw wrongAnswer({ checked: verified, expected: "true" });
  const signature = answer.bytes("signature");
  checkSum("signatureCrc32c", signature, answer.integer("signatureCrc32c"));
  return signature;
}

function checkSum(what: string, bytes: Uint8Array, got: bigint): void {
  const expected = crc32c(bytes);
  if (got !== BigInt(expected)) throw wrongAnswer({ checked: what, expected: String(expected), got: String(got) });
}
