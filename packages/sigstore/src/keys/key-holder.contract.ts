import { generateKeyPairSync } from "node:crypto";
import { TrustError, type AlgorithmName } from "@countersign/core";
import {
  awsProtocol,
  azureProtocol,
  gcpProtocol,
  loopbackHttp,
  makeHeldKey,
  startKeyService,
  vaultProtocol,
  type HeldKey,
  type HeldKind,
  type KeyService,
} from "@countersign/testkit";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { makeKeyIo, now } from "./key-io.contract.ts";
import { keyServiceTimeoutMs } from "./key-service.ts";
import type { KeyIo } from "./resolver.node.ts";

/** What no error may repeat. */
export const secret = {
  vaultToken: "hvs.TopSecretVaultToken",
  awsKey: "AwsSecretAccessKey/+123",
  awsSession: "AwsSessionToken//==",
  gcpToken: "ya29.GoogleToken-abc",
  azureClient: "azure-client-secret~1",
  azureToken: "azure-access-token.2",
} as const;

/** The names of the keys that services hold. */
export const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
export const gcpKey = "projects/acme/locations/global/keyRings/ring/cryptoKeys/release";
export const azureVersion = "0123456789abcdef0123456789abcdef";

const heldKinds = ["p256", "p384", "p521", "ed25519", "rsa"] as const;
/** The keys that services hold. */
export const held = Object.fromEntries(heldKinds.map((kind) => [kind, makeHeldKey(kind)])) as Record<HeldKind, HeldKey>;
/** Version 1 of Vault's key on P-256. */
export const older: HeldKey = makeHeldKey("p256");
/** The key of Google's service account. */
export const account = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** One way to reach a key. */
interface Holder {
  readonly service: KeyService;
  readonly reference: string;
  readonly env: Readonly<Record<string, string>>;
  readonly algorithms: readonly AlgorithmName[];
  readonly files?: Readonly<Record<string, string>>;
}

const usual: Readonly<Record<HeldKind, readonly AlgorithmName[]>> = {
  p256: ["ecdsa-p256-sha256"],
  p384: ["ecdsa-p384-sha384"],
  p521: ["ecdsa-p521-sha512"],
  ed25519: ["ed25519"],
  rsa: ["rsa-pkcs1-sha256", "rsa-pkcs1-sha512", "rsa-pss-sha256", "rsa-pss-sha384"],
};

const gcpVersions = [
  ["1", "p256", "EC_SIGN_P256_SHA256", "ecdsa-p256-sha256"],
  ["2", "p384", "EC_SIGN_P384_SHA384", "ecdsa-p384-sha384"],
  ["3", "ed25519", "EC_SIGN_ED25519", "ed25519"],
  ["4", "rsa", "RSA_SIGN_PSS_2048_SHA256", "rsa-pss-sha256"],
  ["10", "rsa", "RSA_SIGN_PKCS1_2048_SHA512", "rsa-pkcs1-sha512"],
] as const;

/** The names of all holders: the service, the kind of key and, of Google's, the version. */
export const everyHolder: readonly string[] = [
  ...heldKinds.map((kind) => `hashivault ${kind}`),
  ...heldKinds.filter((kind) => kind !== "ed25519").flatMap((kind) => [`awskms ${kind}`, `azurekms ${kind}`]),
  ...gcpVersions.map(([number, kind]) => `gcpkms ${kind} ${number}`),
];

/** Starts every key service for the tests of a file, without faults before each. The holder of a name. */
export function useHolders(): (name: string) => Holder {
  const holders = new Map<string, Holder>();
  beforeAll(async () => {
    for (const [name, start] of plans()) holders.set(name, await start());
  });
  beforeEach(() => {
    for (const { service } of holders.values()) {
      service.fault = undefined;
      service.requests.length = 0;
    }
  });
  afterAll(async () => {
    await Promise.all([...holders.values()].map(({ service }) => service.close()));
  });
  return (name) => holders.get(name) as Holder;
}

