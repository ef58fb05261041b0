import { TrustError } from "@countersign/core";
import { readNamedFile } from "./credentials-file.ts";
import { checkToken, exchange } from "./gcp-token.ts";
import { askKeyService, noCredentials, parseServiceAddress, variableOf } from "./key-service.ts";
import type { KeyIo } from "./resolver.node.ts";

/**
 * An access token for an Azure resource: of the application in $AZURE_TENANT_ID and $AZURE_CLIENT_ID, by $AZURE_CLIENT_SECRET
 * or the token in $AZURE_FEDERATED_TOKEN_FILE; else of the identity of the machine ($IDENTITY_ENDPOINT, or the metadata service), the
 * one that $AZURE_CLIENT_ID names if it is set.
 * Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_CREDENTIALS_FILE, SIGSTORE_KEY_ADDRESS and what `askKeyService` throws; none repeats a secret.
 */
export async function findAzureToken(resource: string, io: KeyIo): Promise<string> {
  const [tenant, client] = [variableOf(io.env, "AZURE_TENANT_ID"), variableOf(io.env, "AZURE_CLIENT_ID")];
  const proof = proofOf(io);
  if (tenant === undefined || client === undefined || proof === undefined) return tokenOfMachine(resource, io);
  if (!/^[\w.-]{1,100}$/.test(tenant)) throw noCredentials("Azure", "a tenant id in AZURE_TENANT_ID");
  const authority = parseServiceAddress(
    variableOf(io.env, "AZURE_AUTHORITY_HOST") ?? "https://login.microsoftonline.com",
  );
  const form = { grant_type: "client_credentials", client_id: client, scope: `${resource}/.default`, ...proof };
  return exchange(`${authority}/${tenant}/oauth2/v2.0/token`, form, Object.values(proof), io);
}

function proofOf(io: KeyIo): Readonly<Record<string, string>> | undefined {
  const { env } = io;
  const secret = variableOf(env, "AZURE_CLIENT_SECRET");
  if (secret !== undefined) return { client_secret: secret };
  const path = variableOf(env, "AZURE_FEDERATED_TOKEN_FILE");
  if (path === undefined) return undefined;
  const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  return { client_assertion_type: type, client_assertion: readNamedFile(path, io).trim() };
}

/** App Service's endpoint takes a secret of its own; the metadata service can be reached only from the machine. */
async function tokenOfMachine(resource: string, io: KeyIo): Promise<string> {
  const [endpoint, secret] = [variableOf(io.env, "IDENTITY_ENDPOINT"), variableOf(io.env, "IDENTITY_HEADER")];
  const isApp = endpoint !== undefined && secret !== undefined;
  const base = isApp ? endpoint : `${metadataHost(io)}/metadata/identity/oauth2/token`;
  // A machine may have several identities.
  const client = variableOf(io.env, "AZURE_CLIENT_ID");
  const asked = { "api-version": isApp ? "2019-08-01" : "2018-02-01", resource, ...(client && { client_id: client }) };
  const query = new URLSearchParams(asked).toString();
  const headers: Record<string, string> = isApp ? { "x-identity-header": secret } : { metadata: "true" };
  try {
    const answer = await askKeyService(io, { url: `${base}?${query}`, headers, secrets: isApp ? [secret] : [] });
    return checkToken(answer.string("access_token"));
  } catch (error) {
    if (!(error instanceof TrustError) || error.kind !== "unavailable") throw error;
    throw noCredentials("Azure", "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or a managed identity");
  }
}

/** The variable is that of Azure's own libraries. */
function metadataHost({ env }: KeyIo): string {
  const given = variableOf(env, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  return given === undefined ? "http://169.254.169.254" : given.replace(/\/+$/, "");
}
