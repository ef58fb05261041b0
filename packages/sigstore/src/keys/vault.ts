import {
  base64,
  concatBytes,
  parseBase64,
  parseHex,
  parsePublicKey,
  quote,
  TrustError,
  type Algorithm,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { readCredentialsFile, unusableFile } from "./credentials-file.ts";
import {
  askKeyService,
  checkAnswered,
  jsonRequest,
  noCredentials,
  parseServiceAddress,
  variableOf,
  wrongAnswer,
} from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import { algorithmsOf, type RemoteKey } from "./remote-key.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key of the transit engine of HashiCorp Vault or OpenBao. */
export interface VaultReference {
  readonly kind: "hashivault";
  readonly name: string;
  /** Default: the newest. */
  readonly version?: number;
}

/** Parses `hashivault://NAME`, with `?version=N` for one that is not the newest. Throws SIGSTORE_KEY_REFERENCE. */
export function parseVaultReference(text: string): VaultReference {
  const [, name, version] = /^hashivault:\/\/(\w(?:[\w.-]{0,254}\w)?)(?:\?version=([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (name === undefined) throw referenceMalformed(text, "hashivault://KEY or hashivault://KEY?version=N");
  return { kind: "hashivault", name, ...(version === undefined ? {} : { version: Number(version) }) };
}

/**
 * Finds a key of the transit engine (Vault's HTTP API: transit, read key and sign data) at $VAULT_ADDR, with $VAULT_TOKEN or
 * the token file of `vault login`. Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_CREDENTIALS_FILE, SIGSTORE_KEY_ADDRESS and
 * what `askKeyService` throws.
 */
export async function openVaultKey(reference: VaultReference, io: KeyIo): Promise<RemoteKey> {
  const vault = vaultOf(io);
  const answer = await askKeyService(io, { ...vault, url: `${vault.url}/keys/${reference.name}` });
  const data = answer.object("data");
  const version = reference.version ?? Number(data.integer("latest_version"));
  const versions = data.object("keys");
  if (!versions.has(String(version)))
    throw wrongAnswer({ checked: quote(reference.name), expected: `version ${version}` });
  const spki = spkiOf(versions.object(String(version)).string("public_key"), data.string("type"));
  return {
    spki,
    algorithms: algorithmsOf(spki),
    sign: (input, algorithm) => sign({ ...reference, version }, { vault, io }, { input, algorithm }),
  };
}

interface Vault {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

function vaultOf(io: KeyIo): Vault {
  const { env } = io;
  const address = variableOf(env, "VAULT_ADDR", "BAO_ADDR");
  if (address === undefined) throw noCredentials("Vault", "VAULT_ADDR");
  const token = variableOf(env, "VAULT_TOKEN", "BAO_TOKEN") ?? tokenFile(io);
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token))
    throw noCredentials("Vault", "VAULT_TOKEN, or ~/.vault-token");
  const mount = variableOf(env, "TRANSIT_SECRET_ENGINE_PATH") ?? "transit";
  if (!/^[\w-]+(?:\/[\w-]+)*$/.test(mount))
    throw sigstoreError("SIGSTORE_KEY_ADDRESS", {
      checked: "TRANSIT_SECRET_ENGINE_PATH",
      expected: "a path of plain words",
    });
  const namespace = variableOf(env, "VAULT_NAMESPACE", "BAO_NAMESPACE");
  const headers = { "x-vault-token": token, "x-vault-request": "true" };
  return {
    url: `${parseServiceAddress(address)}/v1/${mount}`,
    headers: namespace === undefined ? headers : { ...headers, "x-vault-namespace": namespace },
    secrets: [token],
  };
}

function tokenFile(io: KeyIo): string | undefined {
  const home = variableOf(io.env, "HOME", "USERPROFILE");
  if (home === undefined) return undefined;
  const path = `${home}/.vault-token`;
  const token = readCredentialsFile(path, io)?.trim();
  if (token === undefined || token === "" || /^[\x21-\x7e]+$/.test(token)) return token || undefined;
  throw unusableFile(path, { expected: "one token" });
}

/** Vault gives Ed25519 points bare, other keys as PEM. */
function spkiOf(text: string, type: string): Uint8Array {
  try {
    if (type === "ed25519") return concatBytes(ed25519Head, parseBase64(text));
    return parsePublicKey(text);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw wrongAnswer({ checked: "public_key", expected: `a key of type ${quote(type)}`, got: error.code });
  }
}

const ed25519Head = parseHex("302a300506032b6570032100");

interface Work {
  readonly input: Uint8Array;
  readonly algorithm: Algorithm;
}

async function sign(
  { name, version }: Required<Pick<VaultReference, "name" | "version">>,
  { vault, io }: { readonly vault: Vault; readonly io: KeyIo },
  { input, algorithm }: Work,
): Promise<Uint8Array> {
  const { hash: hashName, family } = algorithm;
  const shape = {
    input: base64(input),
    key_version: version,
    prehashed: hashName !== undefined,
    ...(family === "ecdsa" ? { marshaling_algorithm: "asn1" } : {}),
    ...(family === "rsa-pkcs1" ? { signature_algorithm: "pkcs1v15" } : {}),
    ...(family === "rsa-pss" ? { signature_algorithm: "pss", salt_length: "hash" } : {}),
  };
  const { headers, body } = jsonRequest(shape);
  const path = hashName === undefined ? name : `${name}/sha2-${hashName.slice(3)}`;
  const url = `${vault.url}/sign/${path}`;
  const answer = await askKeyService(io, { ...vault, url, headers: { ...vault.headers, ...headers }, body });
  return readSignature(answer.object("data").string("signature"), version);
}

function readSignature(text: string, version: number): Uint8Array {
  const [, got = "none", value] = /^vault:(v\d+):([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (value === undefined) throw wrongAnswer({ checked: "signature", expected: "vault:vN: and base64" });
  checkAnswered("key version", `v${version}`, got);
  try {
    return parseBase64(value);
  } catch {
    throw wrongAnswer({ checked: "signature", expected: "base64" });
  }
}
