import { parseJson, parseUtf8, readObject, TrustError, utf8, type Detail, type ObjectReader } from "@countersign/core";
import { readCredentialsFile, readNamedFile, unusableFile } from "./credentials-file.ts";
import { askForBytes, isLoopback, noCredentials, parseServiceAddress, variableOf, wrongAnswer } from "./key-service.ts";
import type { KeyIo } from "./resolver.node.ts";

/** Who signs requests to AWS. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** How long the credentials of a machine or container may take, in milliseconds: they are near, or not there. */
export const awsNearTimeoutMs = 1000;

const wanted =
  "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE; a profile with keys; or the role of a container or machine";

/**
 * Credentials for AWS, from the first place that has some, in the order of AWS's own SDKs: the variables AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY; a role by web identity (STS AssumeRoleWithWebIdentity); keys of a profile in the shared config and
 * credentials files; a container (ECS, EKS Pod Identity); the machine (EC2, IMDSv2 only). Single sign-on and programs of profiles are not asked.
 * Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_CREDENTIALS_FILE, SIGSTORE_KEY_ADDRESS and what `askForBytes` throws; none repeats a secret.
 */
export async function findAwsCredentials(region: string, io: KeyIo): Promise<AwsCredentials> {
  const found =
    ofVariables(io) ??
    (await ofWebIdentity(region, io)) ??
    ofProfile(io) ??
    (await ofContainer(io)) ??
    (await ofMachine(io));
  if (found === undefined) throw noCredentials("AWS KMS", wanted);
  return found;
}

