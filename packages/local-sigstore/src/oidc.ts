import { sign, verify } from "node:crypto";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { json, text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair, sha256 } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";
import { loginMetadata, loginRoutes } from "./oidc-login.ts";
import { memberAt, parseRequestJson, readOr } from "./request.ts";

/** Audience of tokens for Fulcio. */
export const sigstoreAudience = "sigstore";
/** Lifetime of a token unless asked otherwise, in seconds. */
export const defaultTokenSeconds = 600;

/** Whom a token is for. */
export interface TokenRequest {
  /** `sub`. Absent: the email. */
  readonly subject?: string;
  /** Written with `email_verified: true`. */
  readonly email?: string;
  /** Further claims; they win over those made here, so that any deviation is possible. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly audience?: string;
  /** May be negative: a token that has expired. */
  readonly expiresInSeconds?: number;
  /** Signs with this key instead of the provider's. */
  readonly key?: KeyPair;
}

/** An OIDC provider that gives anybody a token for any subject. */
export interface Oidc {
  readonly issuer: string;
  readonly key: KeyPair;
  readonly token: (request: TokenRequest) => Promise<string>;
  /** Proves a token's signature, issuer, audience and lifetime and returns its claims. Throws LOCAL_SIGSTORE_TOKEN_REFUSED. */
  readonly checkToken: (token: string) => Readonly<Record<string, unknown>>;
  readonly routes: readonly Route[];
}

/** A provider whose issuer is `issuer`. */
export function makeOidc(o: {
  readonly issuer: string;
  readonly now: () => Date;
  readonly key: KeyPair;
  readonly faults: Faults;
}): Oidc {
  const keyId = Buffer.from(sha256(o.key.spki)).toString("base64url").slice(0, 16);
  const token = async (request: TokenRequest): Promise<string> => {
    const fault = o.faults.take("oidc", ["wrong-signer", "expired"]);
    const how = fault?.kind === "expired" ? { ...request, expiresInSeconds: -60 } : request;
    const key = fault?.kind === "wrong-signer" ? makeKeyPair("p256") : (request.key ?? o.key);
    return signToken(claimsOf(how, o.issuer, o.now()), key, keyId);
  };
  const checkToken = (encoded: string): Readonly<Record<string, unknown>> => {
    const claims = checkSignature(encoded, o.key);
    checkClaims(claims, o.issuer, o.now());
    return claims;
  };
  const provider = { issuer: o.issuer, key: o.key, token, checkToken };
  const login = loginRoutes({ ...o, token });
  return { ...provider, routes: [...routes({ ...provider, ...o, redeem: login.redeem }, keyId), ...login.routes] };
}

/** Claims as GitHub Actions writes them for one run of a workflow. */
export function githubActionsClaims(o: {
  /** `owner/name`. */
  readonly repository: string;
  /** Path of the workflow file. */
  readonly workflowPath?: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly event?: string;
  readonly environment?: string;
}): Readonly<Record<string, string>> {
  const ref = o.ref ?? "refs/heads/main";
  const sha = o.sha ?? "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567";
  const workflow = `${o.repository}/${o.workflowPath ?? ".github/workflows/release.yml"}@${ref}`;
  return {
    sub: `repo:${o.repository}:${o.environment === undefined ? `ref:${ref}` : `environment:${o.environment}`}`,
    repository: o.repository,
    repository_id: "123456789",
    repository_owner: o.repository.split("/")[0] ?? "",
    repository_owner_id: "987654",
    repository_visibility: "public",
    ref,
    ref_type: ref.startsWith("refs/tags/") ? "tag" : "branch",
    sha,
    event_name: o.event ?? "push",
    workflow: "release",
    workflow_ref: workflow,
    workflow_sha: sha,
    job_workflow_ref: workflow,
    job_workflow_sha: sha,
    runner_environment: "github-hosted",
    run_id: "4242424242",
    run_number: "7",
    run_attempt: "1",
    actor: "octo-dev",
    ...(o.environment === undefined ? {} : { environment: o.environment }),
  };
}

/** Claims as GitLab CI writes them for one job. */
export function gitlabCiClaims(o: {
  /** `group/name`. */
  readonly project: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly job?: string;
}): Readonly<Record<string, string>> {
  const ref = o.ref ?? "refs/heads/main";
  const sha = o.sha ?? "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567";
  return {
    sub: `project_path:${o.project}:ref_type:branch:ref:${ref.replace(/^refs\/\w+\//, "")}`,
    project_path: o.project,
    project_id: "4242",
    project_visibility: "public",
    namespace_path: o.project.split("/")[0] ?? "",
    namespace_id: "77",
    ref_path: ref,
    sha,
    job_id: o.job ?? "5150",
    pipeline_source: "push",
    runner_environment: "gitlab-hosted",
    ci_config_ref_uri: `gitlab.com/${o.project}//.gitlab-ci.yml@${ref}`,
    ci_config_sha: sha,
  };
}

interface Provider extends Omit<Oidc, "routes"> {
  readonly faults: Faults;
  readonly redeem: (request: Request) => Promise<Reply>;
}

