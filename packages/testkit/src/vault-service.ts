import type { AlgorithmName, HashName } from "@countersign/core";
import type { HeldKey } from "./held-key.ts";
import {
  badRequest,
  readExactly,
  type KeyServiceAnswer,
  type KeyServiceRequest,
  type Protocol,
} from "./key-service.ts";

/** What a Vault holds: one transit key with its versions, the last one the newest. */
export interface VaultState {
  readonly token: string;
  readonly name: string;
  readonly versions: readonly HeldKey[];
  readonly namespace?: string;
}

const types = {
  p256: "ecdsa-p256",
  p384: "ecdsa-p384",
  p521: "ecdsa-p521",
  ed25519: "ed25519",
  rsa: "rsa-2048",
} as const;

/** Vault's transit engine at the mount `transit`: read key and sign data, as its HTTP API documentation has them. */
export function vaultProtocol({ token, name, versions, namespace }: VaultState): Protocol {
  return async (request, fault) => {
    const { method, path, headers } = request;
    if (headers["x-vault-token"] !== token || headers["x-vault-namespace"] !== namespace)
      return { status: 403, body: { errors: ["permission denied"] } };
    if (headers["x-vault-request"] !== "true") return badRequest("X-Vault-Request");
    if (method === "GET" && path === `/v1/transit/keys/${name}`) return keyAnswer(versions);
    const prefix = `/v1/transit/sign/${name}`;
    if (method === "POST" && (path === prefix || path.startsWith(`${prefix}/`)))
      return signAnswer(
        { request, hash: path.slice(prefix.length + 1), versions, isOther: fault === "other-name" },
        (key, work) => key.sign(work, fault),
      );
    return { status: 404, body: { errors: [] } };
  };
}

function keyAnswer(versions: readonly HeldKey[]): KeyServiceAnswer {
  const [first] = versions;
  const keys = versions.map((key, at) => [
    String(at + 1),
    { creation_time: "2026-01-01T00:00:00Z", name: key.kind, public_key: publicText(key) },
  ]);
  const data = {
    type: types[first?.kind ?? "p256"],
    latest_version: versions.length,
    keys: Object.fromEntries(keys),
    supports_signing: true,
  };
  return { status: 200, body: { request_id: "1", lease_id: "", renewable: false, data } };
}

/** Ed25519 points come bare. */
function publicText({ kind, publicPem, spki }: HeldKey): string {
  return kind === "ed25519" ? spki.subarray(-32).toString("base64") : publicPem;
}

interface SignRequest {
  readonly request: KeyServiceRequest;
  readonly hash: string;
  readonly versions: readonly HeldKey[];
  readonly isOther: boolean;
}

const hashes: Readonly<Record<string, HashName>> = { "sha2-256": "sha256", "sha2-384": "sha384", "sha2-512": "sha512" };

async function signAnswer(
  { request, hash, versions, isOther }: SignRequest,
  sign: (key: HeldKey, work: Parameters<HeldKey["sign"]>[0]) => Promise<Buffer>,
): Promise<KeyServiceAnswer> {
  const kind = versions[0]?.kind ?? "p256";
  const more: Record<string, "string"> =
    kind === "rsa" ? { signature_algorithm: "string" } : kind === "ed25519" ? {} : { marshaling_algorithm: "string" };
  const isPss = request.body.includes('"pss"');
  const value = readExactly(request.body, {
    input: "string",
    key_version: "number",
    prehashed: "boolean",
    ...more,
    ...(isPss ? { salt_length: "string" as const } : {}),
  });
  if (typeof value === "string") return badRequest(value);
  const name = hashes[hash];
  if (value["prehashed"] !== (kind !== "ed25519") || (name === undefined) !== (kind === "ed25519"))
    return badRequest("prehashed");
  if (kind.startsWith("p") && value["marshaling_algorithm"] !== "asn1") return badRequest("marshaling_algorithm");
  if (isPss && value["salt_length"] !== "hash") return badRequest("salt_length");
  const version = value["key_version"] as number;
  const key = versions[version - 1];
  if (key === undefined) return badRequest("key_version");
  const algorithm = algorithmOf(kind, name, isPss);
  const bytes = Buffer.from(String(value["input"]), "base64");
  const signature = await sign(key, { bytes, algorithm, ...(name === undefined ? {} : { hash: name }) });
  return {
    status: 200,
    body: {
      data: {
        signature: `vault:v${isOther ? version + 1 : version}:${signature.toString("base64")}`,
        key_version: version,
      },
    },
  };
}

function algorithmOf(kind: string, hash: HashName | undefined, isPss: boolean): AlgorithmName {
  if (hash === undefined) return "ed25519";
  if (kind === "rsa") return `rsa-${isPss ? "pss" : "pkcs1"}-${hash}`;
  return `ecdsa-${kind as "p256"}-${hash}`;
}
