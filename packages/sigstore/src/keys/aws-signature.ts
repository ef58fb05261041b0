import { concatBytes, hash, hex, utf8 } from "@countersign/core";

/** Who signs a request, and where: what Signature Version 4 needs. */
export interface AwsSigner {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  readonly service: string;
}

/** A POST to be signed, without a query. */
export interface AwsRequest {
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * The headers of a request with its AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests"), made for the
 * time `now`. All headers given are signed, with `host`, `x-amz-date` and the session token.
 */
export function signAwsRequest(
  { url, headers, body }: AwsRequest,
  signer: AwsSigner,
  now: Date,
): Record<string, string> {
  const { host, pathname } = new URL(url);
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const token = signer.sessionToken === undefined ? {} : { "x-amz-security-token": signer.sessionToken };
  const all: Record<string, string> = { ...headers, host, "x-amz-date": time, ...token };
  const names = Object.keys(all).toSorted();
  const lines = names.map((name) => `${name}:${(all[name] ?? "").trim().replaceAll(/ +/g, " ")}\n`).join("");
  const signedHeaders = names.join(";");
  const canonical = ["POST", pathname, "", lines, signedHeaders, hex(hash("sha256", body))].join("\n");
  const scope = `${time.slice(0, 8)}/${signer.region}/${signer.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hex(hash("sha256", utf8(canonical)))].join("\n");
  const signature = hex(hmac(signingKey(signer, time.slice(0, 8)), utf8(toSign)));
  const credential = `Credential=${signer.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  const { host: _, ...sent } = all;
  return { ...sent, authorization };
}

function signingKey({ secretAccessKey, region, service }: AwsSigner, date: string): Uint8Array {
  const parts = [date, region, service, "aws4_request"];
  return parts.reduce((key, part) => hmac(key, utf8(part)), utf8(`AWS4${secretAccessKey}`));
}

/** HMAC-SHA256 (RFC 2104). */
function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? hash("sha256", key) : key);
  const padded = (byte: number): Uint8Array => block.map((each) => each ^ byte);
  return hash("sha256", concatBytes(padded(0x5c), hash("sha256", concatBytes(padded(0x36), message))));
}