function routes(provider: Provider, keyId: string): readonly Route[] {
  const jwk = { ...provider.key.publicKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: keyId };
  return [
    {
      service: "oidc",
      method: "GET",
      path: /\/\.well-known\/openid-configuration/,
      answer: () => json(discovery(provider)),
    },
    { service: "oidc", method: "GET", path: /\/keys/, answer: () => json({ keys: [jwk] }) },
    {
      service: "oidc",
      method: "GET",
      path: /\/token/,
      answer: async (request) => text(await provider.token(queryRequest(request))),
    },
    { service: "oidc", method: "POST", path: /\/token/, answer: (request) => answerToken(provider, request) },
  ];
}

async function answerToken(provider: Provider, request: Request): Promise<Reply> {
  if (String(request.headers["content-type"]).startsWith("application/x-www-form-urlencoded"))
    return provider.redeem(request);
  const asked = bodyRequest(parseRequestJson(request.body));
  const token = await provider.token(asked);
  return json({ token_type: "Bearer", expires_in: asked.expiresInSeconds ?? defaultTokenSeconds, id_token: token });
}

function discovery({ issuer, faults }: Provider): Record<string, unknown> {
  const isWrong = faults.take("oidc", ["wrong-metadata"]) !== undefined;
  return {
    issuer: isWrong ? "https://issuer.example.com" : issuer,
    ...loginMetadata(issuer),
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ["code", "id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}

function queryRequest(request: Request): TokenRequest {
  const github = request.query.get("github");
  const expires = request.query.get("expires_in");
  return bodyRequest({
    subject: request.query.get("subject") ?? undefined,
    email: request.query.get("email") ?? undefined,
    audience: request.query.get("audience") ?? undefined,
    expiresInSeconds: expires === null ? undefined : Number(expires),
    claims: github === null ? undefined : githubActionsClaims({ repository: github }),
  });
}

function bodyRequest(value: unknown): TokenRequest {
  const { subject, email, audience, claims, expiresInSeconds } = (
    typeof value === "object" && value !== null ? value : {}
  ) as Record<string, unknown>;
  const isNamed = [subject, email, memberAt(claims, "sub")].some((name) => typeof name === "string" && name !== "");
  if (!isNamed)
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: "token", expected: "subject or email" });
  return {
    ...(typeof subject === "string" ? { subject } : {}),
    ...(typeof email === "string" ? { email } : {}),
    ...(typeof audience === "string" ? { audience } : {}),
    ...(typeof claims === "object" && claims !== null ? { claims: claims as Record<string, unknown> } : {}),
    ...(typeof expiresInSeconds === "number" && Number.isFinite(expiresInSeconds) ? { expiresInSeconds } : {}),
  };
}

function claimsOf(request: TokenRequest, issuer: string, now: Date): Record<string, unknown> {
  const seconds = Math.floor(now.getTime() / 1000);
  const lifetime = request.expiresInSeconds ?? defaultTokenSeconds;
  return {
    iss: issuer,
    sub: request.subject ?? request.email,
    aud: request.audience ?? sigstoreAudience,
    iat: seconds + Math.min(0, lifetime - 1),
    nbf: seconds + Math.min(0, lifetime - 1),
    exp: seconds + lifetime,
    ...(request.email === undefined ? {} : { email: request.email, email_verified: true }),
    ...request.claims,
  };
}

function signToken(claims: Readonly<Record<string, unknown>>, key: KeyPair, keyId: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value), "utf8").toString("base64url");
  const input = `${part({ alg: "ES256", kid: keyId, typ: "JWT" })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(input), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

function checkSignature(encoded: string, key: KeyPair): Readonly<Record<string, unknown>> {
  const parts = encoded.split(".");
  const [header = "", payload = "", signature = ""] = parts;
  if (parts.length !== 3) throw refused("not a compact JWS");
  const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  const [head, claims] = readOr("token is not a JWT", () => [decode(header), decode(payload)]);
  if (memberAt(head, "alg") !== "ES256") throw refused("algorithm is not ES256");
  const options = { key: key.publicKey, dsaEncoding: "ieee-p1363" as const };
  const isGood = verify("sha256", Buffer.from(`${header}.${payload}`), options, Buffer.from(signature, "base64url"));
  if (!isGood || typeof claims !== "object" || claims === null) throw refused("signature does not verify");
  return claims as Readonly<Record<string, unknown>>;
}

function checkClaims(claims: Readonly<Record<string, unknown>>, issuer: string, now: Date): void {
  const seconds = now.getTime() / 1000;
  if (claims["iss"] !== issuer) throw refused("issuer is not this provider");
  if (![claims["aud"]].flat().includes(sigstoreAudience)) throw refused("audience is not sigstore");
  if (typeof claims["exp"] !== "number" || claims["exp"] <= seconds) throw refused("token has expired");
  if (typeof claims["nbf"] === "number" && claims["nbf"] > seconds) throw refused("token is not valid yet");
  if (typeof claims["sub"] !== "string" || claims["sub"] === "") throw refused("token has no subject");
}

function refused(why: string): Error {
  return localSigstoreError("LOCAL_SIGSTORE_TOKEN_REFUSED", why);
}