function ofVariables({ env }: KeyIo): AwsCredentials | undefined {
  const accessKeyId = variableOf(env, "AWS_ACCESS_KEY_ID");
  const secretAccessKey = variableOf(env, "AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  // Half of a pair is a mistake, not a reason to be somebody else.
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw noCredentials("AWS KMS", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, both");
  return withToken({ accessKeyId, secretAccessKey }, variableOf(env, "AWS_SESSION_TOKEN"));
}

/** AWS STS API reference, AssumeRoleWithWebIdentity: a form without a signature, answered in XML. */
async function ofWebIdentity(region: string, io: KeyIo): Promise<AwsCredentials | undefined> {
  const { env } = io;
  const [path, role] = [variableOf(env, "AWS_WEB_IDENTITY_TOKEN_FILE"), variableOf(env, "AWS_ROLE_ARN")];
  if (path === undefined || role === undefined) return undefined;
  const token = readNamedFile(path, io).trim();
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const address = variableOf(env, "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL") ?? `https://sts.${region}.${suffix}`;
  const form = {
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: variableOf(env, "AWS_ROLE_SESSION_NAME") ?? "countersign",
    WebIdentityToken: token,
  };
  const body = utf8(new URLSearchParams(form).toString());
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "text/xml" };
  const url = `${parseServiceAddress(address)}/`;
  return readAssumed(parseUtf8(await askForBytes(io, { url, headers, body, secrets: [token] })));
}

/** The values have no characters that XML escapes; each element must be there once. */
function readAssumed(xml: string): AwsCredentials {
  const [, credentials = "", ...more] = xml.split(/<\/?Credentials>/);
  const valueOf = (name: string): string => {
    const found = [
      ...credentials.matchAll(new RegExp(`<${name}>([\\x21-\\x25\\x27-\\x3b\\x3d\\x3f-\\x7e]+)</${name}>`, "g")),
    ];
    if (found.length !== 1) throw wrongAnswer({ checked: "AssumeRoleWithWebIdentity", expected: `one ${name}` });
    return found[0]?.[1] ?? "";
  };
  if (more.length !== 1) throw wrongAnswer({ checked: "AssumeRoleWithWebIdentity", expected: "one Credentials" });
  return {
    accessKeyId: valueOf("AccessKeyId"),
    secretAccessKey: valueOf("SecretAccessKey"),
    sessionToken: valueOf("SessionToken"),
  };
}

/** AWS SDKs and Tools reference, "Shared config and credentials files". No file is no error unless a profile is named. */
function ofProfile(io: KeyIo): AwsCredentials | undefined {
  const values = profileOf(io);
  const [accessKeyId, secretAccessKey] = [values.get("aws_access_key_id"), values.get("aws_secret_access_key")];
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return withToken({ accessKeyId, secretAccessKey }, values.get("aws_session_token"));
  // Half of a pair is a mistake here too.
  if (profileName(io) === undefined && accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  throw noCredentials("AWS KMS", "a profile with aws_access_key_id and aws_secret_access_key; run: eval $(aws configure export-credentials --format env)"); // prettier-ignore
}

/** The region of the profile in use, if its files name one. */
export function findAwsRegion(io: KeyIo): string | undefined {
  return profileOf(io).get("region");
}

function profileName({ env }: KeyIo): string | undefined {
  return variableOf(env, "AWS_PROFILE", "AWS_DEFAULT_PROFILE");
}

/** What both files say of the profile in use; where they differ, the one of credentials counts. */
function profileOf(io: KeyIo): ReadonlyMap<string, string> {
  const home = variableOf(io.env, "HOME", "USERPROFILE");
  const name = profileName(io) ?? "default";
  const read = (variable: string, file: string, header: string): ReadonlyMap<string, string> => {
    const path = variableOf(io.env, variable) ?? (home && `${home}/.aws/${file}`);
    const text = path === undefined ? undefined : readCredentialsFile(path, io);
    if (path === undefined || text === undefined) return new Map();
    checkSections(text, path);
    return sectionOf(text, header) ?? new Map<string, string>();
  };
  const config = read("AWS_CONFIG_FILE", "config", name === "default" ? name : `profile ${name}`);
  return new Map([...config, ...read("AWS_SHARED_CREDENTIALS_FILE", "credentials", name)]);
}

/** What is no file of sections at all would be a file without the profile. */
function checkSections(text: string, path: string): void {
  const first = text.split(/\r?\n/).find((line) => !/^\s*(?:[#;].*)?$/.test(line));
  if (first === undefined || /^\s*\[.*\]/.test(first)) return;
  throw unusableFile(path, { expected: "sections, such as [default]", got: "something before the first" });
}

function sectionOf(text: string, name: string): ReadonlyMap<string, string> | undefined {
  let section: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\s*\[\s*(.*?)\s*\]\s*$/.exec(line) ?? [];
    if (header !== undefined && section !== undefined) return section;
    if (header === name) section = new Map();
    const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== "") section?.set(key, value);
  }
  return section;
}

/** AWS SDKs and Tools reference, "Container credential provider". */
async function ofContainer(io: KeyIo): Promise<AwsCredentials | undefined> {
  const { env } = io;
  const relative = variableOf(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = variableOf(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const url = relative === undefined ? full : `http://169.254.170.2${relative}`;
  if (url === undefined) return undefined;
  checkContainerUrl(url);
  const path = variableOf(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const token =
    path === undefined ? variableOf(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN") : readNamedFile(path, io).trim();
  if (token !== undefined && !/^[\x20-\x7e]+$/.test(token))
    throw noCredentials("AWS KMS", "one line in the container's authorization token");
  const headers = token === undefined ? {} : { authorization: token };
  return readDocument(await askForBytes(io, { url, headers, secrets: token === undefined ? [] : [token] }));
}

/** Over plain http the token goes only to this machine and to the addresses that ECS and EKS give containers. */
function checkContainerUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isNear =
    url?.protocol === "http:" &&
    (isLoopback(url.hostname) || ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"].includes(url.hostname));
  if (isNear || url?.protocol === "https:") return;
  throw noCredentials("AWS KMS", "a container's address: https, this machine, 169.254.170.2 or 169.254.170.23");
}

/** Amazon EC2 user guide, "Use IMDS to access instance metadata", version 2. Undefined where nobody answers. */
async function ofMachine(io: KeyIo): Promise<AwsCredentials | undefined> {
  const { env } = io;
  if (variableOf(env, "AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") return undefined;
  const base = (variableOf(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254").replace(/\/+$/, "");
  try {
    const near = { secrets: [], timeoutMs: awsNearTimeoutMs };
    const lifetime = { "x-aws-ec2-metadata-token-ttl-seconds": "300" };
    const url = `${base}/latest/api/token`;
    const token = textOf(await askForBytes(io, { ...near, method: "PUT", url, headers: lifetime }), /^[\x21-\x7e]+$/);
    const roles = `${base}/latest/meta-data/iam/security-credentials/`;
    const asked = { ...near, secrets: [token], headers: { "x-aws-ec2-metadata-token": token } };
    const role = textOf(await askForBytes(io, { ...asked, url: roles }), /^[\w+=,.@-]{1,64}$/);
    return readDocument(await askForBytes(io, { ...asked, url: `${roles}${role}` }));
  } catch (error) {
    // What answers there can be another cloud's, or a proxy; and a machine need not have a role.
    const isNobody = error instanceof TrustError && (error.kind === "unavailable" || error.code === refusedCode);
    if (!isNobody) throw error;
    return undefined;
  }
}

const refusedCode = "SIGSTORE_KEY_SERVICE_REFUSED";

function textOf(bytes: Uint8Array, form: RegExp): string {
  const text = parseUtf8(bytes).trim();
  if (form.test(text)) return text;
  throw wrongAnswer({ checked: "metadata of the machine", expected: "one line" });
}

/** What containers and machines answer with. */
function readDocument(bytes: Uint8Array): AwsCredentials {
  const document = readDocumentJson(bytes);
  const credentials = {
    accessKeyId: document.string("AccessKeyId"),
    secretAccessKey: document.string("SecretAccessKey"),
  };
  return withToken(credentials, document.string("Token"));
}

function readDocumentJson(bytes: Uint8Array): ObjectReader {
  const malformed = (detail: Detail): TrustError => wrongAnswer(detail);
  try {
    return readObject(parseJson(bytes), "credentials", malformed);
  } catch {
    throw wrongAnswer({ checked: "credentials", expected: "JSON" });
  }
}

function withToken(pair: AwsCredentials, sessionToken: string | undefined): AwsCredentials {
  return sessionToken === undefined ? pair : { ...pair, sessionToken };
}
