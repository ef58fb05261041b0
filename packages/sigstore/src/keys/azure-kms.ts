import {
  derBitString,
  derInteger,
  derOid,
  derSequence,
  formatRsaSpki,
  concatBytes,
  quote,
  type Algorithm,
  type Curve,
  type ObjectReader,
} from "@countersign/core";
import { findAzureToken } from "./azure-token.ts";
import { base64Url, parseBase64Url } from "./base64url.ts";
import { ecdsaDer, unsigned } from "./ecdsa-der.ts";
import {
  askKeyService,
  checkAnswered,
  isLoopback,
  jsonRequest,
  parseServiceAddress,
  wrongAnswer,
} from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import { algorithmsOf, type RemoteKey } from "./remote-key.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key of Azure Key Vault or Managed HSM. */
export interface AzureReference {
  readonly kind: "azurekms";
  /** Of the vault, with a port if it is on this machine. */
  readonly host: string;
  readonly name: string;
  /** Default: the newest. */
  readonly version?: string;
}

/** Where a token for a vault may go: a token that goes elsewhere signs for whoever is there. */
const vaultHosts = /\.(?:vault|managedhsm)\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)$/;

/** Parses `azurekms://VAULT.vault.azure.net/KEY`, with `/VERSION` for one that is not the newest. Throws SIGSTORE_KEY_REFERENCE. */
export function parseAzureReference(text: string): AzureReference {
  const [, given = "", name, version] =
    /^azurekms:\/\/([A-Za-z0-9.:[\]-]{1,255})\/([A-Za-z0-9-]{1,127})(?:\/([0-9a-f]{32}))?$/.exec(text) ?? [];
  // As the vault spells itself in the ids of its keys.
  const host = given.toLowerCase();
  const isVault = vaultHosts.test(host) || isLoopback(host.replace(/:\d+$/, ""));
  if (name === undefined || !isVault) throw referenceMalformed(text, "azurekms://VAULT.vault.azure.net/KEY[/VERSION]");
  return { kind: "azurekms", host, name, ...(version === undefined ? {} : { version }) };
}

const apiVersion = "api-version=7.4";

/**
 * Finds a key of Azure Key Vault (REST 7.4: keys/get and keys/sign); the key id of every answer must be the one that was
 * asked. Throws what `findAzureToken` and `askKeyService` throw.
 */
export async function openAzureKey(reference: AzureReference, io: KeyIo): Promise<RemoteKey> {
  const { host, name, version } = reference;
  const isLocal = isLoopback(host.replace(/:\d+$/, ""));
  const url = parseServiceAddress(`${isLocal ? "http" : "https"}://${host}`);
  const hsm = /\.managedhsm\.(.+)$/.exec(host)?.[1];
  const cloud = hsm ?? /\.vault\.(.+)$/.exec(host)?.[1] ?? "azure.net";
  const token = await findAzureToken(`https://${hsm === undefined ? "vault" : "managedhsm"}.${cloud}`, io);
  const vault = { headers: { authorization: `Bearer ${token}` }, secrets: [token] };
  const asked = `${url}/keys/${name}`;
  const answer = await askKeyService(io, {
    ...vault,
    url: `${asked}${version === undefined ? "" : `/${version}`}?${apiVersion}`,
  });
  const key = answer.object("key");
  const kid = key.string("kid");
  const newest = kid.slice(asked.length + 1);
  if (version !== undefined) checkAnswered("kid", `${asked}/${version}`, kid);
  else if (!kid.startsWith(`${asked}/`) || !/^[0-9a-f]{32}$/.test(newest))
    throw wrongAnswer({ checked: "kid", expected: quote(`${asked}/VERSION`), got: quote(kid) });
  const spki = spkiOf(key);
  return {
    spki,
    algorithms: algorithmsOf(spki),
    sign: (input, algorithm) => sign({ vault, io, kid }, input, algorithm),
  };
}

const curves: ReadonlyMap<string, { readonly name: Curve; readonly oid: string; readonly bytes: number }> = new Map([
  ["P-256", { name: "p256", oid: "1.2.840.10045.3.1.7", bytes: 32 }],
  ["P-384", { name: "p384", oid: "1.3.132.0.34", bytes: 48 }],
  ["P-521", { name: "p521", oid: "1.3.132.0.35", bytes: 66 }],
] as const);

/** A JSON Web Key (RFC 7518 §6). */
function spkiOf(key: ObjectReader): Uint8Array {
  const part = (name: string): Uint8Array => decoded(name, key.string(name));
  const type = key.oneOf("kty", ["EC", "EC-HSM", "RSA", "RSA-HSM"]);
  if (type.startsWith("RSA"))
    return formatRsaSpki(derSequence(derInteger(unsigned(part("n"))), derInteger(unsigned(part("e")))));
  const curve = curves.get(key.string("crv"));
  const [x, y] = [part("x"), part("y")];
  if (curve === undefined || x.length !== curve.bytes || y.length !== curve.bytes)
    throw wrongAnswer({ checked: "key", expected: "a point on P-256, P-384 or P-521" });
  const point = derBitString(concatBytes(Uint8Array.of(4), x, y));
  return derSequence(derSequence(derOid("1.2.840.10045.2.1"), derOid(curve.oid)), point);
}

function decoded(name: string, text: string): Uint8Array {
  try {
    return parseBase64Url(text);
  } catch {
    throw wrongAnswer({ checked: name, expected: "base64url" });
  }
}

interface Held {
  readonly vault: { readonly headers: Readonly<Record<string, string>>; readonly secrets: readonly string[] };
  readonly io: KeyIo;
  readonly kid: string;
}

async function sign(
  { vault, io, kid }: Held,
  digest: Uint8Array,
  { family, hash, curve }: Algorithm,
): Promise<Uint8Array> {
  const bits = (hash ?? "sha256").slice(3);
  const alg = `${family === "ecdsa" ? "ES" : family === "rsa-pss" ? "PS" : "RS"}${bits}`;
  const { headers, body } = jsonRequest({ alg, value: base64Url(digest) });
  const url = `${kid}/sign?${apiVersion}`;
  const answer = await askKeyService(io, { ...vault, url, headers: { ...vault.headers, ...headers }, body });
  checkAnswered("kid", kid, answer.string("kid"));
  const value = decoded("value", answer.string("value"));
  return curve === undefined ? value : ecdsaDer(value, curve);
}
