import type { AlgorithmName, HashName } from "@countersign/core";
import type { HeldKey } from "./held-key.ts";
import {
  badRequest,
  readExactly,
  type KeyServiceAnswer,
  type KeyServiceRequest,
  type Protocol,
} from "./key-service.ts";

/** What an Azure key vault holds: one key with one version, and who may use it. */
export interface AzureState {
  readonly tenant: string;
  readonly client: string;
  readonly secret: string;
  readonly token: string;
  readonly name: string;
  readonly version: string;
  readonly key: HeldKey;
}

/** Azure Key Vault REST 7.4 with an authority and an identity endpoint at the same address, as their documentation has them. */
export function azureProtocol(state: AzureState): Protocol {
  return async (request, fault) => {
    const { method, path, headers } = request;
    const url = new URL(path, "http://service");
    if (url.pathname === `/${state.tenant}/oauth2/v2.0/token`) return tokenAnswer(request, state);
    if (url.pathname === "/metadata/identity/oauth2/token")
      return identityAnswer(url, headers["metadata"] === "true", state);
    if (headers["authorization"] !== `Bearer ${state.token}`)
      return { status: 401, body: { error: { code: "Unauthorized" } } };
    if (url.searchParams.get("api-version") !== "7.4") return badRequest("api-version");
    const base = `http://${headers["host"]}/keys/${state.name}`;
    const kid = `${base}/${fault === "other-name" ? "f".repeat(32) : state.version}`;
    const own = `/keys/${state.name}`;
    if (method === "GET" && [own, `${own}/${state.version}`].includes(url.pathname))
      return {
        status: 200,
        body: {
          key: { kid: `${base}/${state.version}`, key_ops: ["sign"], ...jwkOf(state.key) },
          attributes: { enabled: true },
        },
      };
    if (method === "POST" && url.pathname === `${own}/${state.version}/sign`)
      return signAnswer(request, state.key, { kid, sign: (work) => state.key.sign(work, fault) });
    return { status: 404, body: { error: { code: "KeyNotFound" } } };
  };
}

/** Keys in an HSM have a type of their own. */
function jwkOf({ jwk }: HeldKey): Readonly<Record<string, unknown>> {
  return { ...jwk, kty: `${String(jwk["kty"])}-HSM` };
}

interface Answering {
  readonly kid: string;
  readonly sign: (work: Parameters<HeldKey["sign"]>[0]) => Promise<Buffer>;
}

const families = { ES: "ecdsa", RS: "rsa-pkcs1", PS: "rsa-pss" } as const;

async function signAnswer(
  { body }: KeyServiceRequest,
  { kind }: HeldKey,
  { kid, sign }: Answering,
): Promise<KeyServiceAnswer> {
  const value = readExactly(body, { alg: "string", value: "string" });
  if (typeof value === "string") return badRequest(value);
  const [, family, bits] = /^(ES|RS|PS)(256|384|512)$/.exec(String(value["alg"])) ?? [];
  if (family === undefined || /[+/=]/.test(String(value["value"]))) return badRequest("alg or value");
  const hash = `sha${bits}` as HashName;
  const name = families[family as keyof typeof families];
  const algorithm = (name === "ecdsa" ? `ecdsa-${kind}-${hash}` : `${name}-${hash}`) as AlgorithmName;
  const signature = await sign({ bytes: Buffer.from(String(value["value"]), "base64url"), hash, algorithm });
  const raw = name === "ecdsa" ? rawNumbers(signature, kind) : signature;
  return { status: 200, body: { kid, value: raw.toString("base64url") } };
}

/** The two numbers of a DER signature, each as long as the curve has it. What is no DER stays as it is. */
function rawNumbers(der: Buffer, kind: string): Buffer {
  const length = Math.ceil(Number(kind.slice(1)) / 8);
  if (der[0] !== 0x30) return der;
  let at = der[1] === 0x81 ? 3 : 2;
  const numbers = [0, 1].map(() => {
    const size = der[at + 1] ?? 0;
    const number = der.subarray(at + 2, at + 2 + size);
    at += 2 + size;
    const trimmed = number.subarray(Math.max(0, number.length - length));
    return Buffer.concat([Buffer.alloc(length - trimmed.length), trimmed]);
  });
  return Buffer.concat(numbers);
}

function tokenAnswer({ body }: KeyServiceRequest, { client, secret, token }: AzureState): KeyServiceAnswer {
  const form = Object.fromEntries(new URLSearchParams(body.toString("utf8")));
  const isMeant = form["grant_type"] === "client_credentials" && form["scope"] === "https://vault.azure.net/.default";
  if (!isMeant || form["client_id"] !== client) return { status: 400, body: { error: "invalid_request" } };
  const isProved =
    form["client_secret"] === secret ||
    (form["client_assertion"] === secret &&
      form["client_assertion_type"] === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  if (!isProved) return { status: 401, body: { error: "invalid_client" } };
  return { status: 200, body: { token_type: "Bearer", expires_in: 3599, access_token: token } };
}

function identityAnswer(url: URL, isAsked: boolean, { token }: AzureState): KeyServiceAnswer {
  const isMeant =
    url.searchParams.get("api-version") === "2018-02-01" &&
    url.searchParams.get("resource") === "https://vault.azure.net";
  if (!isAsked || !isMeant) return badRequest("Metadata, api-version or resource");
  return { status: 200, body: { access_token: token, expires_in: "3599", token_type: "Bearer" } };
}
