import { utf8 } from "@countersign/core";
import { loopbackHttp } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import type { HttpRequest } from "../http.ts";
import { account, codeOf, ioOf, secret, useHolders } from "./key-holder.contract.ts";
import { openSigner, type KeyIo } from "./resolver.node.ts";

const holderOf = useHolders();

describe("credentials", () => {
  test.each([
    ["hashivault p256", ["VAULT_ADDR"]],
    ["hashivault p256", ["VAULT_TOKEN"]],
    ["awskms p256", ["AWS_ACCESS_KEY_ID"]],
    ["awskms p256", ["AWS_SECRET_ACCESS_KEY"]],
  ])("%s without %s", async (name, missing) => {
    const holder = holderOf(name);
    const env = Object.fromEntries(Object.entries(holder.env).filter(([variable]) => !missing.includes(variable)));
    expect(await codeOf(() => openSigner(holder.reference, ioOf({ env })))).toBe("SIGSTORE_KEY_CREDENTIALS");
  });

  test("an alias of AWS without a region", async () => {
    expect(await codeOf(() => openSigner("awskms:///alias/release", ioOf(holderOf("awskms p256"))))).toBe(
      "SIGSTORE_KEY_CREDENTIALS",
    );
  });

  test("Vault's token file, and its namespaces", async () => {
    const { service, env, reference } = holderOf("hashivault p256");
    const home = { VAULT_ADDR: service.url, HOME: "/home/me" };
    const files = { "/home/me/.vault-token": `${secret.vaultToken}\n` };
    await openSigner(reference, ioOf({ env: home, files }));
    const lost = ioOf({ env: { ...env, VAULT_NAMESPACE: "team" } });
    expect(await codeOf(() => openSigner(reference, lost))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    expect(service.requests.at(-1)?.headers["x-vault-namespace"]).toBe("team");
  });

  test("Google: a service account's file, and the metadata server", async () => {
    const { service, reference } = holderOf("gcpkms p256 1");
    const endpoint = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: service.url };
    const file = {
      type: "service_account",
      client_email: "signer@acme.example",
      private_key_id: "1",
      private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: `${service.url}/token`,
    };
    const env = { ...endpoint, GOOGLE_APPLICATION_CREDENTIALS: "account.json" };
    const open = (json: object): Promise<unknown> =>
      openSigner(reference, ioOf({ env, files: { "account.json": JSON.stringify(json) } }));
    await open(file);
    await openSigner(reference, ioOf({ env: { ...endpoint, GCE_METADATA_HOST: service.host } }));
    expect(await codeOf(() => open({ ...file, client_email: "other@acme.example" }))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
    expect(await codeOf(() => open({ ...file, private_key: "secret words" }))).toBe("SIGSTORE_KEY_CREDENTIALS");
    expect(await codeOf(() => open({ ...file, type: "external_account" }))).toBe("SIGSTORE_KEY_CREDENTIALS");
    expect(await codeOf(() => open({ ...file, token_uri: "http://evil.example/token" }))).toBe("SIGSTORE_KEY_ADDRESS");
    const login = JSON.stringify(file);
    for (const [folder, path] of [["HOME", "/x/.config/gcloud"], ["CLOUDSDK_CONFIG", "/x"], ["APPDATA", "/x/gcloud"]] as const) // prettier-ignore
      await openSigner(reference, ioOf({ env: { ...endpoint, [folder]: "/x" }, files: { [`${path}/application_default_credentials.json`]: login } })); // prettier-ignore
    const nowhere = { ...endpoint, GCE_METADATA_HOST: "127.0.0.1:1", HOME: "/y" };
    expect(await codeOf(() => openSigner(reference, ioOf({ env: nowhere })))).toBe("SIGSTORE_KEY_CREDENTIALS");
  });

  test("Google: a person's login, exchanged at Google's own address whatever the file says", async () => {
    const { service, reference } = holderOf("gcpkms p256 1");
    const login = { type: "authorized_user", client_id: "id", client_secret: secret.azureClient, refresh_token: secret.vaultToken, token_uri: "https://evil.example/token" }; // prettier-ignore
    const file = "/home/me/.config/gcloud/application_default_credentials.json";
    const env = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: service.url, HOME: "/home/me" };
    const forms: string[] = [];
    const answering = (status: number, body: object): KeyIo =>
      ioOf(
        { env, files: { [file]: JSON.stringify(login) } },
        {
          http: (request) => {
            if (request.url !== "https://oauth2.googleapis.com/token") return loopbackHttp(request);
            forms.push(new TextDecoder().decode(request.body));
            return Promise.resolve({ status, headers: {}, body: utf8(JSON.stringify(body)) });
          },
        },
      );
    await openSigner(reference, answering(200, { access_token: secret.gcpToken }));
    expect(Object.fromEntries(new URLSearchParams(forms[0]))).toEqual({ grant_type: "refresh_token", client_id: "id", client_secret: secret.azureClient, refresh_token: secret.vaultToken }); // prettier-ignore
    const account = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/signer@acme.iam.gserviceaccount.com:generateAccessToken"; // prettier-ignore
    const asked: HttpRequest[] = [];
    const speaking = (url: string): KeyIo => {
      const json = { type: "impersonated_service_account", service_account_impersonation_url: url, source_credentials: login, delegates: [] }; // prettier-ignore
      const plain = answering(200, { access_token: secret.azureToken });
      const answer = utf8(JSON.stringify({ accessToken: secret.gcpToken, expireTime: "2026-11-25T12:10:00Z" }));
      return {
        ...plain,
        readIfPresent: () => utf8(JSON.stringify(json)),
        http: (request) =>
          request.url === account
            ? Promise.resolve({ status: asked.push(request) === 1 ? 200 : 403, headers: {}, body: answer })
            : plain.http(request),
      };
    };
    await openSigner(reference, speaking(account));
    expect(asked[0]).toMatchObject({ method: "POST", headers: { authorization: `Bearer ${secret.azureToken}` } });
    expect(JSON.parse(new TextDecoder().decode(asked[0]?.body))).toEqual({ scope: ["https://www.googleapis.com/auth/cloudkms"], lifetime: "600s", delegates: [] }); // prettier-ignore
    expect(await codeOf(() => openSigner(reference, speaking(account)))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    const elsewhere = account.replace("googleapis.com", "googleapis.com.evil.example");
    expect(await codeOf(() => openSigner(reference, speaking(elsewhere)))).toBe("SIGSTORE_KEY_CREDENTIALS");
    const revoked = answering(400, { error: "invalid_grant", error_description: `of ${secret.vaultToken}` });
    expect(await codeOf(() => openSigner(reference, revoked))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
  });

  test("Azure: a federated token, and the identity of the machine", async () => {
    const { service, reference, env } = holderOf("azurekms p256");
    const { AZURE_CLIENT_SECRET: _, ...rest } = env;
    const federated = { ...rest, AZURE_FEDERATED_TOKEN_FILE: "token" };
    await openSigner(reference, ioOf({ env: federated, files: { token: `${secret.azureClient}\n` } }));
    await openSigner(reference, ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url } }));
    await openSigner(reference, ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url, AZURE_CLIENT_ID: "one-of-two" } })); // prettier-ignore
    expect(service.requests.at(-2)?.path).toMatch(/^\/metadata\/identity\/oauth2\/token\?.*&client_id=one-of-two$/);
    const wrong = ioOf({ env: { ...env, AZURE_CLIENT_SECRET: "another" } });
    expect(await codeOf(() => openSigner(reference, wrong))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    const nowhere = ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://127.0.0.1:1" } });
    expect(await codeOf(() => openSigner(reference, nowhere))).toBe("SIGSTORE_KEY_CREDENTIALS");
  });
});
