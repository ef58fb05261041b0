import type { KeyPair } from "./keyring.ts";

/** A validity window as the trust root writes it; a forgery may leave the start out. */
export interface TrustedWindow {
  readonly start?: Date;
  readonly end?: Date;
}

/** A log or CT log as a trust root states it. Spread it and override a field to deviate. */
export interface TrustedLog {
  readonly baseUrl: string;
  readonly operator?: string;
  readonly key: Pick<KeyPair, "kind" | "spki">;
  readonly logId: Uint8Array;
  readonly checkpointKeyId?: Uint8Array;
  readonly validFor: TrustedWindow;
  /** Instead of the PublicKeyDetails name that belongs to the key. */
  readonly keyDetails?: string;
}

/** A certificate or timestamp authority as a trust root states it. */
export interface TrustedAuthority {
  readonly uri: string;
  readonly operator?: string;
  readonly organization: string;
  readonly commonName: string;
  /** DER, the issuing certificate (TSA: the signing leaf) first, the anchor last. */
  readonly chain: readonly Uint8Array[];
  readonly validFor: TrustedWindow;
}

/** What a trust root is made of. */
export interface TrustedRootParts {
  readonly cas?: readonly TrustedAuthority[];
  readonly tsas?: readonly TrustedAuthority[];
  readonly logs?: readonly TrustedLog[];
  readonly ctLogs?: readonly TrustedLog[];
  /** 0.2 adds `operator` and a 4-byte `checkpointKeyId` to logs. Default 0.1. */
  readonly version?: "0.1" | "0.2";
  readonly mediaType?: string;
}

/** A service as a signing config states it. */
export interface ConfiguredService {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly validFor: TrustedWindow;
  readonly operator: string;
}

/** trusted_root.json as plain JSON (protobuf-specs sigstore_trustroot.proto, TrustedRoot). */
export function buildTrustedRoot(parts: TrustedRootParts): Record<string, unknown> {
  const version = parts.version ?? "0.1";
  const mediaTypes = {
    "0.1": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "0.2": "application/vnd.dev.sigstore.trustedroot.v0.2+json",
  };
  return {
    mediaType: parts.mediaType ?? mediaTypes[version],
    tlogs: (parts.logs ?? []).map((log) => logJson(log, version)),
    certificateAuthorities: (parts.cas ?? []).map((authority) => authorityJson(authority, version)),
    ctlogs: (parts.ctLogs ?? []).map((log) => logJson(log, version)),
    timestampAuthorities: (parts.tsas ?? []).map((authority) => authorityJson(authority, version)),
  };
}

/** signing_config.json v0.2 as plain JSON, every selector ANY. */
export function buildSigningConfig(services: {
  readonly ca: readonly ConfiguredService[];
  readonly oidc: readonly ConfiguredService[];
  readonly rekor: readonly ConfiguredService[];
  readonly tsa: readonly ConfiguredService[];
}): Record<string, unknown> {
  const list = (items: readonly ConfiguredService[]): unknown[] =>
    items.map((item) => ({ ...item, validFor: windowJson(item.validFor) }));
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: list(services.ca),
    oidcUrls: list(services.oidc),
    rekorTlogUrls: list(services.rekor),
    tsaUrls: list(services.tsa),
    rekorTlogConfig: { selector: "ANY" },
    tsaConfig: { selector: "ANY" },
  };
}

/** The PublicKeyDetails name (sigstore_common.proto) of a key of this package. */
export function publicKeyDetails(kind: KeyPair["kind"]): string {
  switch (kind) {
    case "p256":
      return "PKIX_ECDSA_P256_SHA_256";
    case "p384":
      return "PKIX_ECDSA_P384_SHA_384";
    case "p521":
      return "PKIX_ECDSA_P521_SHA_512";
    case "ed25519":
      return "PKIX_ED25519";
    case "rsa2048":
      return "PKIX_RSA_PKCS1V15_2048_SHA256";
    case "ml-dsa-44":
      return "ML_DSA_44";
  }
}

/** Bytes of a JSON document as this package writes it to disk and over HTTP. */
export function jsonBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function logJson(log: TrustedLog, version: "0.1" | "0.2"): Record<string, unknown> {
  const json: Record<string, unknown> = {
    baseUrl: log.baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: base64(log.key.spki),
      keyDetails: log.keyDetails ?? publicKeyDetails(log.key.kind),
      validFor: windowJson(log.validFor),
    },
    logId: { keyId: base64(log.logId) },
  };
  const keyId = log.checkpointKeyId ?? (version === "0.2" ? log.logId.subarray(0, 4) : undefined);
  if (keyId !== undefined) json["checkpointKeyId"] = { keyId: base64(keyId) };
  if (version === "0.2" && log.operator !== undefined) json["operator"] = log.operator;
  return json;
}

function authorityJson(authority: TrustedAuthority, version: "0.1" | "0.2"): Record<string, unknown> {
  const json: Record<string, unknown> = {
    subject: { organization: authority.organization, commonName: authority.commonName },
    uri: authority.uri,
    certChain: { certificates: authority.chain.map((der) => ({ rawBytes: base64(der) })) },
    validFor: windowJson(authority.validFor),
  };
  if (version === "0.2" && authority.operator !== undefined) json["operator"] = authority.operator;
  return json;
}

function windowJson(window: TrustedWindow): Record<string, string> {
  return {
    ...(window.start === undefined ? {} : { start: window.start.toISOString() }),
    ...(window.end === undefined ? {} : { end: window.end.toISOString() }),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
