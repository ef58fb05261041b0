import { base64, parseSpki, quote, type Algorithm, type AlgorithmName, type ObjectReader } from "@countersign/core";
import { jsonBody } from "../request.ts";
import { findAwsCredentials, findAwsRegion } from "./aws-credentials.ts";
import { signAwsRequest, type AwsSigner } from "./aws-signature.ts";
import {
  askKeyService,
  checkAnswered,
  noCredentials,
  parseServiceAddress,
  variableOf,
  wrongAnswer,
} from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import type { RemoteKey } from "./remote-key.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key of AWS KMS. */
export interface AwsReference {
  readonly kind: "awskms";
  /** Host and port, if another than AWS's own. */
  readonly endpoint?: string;
  /** Key id, alias or ARN, as AWS takes them. */
  readonly key: string;
  /** Of an ARN. */
  readonly region?: string;
}

const arn = /^arn:aws[a-z-]*:kms:([a-z0-9-]{1,32}):\d{12}:(?:key\/[\w-]{1,64}|alias\/[\w/-]{1,250})$/;
const bare = /^(?:[\w-]{1,64}|alias\/[\w/-]{1,250})$/;

/** Parses `awskms://[HOST]/KEY`, KEY being a key id, alias/NAME or an ARN. Throws SIGSTORE_KEY_REFERENCE. */
export function parseAwsReference(text: string): AwsReference {
  const [, endpoint = "", key = ""] = /^awskms:\/\/([A-Za-z0-9.:[\]-]{0,255})\/(.+)$/.exec(text) ?? [];
  const region = arn.exec(key)?.[1];
  if (region === undefined && !bare.test(key))
    throw referenceMalformed(text, "awskms:///KEY, KEY an id, alias/NAME or ARN");
  return { kind: "awskms", key, ...(endpoint === "" ? {} : { endpoint }), ...(region === undefined ? {} : { region }) };
}

/**
 * Finds a key of AWS KMS (API reference: GetPublicKey, Sign with MessageType DIGEST), with the credentials that
 * `findAwsCredentials` finds. The ARN that it answers with is the one that must sign.
 * Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_ADDRESS and what `askKeyService` throws.
 */
export async function openAwsKey(reference: AwsReference, io: KeyIo): Promise<RemoteKey> {
  const kms = await kmsOf(reference, io);
  const answer = await ask(kms, io, "GetPublicKey", { KeyId: reference.key });
  const id = answer.string("KeyId");
  checkIdentity(reference.key, id);
  answer.oneOf("KeyUsage", ["SIGN_VERIFY"]);
  const spki = answer.bytes("PublicKey");
  const offered = answer.array("SigningAlgorithms", maxAlgorithms);
  return {
    spki,
    algorithms: algorithmsOf(spki).filter((name) => offered.includes(awsNames.get(name.replace(/-p\d+/, "")) ?? "")),
    sign: (input, algorithm) => sign({ kms, io, id }, input, algorithm),
  };
}

/** An alias can stand for any key; what names one must be answered by it. */
function checkIdentity(asked: string, answered: string): void {
  if (!arn.test(answered)) throw wrongAnswer({ checked: "KeyId", expected: "an ARN", got: quote(answered) });
  if (asked.includes("alias/")) return;
  checkAnswered("KeyId", asked, asked.startsWith("arn:") ? answered : answered.slice(answered.lastIndexOf("/") + 1));
}

/** The most algorithms that a key can list. */
const maxAlgorithms = 32;

/** AWS's names, by ours without the curve. */
const awsNames: ReadonlyMap<string, string> = new Map(
  ["256", "384", "512"].flatMap((bits): [string, string][] => [
    [`ecdsa-sha${bits}`, `ECDSA_SHA_${bits}`],
    [`rsa-pkcs1-sha${bits}`, `RSASSA_PKCS1_V1_5_SHA_${bits}`],
    [`rsa-pss-sha${bits}`, `RSASSA_PSS_SHA_${bits}`],
  ]),
);

function algorithmsOf(spki: Uint8Array): readonly AlgorithmName[] {
  const key = parseSpki(spki);
  const hashes = ["sha256", "sha384", "sha512"] as const;
  if (key.kind === "ec") return hashes.map((hash) => `ecdsa-${key.curve}-${hash}` as const);
  if (key.kind !== "rsa") return [];
  return [...hashes.map((hash) => `rsa-pkcs1-${hash}` as const), ...hashes.map((hash) => `rsa-pss-${hash}` as const)];
}

interface Kms {
  readonly url: string;
  readonly signer: AwsSigner;
}

async function kmsOf({ endpoint, region: own }: AwsReference, io: KeyIo): Promise<Kms> {
  const { env } = io;
  const region = own ?? variableOf(env, "AWS_REGION", "AWS_DEFAULT_REGION") ?? findAwsRegion(io);
  if (region === undefined || !/^[a-z0-9-]{1,32}$/.test(region))
    throw noCredentials("AWS KMS", "AWS_REGION, a profile with a region, or an ARN as key");
  const signer = { ...(await findAwsCredentials(region, io)), region, service: "kms" };
  const given =
    endpoint === undefined ? variableOf(env, "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL") : `https://${endpoint}`;
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return { url: `${parseServiceAddress(given ?? `https://kms.${region}.${suffix}`)}/`, signer };
}

function ask({ url, signer }: Kms, io: KeyIo, action: string, value: object): Promise<ObjectReader> {
  const body = jsonBody(value);
  const plain = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${action}` };
  const headers = signAwsRequest({ url, headers: plain, body }, signer, io.now());
  const secrets = [signer.secretAccessKey, signer.sessionToken ?? ""];
  return askKeyService({ ...io, http: withThrottling(io.http) }, { url, headers, body, secrets });
}

/** KMS says by 400 and a name that it is asked too often (API reference, "Common Errors"), which passes as 429 does. */
function withThrottling(http: KeyIo["http"]): KeyIo["http"] {
  return async (request) => {
    const response = await http(request);
    const start = new TextDecoder().decode(response.body.subarray(0, 400));
    const isThrottled = response.status === 400 && /"__type"\s*:\s*"(?:[\w.]+#)?ThrottlingException"/.test(start);
    return isThrottled ? { ...response, status: 429 } : response;
  };
}

async function sign(
  { kms, io, id }: { readonly kms: Kms; readonly io: KeyIo; readonly id: string },
  digest: Uint8Array,
  { name }: Algorithm,
): Promise<Uint8Array> {
  const algorithm = awsNames.get(name.replace(/-p\d+/, "")) ?? "";
  const value = { KeyId: id, Message: base64(digest), MessageType: "DIGEST", SigningAlgorithm: algorithm };
  const answer = await ask(kms, io, "Sign", value);
  checkAnswered("KeyId", id, answer.string("KeyId"));
  checkAnswered("SigningAlgorithm", algorithm, answer.string("SigningAlgorithm"));
  const signature = answer.bytes("Signature");
  if (signature.length === 0) throw wrongAnswer({ checked: "Signature", expected: "a signature" });
  return signature;
}
