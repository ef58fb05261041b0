import { createPublicKey, verify } from "node:crypto";
import type { AlgorithmName, HashName } from "@countersign/core";
import type { HeldKey, SignWork } from "./held-key.ts";
import {
  badRequest,
  readExactly,
  type KeyServiceAnswer,
  type KeyServiceRequest,
  type Protocol,
} from "./key-service.ts";

/** What Google Cloud KMS holds: one key with its versions, and who may use it. */
export interface GcpState {
  readonly token: string;
  readonly key: string;
  readonly versions: Readonly<Record<string, GcpVersion>>;
  /** A service account that can have the token, by its public key in PEM. */
  readonly account?: { readonly email: string; readonly publicPem: string };
}

/** A version, and the algorithm that was chosen for it. */
export interface GcpVersion {
  readonly held: HeldKey;
  readonly algorithm: string;
  readonly state: "ENABLED" | "DESTROYED";
}

/** Cloud KMS v1 with a token endpoint and a metadata server at the same address, as their documentation has them. */
export function gcpProtocol(state: GcpState): Protocol {
  return async (request, fault) => {
    const { method, path, headers } = request;
    const url = new URL(path, "http://service");
    if (url.pathname === "/token") return tokenAnswer(request, state);
    if (url.pathname === "/computeMetadata/v1/instance/service-accounts/default/token") {
      if (headers["metadata-flavor"] !== "Google")
        return { status: 403, body: "Missing Metadata-Flavor:Google header." };
      return { status: 200, body: { access_token: state.token, expires_in: 3599, token_type: "Bearer" } };
    }
    if (headers["authorization"] !== `Bearer ${state.token}`) return { status: 401, body: { error: { code: 401 } } };
    const base = `/v1/${state.key}/cryptoKeyVersions`;
    if (method === "GET" && url.pathname === base) return listAnswer(url, state);
    const [, number = "", rest] = /^\/(\d+)(\/publicKey|:asymmetricSign)$/.exec(url.pathname.slice(base.length)) ?? [];
    const version = url.pathname.startsWith(base) ? state.versions[number] : undefined;
    if (version === undefined) return { status: 404, body: { error: { code: 404, status: "NOT_FOUND" } } };
    const name = `${state.key}/cryptoKeyVersions/${fault === "other-name" ? "99" : number}`;
    if (method === "GET" && rest === "/publicKey")
      return publicKeyAnswer(version, `${state.key}/cryptoKeyVersions/${number}`);
    return signAnswer(request, version, (work) => version.held.sign(work, fault), name);
  };
}

function listAnswer(url: URL, { key, versions }: GcpState): KeyServiceAnswer {
  if (url.searchParams.get("filter") !== "state=ENABLED") return badRequest("filter");
  const listed = Object.entries(versions).filter(([, each]) => each.state === "ENABLED");
  const cryptoKeyVersions = listed.map(([number, { algorithm, state }]) => ({
    name: `${key}/cryptoKeyVersions/${number}`,
    algorithm,
    state,
  }));
  return { status: 200, body: { cryptoKeyVersions, totalSize: listed.length } };
}

function publicKeyAnswer({ held, algorithm }: GcpVersion, name: string): KeyServiceAnswer {
  const pem = held.publicPem;
  return {
    status: 200,
    body: { pem, algorithm, pemCrc32c: String(crc(Buffer.from(pem))), name, protectionLevel: "HSM" },
  };
}

async function signAnswer(
  { body }: KeyServiceRequest,
  { algorithm }: GcpVersion,
  sign: (work: SignWork) => Promise<Buffer>,
  name: string,
): Promise<KeyServiceAnswer> {
  const isData = algorithm === "EC_SIGN_ED25519";
  const value = readExactly(
    body,
    isData ? { data: "string", dataCrc32c: "string" } : { digest: "object", digestCrc32c: "string" },
  );
  if (typeof value === "string") return badRequest(value);
  const hash = `sha${/(\d{3})$/.exec(algorithm)?.[1] ?? "256"}` as HashName;
  const text = isData ? value["data"] : (value["digest"] as Record<string, unknown>)[hash];
  if (typeof text !== "string") return badRequest(`digest.${hash}`);
  const bytes = Buffer.from(text, "base64");
  if (value[isData ? "dataCrc32c" : "digestCrc32c"] !== String(crc(bytes))) return badRequest("checksum");
  const signature = await sign({ bytes, algorithm: ourName(algorithm), ...(isData ? {} : { hash }) });
  const verified = isData ? { verifiedDataCrc32c: true } : { verifiedDigestCrc32c: true };
  return {
    status: 200,
    body: {
      signature: signature.toString("base64"),
      signatureCrc32c: String(crc(signature)),
      ...verified,
      name,
      protectionLevel: "HSM",
    },
  };
}

function ourName(algorithm: string): AlgorithmName {
  if (algorithm === "EC_SIGN_ED25519") return "ed25519";
  const hash = `sha${algorithm.slice(-3)}` as HashName;
  if (algorithm.startsWith("EC_SIGN_P")) return `ecdsa-p${algorithm.slice(9, 12)}-${hash}` as AlgorithmName;
  return `rsa-${algorithm.includes("PSS") ? "pss" : "pkcs1"}-${hash}` as AlgorithmName;
}

/** RFC 7523: a JWT that the account signed, for this endpoint and the scope of Cloud KMS. */
function tokenAnswer({ headers, body }: KeyServiceRequest, { account, token }: GcpState): KeyServiceAnswer {
  const form = new URLSearchParams(body.toString("utf8"));
  if (headers["content-type"] !== "application/x-www-form-urlencoded") return badRequest("content-type");
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return badRequest("grant_type");
  const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const key = createPublicKey(account?.publicPem ?? "");
  const isSigned = verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url"));
  const read = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as Record<string, unknown>;
  const isMeant =
    read["iss"] === account?.email &&
    String(read["aud"]).endsWith("/token") &&
    read["scope"] === "https://www.googleapis.com/auth/cloudkms";
  if (!isSigned || !isMeant || Number(read["exp"]) - Number(read["iat"]) > 3600)
    return { status: 400, body: { error: "invalid_grant" } };
  return { status: 200, body: { access_token: token, expires_in: 3599, token_type: "Bearer" } };
}

/** CRC-32C by a table, written apart from the client's. */
function crc(bytes: Buffer): number {
  const table = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value;
  });
  const end = bytes.reduce((value, byte) => (value >>> 8) ^ (table[(value ^ byte) & 255] ?? 0), 0xffffffff);
  return (end ^ 0xffffffff) >>> 0;
}
