import {
  parseJson,
  parsePrivateKey,
  readObject,
  TrustError,
  utf8,
  type Detail,
  type ObjectReader,
} from "@countersign/core";
import { base64Url } from "./base64url.ts";
import { readCredentialsFile, readNamedFile, unusableFile } from "./credentials-file.ts";
import {
  askKeyService,
  jsonRequest,
  noCredentials,
  parseServiceAddress,
  variableOf,
  wrongAnswer,
} from "./key-service.ts";
import type { KeyIo } from "./resolver.node.ts";

const scope = "https://www.googleapis.com/auth/cloudkms";
/** How long a token that is asked for would live, in seconds. */
const tokenSeconds = 600;

/**
 * An access token for Google Cloud: $GOOGLE_OAUTH_ACCESS_TOKEN or $CLOUDSDK_AUTH_ACCESS_TOKEN, else for the service account or
 * user of the file in $GOOGLE_APPLICATION_CREDENTIALS or of the one that `gcloud auth application-default login` writes (RFC 7523,
 * RFC 6749 §6), also of a service account that the user speaks for; else of the metadata server of the machine.
 * Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_CREDENTIALS_FILE, SIGSTORE_KEY_ADDRESS and what `askKeyService` throws; none repeats a secret.
 */
export async function findGcpToken(io: KeyIo): Promise<string> {
  const given = variableOf(io.env, "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN");
  if (given !== undefined) return checkToken(given);
  const named = variableOf(io.env, "GOOGLE_APPLICATION_CREDENTIALS");
  const path = named ?? loginPath(io);
  if (path === undefined) return tokenOfMachine(io);
  const text = named === undefined ? readCredentialsFile(path, io) : readNamedFile(path, io);
  return text === undefined ? tokenOfMachine(io) : tokenOfFile(readCredentials(text, path), io);
}

/** Where `gcloud auth application-default login` writes. */
function loginPath({ env }: KeyIo): string | undefined {
  const roaming = variableOf(env, "APPDATA");
  const home = variableOf(env, "HOME");
  const folder =
    variableOf(env, "CLOUDSDK_CONFIG") ??
    (roaming === undefined ? home && `${home}/.config/gcloud` : `${roaming}/gcloud`);
  return folder === undefined ? undefined : `${folder}/application_default_credentials.json`;
}

async function tokenOfMachine(io: KeyIo): Promise<string> {
  const host = variableOf(io.env, "GCE_METADATA_HOST") ?? "metadata.google.internal";
  if (!/^[\w.:-]{1,255}$/.test(host)) throw noCredentials("Google Cloud", "a host name in GCE_METADATA_HOST");
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  try {
    const answer = await askKeyService(io, { url, headers: { "metadata-flavor": "Google" }, secrets: [] });
    return checkToken(answer.string("access_token"));
  } catch (error) {
    if (!(error instanceof TrustError) || error.kind !== "unavailable") throw error;
    throw noCredentials(
      "Google Cloud",
      "GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_OAUTH_ACCESS_TOKEN, gcloud auth application-default login or a metadata server",
    );
  }
}

function tokenOfFile(file: ObjectReader, io: KeyIo): Promise<string> {
  const type = file.optionalString("type");
  if (type === "service_account") return tokenOfAccount(file, io);
  if (type === "authorized_user") return tokenOfUser(file, io);
  if (type === "impersonated_service_account") return tokenOfImpersonated(file, io);
  const expected = "a service_account, authorized_user or impersonated_service_account in the file of credentials";
  throw noCredentials("Google Cloud", expected);
}

/** Drops the cause, and what came: either may quote the file. */
function readCredentials(text: string, path: string): ObjectReader {
  const malformed = ({ checked = "", expected = "" }: Detail): TrustError =>
    unusableFile(path, { expected: `${checked} to be ${expected}` });
  try {
    return readObject(parseJson(text), "credentials", malformed);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw unusableFile(path, { expected: "a JSON object" });
  }
}

const defaultTokenUri = "https://oauth2.googleapis.com/token";

async function tokenOfAccount(file: ObjectReader, io: KeyIo): Promise<string> {
  const audience = file.optionalString("token_uri") ?? defaultTokenUri;
  const nowSeconds = Math.floor(io.now().getTime() / 1000);
  const claims = {
    iss: file.string("client_email"),
    scope,
    aud: audience,
    iat: nowSeconds,
    exp: nowSeconds + tokenSeconds,
  };
  const keyId = file.optionalString("private_key_id");
  const header = { alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) };
  const signing = [header, claims].map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
  const assertion = `${signing}.${base64Url(await signAssertion(file.string("private_key"), signing))}`;
  return exchange(audience, { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }, [assertion], io);
}

async function signAssertion(pem: string, text: string): Promise<Uint8Array> {
  try {
    return await parsePrivateKey(pem, "rsa-pkcs1-sha256").sign({ message: utf8(text) });
  } catch {
    throw noCredentials("Google Cloud", "an RSA key in the file of credentials");
  }
}

function tokenOfUser(file: ObjectReader, io: KeyIo): Promise<string> {
  const [secret, token] = [file.string("client_secret"), file.string("refresh_token")];
  const form = {
    grant_type: "refresh_token",
    client_id: file.string("client_id"),
    client_secret: secret,
    refresh_token: token,
  };
  return exchange(defaultTokenUri, form, [secret, token], io);
}

const impersonation =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/[\w.%@-]{1,255}:generateAccessToken$/;

/** A person who speaks for a service account (IAM credentials API, generateAccessToken), as `gcloud auth application-default login` has it. */
async function tokenOfImpersonated(file: ObjectReader, io: KeyIo): Promise<string> {
  const url = file.string("service_account_impersonation_url");
  if (!impersonation.test(url))
    throw noCredentials("Google Cloud", "an address of iamcredentials.googleapis.com in the file of credentials");
  const token = await tokenOfUser(file.object("source_credentials"), io);
  const delegates = file.optionalArray("delegates", 16) ?? [];
  const { headers, body } = jsonRequest({ scope: [scope], lifetime: `${tokenSeconds}s`, delegates });
  const authorized = { ...headers, authorization: `Bearer ${token}` };
  const answer = await askKeyService(io, { url, headers: authorized, body, secrets: [token] });
  return checkToken(answer.string("accessToken"));
}

/** Exchanges something for an access token (RFC 6749 §4, §6). */
export async function exchange(
  url: string,
  form: Readonly<Record<string, string>>,
  secrets: readonly string[],
  io: KeyIo,
): Promise<string> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = utf8(new URLSearchParams(form).toString());
  const answer = await askKeyService(io, { url: parseServiceAddress(url), headers, body, secrets });
  return checkToken(answer.string("access_token"));
}

/** A token that can stand in a header. */
export function checkToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw wrongAnswer({ checked: "access token", expected: "printable characters" });
}
