import { TrustError, utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { findAwsCredentials, findAwsRegion } from "./aws-credentials.ts";
import { findAzureToken } from "./azure-token.ts";
import { findGcpToken } from "./gcp-token.ts";
import { makeKeyIo } from "./key-io.contract.ts";
import type { KeyIo } from "./resolver.node.ts";
import { openVaultKey } from "./vault.ts";

type Env = Readonly<Record<string, string>>;

/** Places that are asked after the file answer nothing; who is asked anyway is listed. */
interface Place {
  readonly env: Env;
  readonly path: string;
  readonly find: (io: KeyIo) => unknown;
}
const home = { HOME: "/home/me", AWS_EC2_METADATA_DISABLED: "true" };
const aws = (io: KeyIo): unknown => findAwsCredentials("eu-west-1", io);
const vault = (io: KeyIo): unknown => openVaultKey({ kind: "hashivault", name: "release" }, io);
const azure = (io: KeyIo): unknown => findAzureToken("https://vault.azure.net", io);

/** Files that are read if they are there. */
const usual: Readonly<Record<string, Place>> = {
  "AWS credentials": { env: home, path: "/home/me/.aws/credentials", find: aws },
  "AWS config": { env: home, path: "/home/me/.aws/config", find: aws },
  "AWS config elsewhere, for the region": {
    env: { AWS_CONFIG_FILE: "/own" },
    path: "/own",
    find: (io) => findAwsRegion(io),
  },
  "gcloud's login": {
    env: home,
    path: "/home/me/.config/gcloud/application_default_credentials.json",
    find: findGcpToken,
  },
  "Vault's token": { env: { ...home, VAULT_ADDR: "https://vault.test" }, path: "/home/me/.vault-token", find: vault },
};
/** Files that a variable names. */
const named: Readonly<Record<string, Place>> = {
  "Google's file": { env: { GOOGLE_APPLICATION_CREDENTIALS: "/own" }, path: "/own", find: findGcpToken },
  "AWS web identity": {
    env: { AWS_ROLE_ARN: "arn:aws:iam::1:role/r", AWS_WEB_IDENTITY_TOKEN_FILE: "/own" },
    path: "/own",
    find: aws,
  },
  "AWS container": {
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "https://ecs.test/",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/own",
    },
    path: "/own",
    find: aws,
  },
  "Azure's federated token": {
    env: { AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_FEDERATED_TOKEN_FILE: "/own" },
    path: "/own",
    find: azure,
  },
};

/** What is thrown, and whether anybody was asked over the network. */
async function tryIt({ env, path, find }: Place, content: Uint8Array | TrustError | undefined): Promise<string> {
  let asked = 0;
  const gone = new TrustError("TEST_GONE", { kind: "unavailable", says: "nobody", fix: "" });
  const io: KeyIo = {
    ...makeKeyIo(env, {}, { http: () => (asked++, Promise.reject(gone)) }),
    readIfPresent: (asking) => {
      if (asking !== path) return undefined;
      if (content instanceof TrustError) throw content;
      return content;
    },
  };
  try {
    const found: unknown = await find(io);
    return found === undefined ? "nothing" : "found";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    expect(error.message).not.toContain("hunter2");
    return asked > 0 ? `asked, ${error.code}` : `${error.code} ${error.detail.got ?? ""}`.trim();
  }
}

const unreadable = new TrustError(
  "CLI_FILE_UNREADABLE",
  { kind: "unavailable", says: "a file cannot be read", fix: "" },
  { checked: "credentials", got: "EACCES" },
);
const folder = new TrustError("CLI_FILE_DIRECTORY", { kind: "usage", says: "a directory was given", fix: "" }, "x");
const code = "SIGSTORE_KEY_CREDENTIALS_FILE";

describe.each(Object.entries({ ...usual, ...named }))("%s", (_, place) => {
  test("is there and cannot be read: an error, and nobody else is asked", async () => {
    expect(await tryIt(place, unreadable)).toBe(`${code} EACCES`);
    expect(await tryIt(place, folder)).toBe(`${code} a directory was given`);
    expect(await tryIt(place, new Uint8Array([0x5b, 0xff, 0x5d]))).toBe(code);
  });
});

test.each(Object.entries(usual))("%s: not there, the next place is asked", async (name, place) => {
  const asked = name.startsWith("gcloud") ? "asked, SIGSTORE_KEY_CREDENTIALS" : "SIGSTORE_KEY_CREDENTIALS";
  expect(await tryIt(place, undefined)).toBe(name.includes("region") ? "nothing" : asked);
});

test.each(Object.entries(named))("%s: not there, though a variable names it", async (_, place) => {
  expect(await tryIt(place, undefined)).toBe(`${code} none`);
});

test.each([
  ["AWS credentials", "{ hunter2 }", `${code} something before the first`],
  ["AWS credentials", "\n# only a comment\n; and another\n", "SIGSTORE_KEY_CREDENTIALS"],
  ["AWS config", "\n# hunter2\n[profile other]\nregion = x\n", "SIGSTORE_KEY_CREDENTIALS"],
  ["gcloud's login", "hunter2", code],
  ["gcloud's login", '["hunter2"]', code],
  ["gcloud's login", '{"type":["hunter2"]}', code],
  ["gcloud's login", '{"type":"authorized_user","client_secret":"hunter2"}', code],
  ["Vault's token", "hunter2\nhunter2", code],
  ["Vault's token", "\n", "SIGSTORE_KEY_CREDENTIALS"],
])("%s that holds %j: %s, without what is in it", async (name, content, expected) => {
  expect(await tryIt(usual[name] as Place, utf8(content))).toBe(expected);
});