type Plan = readonly [name: string, start: () => Promise<Holder>];

function plans(): readonly Plan[] {
  const vaults = heldKinds.map((kind): Plan => [`hashivault ${kind}`, () => startVault(kind)]);
  const others = heldKinds.filter((kind) => kind !== "ed25519");
  const aws = others.map((kind): Plan => [`awskms ${kind}`, () => startAws(kind)]);
  const azure = others.map((kind): Plan => [`azurekms ${kind}`, () => startAzure(kind)]);
  const gcp = gcpVersions.map(([number, kind, , name]): Plan => [
    `gcpkms ${kind} ${number}`,
    () => startGcp(number, name),
  ]);
  return [...vaults, ...aws, ...azure, ...gcp];
}

async function startVault(kind: HeldKind): Promise<Holder> {
  const versions = kind === "p256" ? [older, held[kind]] : [held[kind]];
  const service = await startKeyService(vaultProtocol({ token: secret.vaultToken, name: "release", versions }));
  const env = { VAULT_ADDR: service.url, VAULT_TOKEN: secret.vaultToken };
  return { service, reference: "hashivault://release", env, algorithms: usual[kind] };
}

async function startAws(kind: HeldKind): Promise<Holder> {
  const service = await startKeyService(
    awsProtocol({
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: secret.awsKey,
      sessionToken: secret.awsSession,
      region: "eu-west-1",
      arn,
      key: held[kind],
      now: () => now,
    }),
  );
  const env = {
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: secret.awsKey,
    AWS_SESSION_TOKEN: secret.awsSession,
    AWS_ENDPOINT_URL_KMS: service.url,
  };
  return { service, reference: `awskms:///${arn}`, env, algorithms: usual[kind] };
}

async function startAzure(kind: HeldKind): Promise<Holder> {
  const service = await startKeyService(
    azureProtocol({
      tenant: "tenant-1",
      client: "client-1",
      secret: secret.azureClient,
      token: secret.azureToken,
      name: "release",
      version: azureVersion,
      key: held[kind],
    }),
  );
  const env = {
    AZURE_TENANT_ID: "tenant-1",
    AZURE_CLIENT_ID: "client-1",
    AZURE_CLIENT_SECRET: secret.azureClient,
    AZURE_AUTHORITY_HOST: service.url,
  };
  return { service, reference: `azurekms://${service.host}/release`, env, algorithms: usual[kind] };
}

async function startGcp(number: string, name: AlgorithmName): Promise<Holder> {
  const living = gcpVersions.map(([at, kind, algorithm]) => [at, { held: held[kind], algorithm, state: "ENABLED" }]);
  const dead = { held: held.p256, algorithm: "EC_SIGN_P256_SHA256", state: "DESTROYED" as const };
  const publicPem = account.publicKey.export({ type: "spki", format: "pem" }).toString();
  const service = await startKeyService(
    gcpProtocol({
      token: secret.gcpToken,
      key: gcpKey,
      versions: { ...Object.fromEntries(living), "11": dead },
      account: { email: "signer@acme.example", publicPem },
    }),
  );
  const env = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: service.url, GOOGLE_OAUTH_ACCESS_TOKEN: secret.gcpToken };
  return { service, reference: `gcpkms://${gcpKey}/versions/${number}`, env, algorithms: [name] };
}

/** Holds that no request may take longer than the limit. */
export function ioOf({ env, files = {} }: Pick<Holder, "env" | "files">, more: Partial<KeyIo> = {}): KeyIo {
  return makeKeyIo(env, files, {
    http: (request) => {
      expect(request.timeoutMs).toBeLessThanOrEqual(keyServiceTimeoutMs);
      return loopbackHttp(request);
    },
    ...more,
  });
}

/** The code of the error, which repeats no secret; "nothing" if there is none. */
export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "nothing";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${JSON.stringify(error.detail)} ${String(error.cause)} ${error.stack ?? ""}`;
    for (const each of Object.values(secret)) expect(said).not.toContain(each);
    return error.code;
  }
}
