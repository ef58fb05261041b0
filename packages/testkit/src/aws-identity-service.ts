import { badRequest, type KeyServiceAnswer, type KeyServiceRequest, type Protocol } from "./key-service.ts";

/** Who may have which credentials. */
export interface AwsIdentityState {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Of AssumeRoleWithWebIdentity. */
  readonly role: string;
  readonly webToken: string;
  /** What a container sends along. */
  readonly containerToken: string;
  /** Of the machine. */
  readonly instanceRole: string;
}

const metadataToken = "AQAEAmetadataToken==";

/**
 * Where AWS hands out credentials, as its documentation has it: STS AssumeRoleWithWebIdentity (STS API reference), a container's
 * endpoint under /container (SDKs and Tools reference) and a machine's metadata in version 2 (EC2 user guide).
 */
export function awsIdentityProtocol(state: AwsIdentityState): Protocol {
  return (request) => {
    const { method, path } = request;
    if (method === "POST" && path === "/") return assumed(request, state);
    if (method === "GET" && path === "/container") return contained(request, state);
    if (method === "PUT" && path === "/latest/api/token") return issued(request);
    if (method === "GET" && path.startsWith(rolesPath)) return machine(request, state);
    return badRequest(`${method} ${path}`);
  };
}

const rolesPath = "/latest/meta-data/iam/security-credentials/";

function assumed({ headers, body }: KeyServiceRequest, state: AwsIdentityState): KeyServiceAnswer {
  if (headers["content-type"] !== "application/x-www-form-urlencoded") return badRequest("content-type");
  if (headers["authorization"] !== undefined) return badRequest("this action is not signed");
  const form = Object.fromEntries(new URLSearchParams(body.toString("utf8")));
  const names = ["Action", "RoleArn", "RoleSessionName", "Version", "WebIdentityToken"];
  if (Object.keys(form).toSorted().join() !== names.join()) return badRequest(`members ${names.join()}`);
  if (form["Action"] !== "AssumeRoleWithWebIdentity" || form["Version"] !== "2011-06-15") return badRequest("action");
  if (!/^[\w+=,.@-]{2,64}$/.test(form["RoleSessionName"] ?? "")) return badRequest("RoleSessionName");
  if (form["RoleArn"] !== state.role || form["WebIdentityToken"] !== state.webToken)
    return { status: 400, body: "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>" };
  const { accessKeyId, secretAccessKey, sessionToken } = state;
  const xml = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>repo:acme/app</SubjectFromWebIdentityToken>
    <AssumedRoleUser><Arn>${state.role}</Arn><AssumedRoleId>AROA:countersign</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SessionToken>${sessionToken}</SessionToken>
      <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
      <Expiration>2030-01-01T00:00:00Z</Expiration>
      <AccessKeyId>${accessKeyId}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`;
  return { status: 200, body: xml };
}

function contained({ headers }: KeyServiceRequest, state: AwsIdentityState): KeyServiceAnswer {
  if (headers["authorization"] !== state.containerToken) return { status: 401, body: { message: "Unauthorized" } };
  return { status: 200, body: document(state) };
}

function issued({ headers, body }: KeyServiceRequest): KeyServiceAnswer {
  const seconds = Number(headers["x-aws-ec2-metadata-token-ttl-seconds"]);
  if (!(seconds >= 1 && seconds <= 21_600) || body.length > 0) return badRequest("ttl");
  return { status: 200, body: metadataToken };
}

function machine({ path, headers }: KeyServiceRequest, state: AwsIdentityState): KeyServiceAnswer {
  if (headers["x-aws-ec2-metadata-token"] !== metadataToken) return { status: 401, body: "" };
  if (path === rolesPath) return { status: 200, body: state.instanceRole };
  if (path !== `${rolesPath}${state.instanceRole}`) return { status: 404, body: "" };
  return {
    status: 200,
    body: { Code: "Success", Type: "AWS-HMAC", LastUpdated: "2026-11-25T11:00:00Z", ...document(state) },
  };
}

function document({ accessKeyId, secretAccessKey, sessionToken }: AwsIdentityState): Record<string, string> {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: "2030-01-01T00:00:00Z",
  };
}
