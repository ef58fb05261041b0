import { createHash, createHmac } from "node:crypto";
import type { AlgorithmName, HashName } from "@countersign/core";
import type { HeldKey } from "./held-key.ts";
import {
  badRequest,
  readExactly,
  type KeyServiceAnswer,
  type KeyServiceRequest,
  type Protocol,
} from "./key-service.ts";

/** What AWS KMS holds: one key, and who may use it. */
export interface AwsState {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  /** The key's ARN; its alias is `alias/release`. */
  readonly arn: string;
  readonly key: HeldKey;
  readonly now: () => Date;
}

/** AWS KMS: GetPublicKey and Sign of its API reference, with requests signed by Signature Version 4. */
export function awsProtocol(state: AwsState): Protocol {
  return async (request, fault) => {
    const problem = signatureProblem(request, state);
    if (problem !== undefined) return { status: 400, body: { __type: "InvalidSignatureException", message: problem } };
    if (request.method !== "POST" || request.path !== "/") return badRequest("POST /");
    if (request.headers["content-type"] !== "application/x-amz-json-1.1") return badRequest("content-type");
    const target = request.headers["x-amz-target"];
    const arn = fault === "other-name" ? `${state.arn}0` : state.arn;
    if (target === "TrentService.GetPublicKey") return publicKeyAnswer(request, state);
    if (target !== "TrentService.Sign") return badRequest("x-amz-target");
    return signAnswer(request, state, (work) => state.key.sign(work, fault), arn);
  };
}

const nameParts = /^(ECDSA|RSASSA_PKCS1_V1_5|RSASSA_PSS)_SHA_(256|384|512)$/;

function publicKeyAnswer({ body }: KeyServiceRequest, { arn, key }: AwsState): KeyServiceAnswer {
  const value = readExactly(body, { KeyId: "string" });
  if (typeof value === "string") return badRequest(value);
  if (!isKey(value["KeyId"], arn)) return notFound;
  const own = {
    p256: ["ECDSA_SHA_256"],
    p384: ["ECDSA_SHA_384"],
    p521: ["ECDSA_SHA_512"],
    ed25519: ["ED25519_SHA_512"],
  };
  const rsa = ["PKCS1_V1_5", "PSS"].flatMap((padding) =>
    ["256", "384", "512"].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
  );
  const SigningAlgorithms = key.kind === "rsa" ? rsa : own[key.kind];
  const answer = { KeyId: arn, KeyUsage: "SIGN_VERIFY", PublicKey: key.spki.toString("base64"), SigningAlgorithms };
  return { status: 200, body: answer };
}

async function signAnswer(
  { body }: KeyServiceRequest,
  { arn, key }: AwsState,
  sign: (work: Parameters<HeldKey["sign"]>[0]) => Promise<Buffer>,
  answered: string,
): Promise<KeyServiceAnswer> {
  const value = readExactly(body, {
    KeyId: "string",
    Message: "string",
    MessageType: "string",
    SigningAlgorithm: "string",
  });
  if (typeof value === "string") return badRequest(value);
  if (!isKey(value["KeyId"], arn)) return notFound;
  const [, family, bits] = nameParts.exec(String(value["SigningAlgorithm"])) ?? [];
  if (family === undefined || value["MessageType"] !== "DIGEST") return badRequest("SigningAlgorithm or MessageType");
  const hash = `sha${bits}` as HashName;
  const bytes = Buffer.from(String(value["Message"]), "base64");
  if (bytes.length !== Number(bits) / 8)
    return { status: 400, body: { __type: "ValidationException", message: "Digest is invalid length" } };
  const algorithm = (
    family === "ECDSA" ? `ecdsa-${key.kind}-${hash}` : `rsa-${family === "RSASSA_PSS" ? "pss" : "pkcs1"}-${hash}`
  ) as AlgorithmName;
  const signature = await sign({ bytes, hash, algorithm });
  return {
    status: 200,
    body: { KeyId: answered, Signature: signature.toString("base64"), SigningAlgorithm: value["SigningAlgorithm"] },
  };
}

const notFound: KeyServiceAnswer = { status: 400, body: { __type: "NotFoundException", message: "no such key" } };

function isKey(asked: unknown, arn: string): boolean {
  return asked === arn || asked === arn.slice(arn.lastIndexOf("/") + 1) || asked === "alias/release";
}

/** Checks a Signature Version 4 from the request as it came, step by step as AWS documents it. */
function signatureProblem({ method, path, headers, body }: KeyServiceRequest, state: AwsState): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
  const [, id, day = "", region = "", signed = "", signature] = form.exec(headers["authorization"] ?? "") ?? [];
  if (id !== state.accessKeyId || region !== state.region) return "credential scope";
  const date = headers["x-amz-date"] ?? "";
  const time = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(time - state.now().getTime()) < 300_000) || !date.startsWith(day)) return "date";
  if (headers["x-amz-security-token"] !== state.sessionToken) return "session token";
  const names = signed.split(";");
  const needed = [
    "host",
    "x-amz-date",
    "x-amz-target",
    "content-type",
    ...(state.sessionToken === undefined ? [] : ["x-amz-security-token"]),
  ];
  if (!needed.every((name) => names.includes(name)) || names.join() !== names.toSorted().join())
    return "signed headers";
  const canonicalHeaders = names.map((name) => `${name}:${headers[name] ?? ""}\n`).join("");
  const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
  const canonical = `${method}\n${path}\n\n${canonicalHeaders}\n${signed}\n${sha256(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${day}/${region}/kms/aws4_request\n${sha256(canonical)}`;
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
  const key = hmac(hmac(hmac(hmac(`AWS4${state.secretAccessKey}`, day), region), "kms"), "aws4_request");
  return hmac(key, toSign).toString("hex") === signature ? undefined : "signature";
}
