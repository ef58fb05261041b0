import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { base64, digestOf, makeVerifier, TrustError, utf8, type AlgorithmName } from "@countersign/core";
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
  type KeyServiceFault,
} from "@countersign/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HttpRequest } from "../http.ts";
import { signAwsRequest } from "./aws-signature.ts";
import { crc32c } from "./crc32c.ts";
import { makeKeyIo, now } from "./key-io.contract.ts";
import { keyServiceTimeoutMs } from "./key-service.ts";
import { isFileReference, parseKeyReference } from "./reference.ts";
import { openSigner, openVerifier, type KeyIo } from "./resolver.node.ts";

const secrets = ["hvs.TopSecretVaultToken", "AwsSecretAccessKey/+123", "AwsSessionToken//==", "ya29.GoogleToken-abc", "azure-client-secret~1", "azure-access-token.2"]; // prettier-ignore
const [vaultToken = "", awsSecret = "", awsSession = "", gcpToken = "", azureSecret = "", azureToken = ""] = secrets;
const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const gcpKey = "projects/acme/locations/global/keyRings/ring/cryptoKeys/release";
const version = "0123456789abcdef0123456789abcdef";
const held = Object.fromEntries((["p256", "p384", "p521", "ed25519", "rsa"] as const).map((kind) => [kind, makeHeldKey(kind)])) as Record<HeldKind, HeldKey>; // prettier-ignore
const older = makeHeldKey("p256");
const account = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** One way to reach a key. */
interface Holder {
  readonly service: KeyService;
  readonly reference: string;
  readonly env: Readonly<Record<string, string>>;
  readonly algorithms: readonly AlgorithmName[];
  readonly files?: Readonly<Record<string, string>>;
}

const holders = new Map<string, Holder>();
const opened: KeyService[] = [];

async function add(
  name: string,
  protocol: Parameters<typeof startKeyService>[0],
  rest: (service: KeyService) => Omit<Holder, "service">,
): Promise<void> {
  const service = await startKeyService(protocol);
  opened.push(service);
  holders.set(name, { service, ...rest(service) });
}

const rsaNames: readonly AlgorithmName[] = ["rsa-pkcs1-sha256", "rsa-pkcs1-sha512", "rsa-pss-sha256", "rsa-pss-sha384"];
const usual: Readonly<Record<HeldKind, readonly AlgorithmName[]>> = {
  p256: ["ecdsa-p256-sha256"],
  p384: ["ecdsa-p384-sha384"],
  p521: ["ecdsa-p521-sha512"],
  ed25519: ["ed25519"],
  rsa: rsaNames,
};
const gcpAlgorithms = [
  ["1", "p256", "EC_SIGN_P256_SHA256"],
  ["2", "p384", "EC_SIGN_P384_SHA384"],
  ["3", "ed25519", "EC_SIGN_ED25519"],
  ["4", "rsa", "RSA_SIGN_PSS_2048_SHA256"],
  ["10", "rsa", "RSA_SIGN_PKCS1_2048_SHA512"],
] as const;

beforeAll(async () => {
  for (const kind of ["p256", "p384", "p521", "ed25519", "rsa"] as const) {
    const versions = kind === "p256" ? [older, held[kind]] : [held[kind]];
    await add(`hashivault ${kind}`, vaultProtocol({ token: vaultToken, name: "release", versions }), ({ url }) => ({
      reference: "hashivault://release",
      env: { VAULT_ADDR: url, VAULT_TOKEN: vaultToken },
      algorithms: usual[kind],
    }));
    if (kind === "ed25519") continue;
    const aws = {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: awsSecret,
      region: "eu-west-1",
      arn,
      key: held[kind],
      now: () => now,
    };
    await add(`awskms ${kind}`, awsProtocol({ ...aws, sessionToken: awsSession }), ({ url }) => ({
      reference: `awskms:///${arn}`,
      env: {
        AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
        AWS_SECRET_ACCESS_KEY: awsSecret,
        AWS_SESSION_TOKEN: awsSession,
        AWS_ENDPOINT_URL_KMS: url,
      },
      algorithms: usual[kind],
    }));
    const azure = {
      tenant: "tenant-1",
      client: "client-1",
      secret: azureSecret,
      token: azureToken,
      name: "release",
      version,
    };
    await add(`azurekms ${kind}`, azureProtocol({ ...azure, key: held[kind] }), ({ url, host }) => ({
      reference: `azurekms://${host}/release`,
      env: {
        AZURE_TENANT_ID: "tenant-1",
        AZURE_CLIENT_ID: "client-1",
        AZURE_CLIENT_SECRET: azureSecret,
        AZURE_AUTHORITY_HOST: url,
      },
      algorithms: usual[kind],
    }));
  }
  const versions = Object.fromEntries(
    gcpAlgorithms.map(([number, kind, algorithm]) => [
      number,
      { held: held[kind], algorithm, state: "ENABLED" as const },
    ]),
  );
  const dead = { "11": { held: held.p256, algorithm: "EC_SIGN_P256_SHA256", state: "DESTROYED" as const } };
  const pem = account.publicKey.export({ type: "spki", format: "pem" }).toString();
  const state = {
    token: gcpToken,
    key: gcpKey,
    versions: { ...versions, ...dead },
    account: { email: "signer@acme.example", publicPem: pem },
  };
  const names = ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519", "rsa-pss-sha256", "rsa-pkcs1-sha512"] as const;
  for (const [at, [number, kind]] of gcpAlgorithms.entries())
    await add(`gcpkms ${kind} ${number}`, gcpProtocol(state), ({ url }) => ({
      reference: `gcpkms://${gcpKey}/versions/${number}`,
      env: { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: url, GOOGLE_OAUTH_ACCESS_TOKEN: gcpToken },
      algorithms: [names[at] ?? "ed25519"],
    }));
});
beforeEach(() => {
  for (const { service } of holders.values()) {
    service.fault = undefined;
    service.requests.length = 0;
  }
});
afterAll(async () => {
  await Promise.all(opened.map((service) => service.close()));
});

const holderOf = (name: string): Holder => holders.get(name) as Holder;
const http = loopbackHttp;

/** Holds that no request may take longer than the limit. */
function ioOf({ env, files = {} }: Pick<Holder, "env" | "files">, more: Partial<KeyIo> = {}): KeyIo {
  return makeKeyIo(env, files, {
    http: (request) => {
      expect(request.timeoutMs).toBeLessThanOrEqual(keyServiceTimeoutMs);
      return http(request);
    },
    ...more,
  });
}

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "nothing";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${JSON.stringify(error.detail)} ${String(error.cause)} ${error.stack ?? ""}`;
    for (const secret of secrets) expect(said).not.toContain(secret);
    return error.code;
  }
}

const message = utf8("release 1.0");
const kinds = ["p256", "p384", "p521", "ed25519", "rsa"] as const;
const everyHolder = [
  ...kinds.map((kind) => `hashivault ${kind}`),
  ...kinds.filter((kind) => kind !== "ed25519").flatMap((kind) => [`awskms ${kind}`, `azurekms ${kind}`]),
  ...gcpAlgorithms.map(([number, kind]) => `gcpkms ${kind} ${number}`),
];

describe.each(everyHolder)("%s", (name) => {
  test("signs a message and its digest with every algorithm, and shows its public half", async () => {
    const holder = holderOf(name);
    const kind = name.split(" ")[1] as HeldKind;
    for (const algorithm of holder.algorithms) {
      const options = { algorithm: () => algorithm };
      const signer = await openSigner(holder.reference, ioOf(holder), options);
      expect(base64(signer.spki)).toBe(held[kind].spki.toString("base64"));
      const verifier = makeVerifier(held[kind].spki, algorithm);
      expect(verifier.verify(message, await signer.sign({ message }))).toBe(true);
      const { hash } = verifier.algorithm;
      if (hash !== undefined)
        expect(verifier.verify(message, await signer.sign({ digest: digestOf(hash, message) }))).toBe(true);
      await expect(
        signer.sign({ digest: digestOf(hash === "sha512" ? "sha256" : "sha512", message) }),
      ).rejects.toMatchObject({ code: "CORE_DIGEST_UNUSABLE" });
      expect((await openVerifier(holder.reference, ioOf(holder), options)).keyid).toBe(signer.keyid);
    }
    expect((await openSigner(holder.reference, ioOf(holder))).algorithm.name).toBe(holder.algorithms[0]);
  });
});

describe.each(["hashivault p256", "awskms p256", "gcpkms p256 1", "azurekms p256", "hashivault rsa", "gcpkms rsa 4"])(
  "%s that misbehaves",
  (name) => {
    test.each([
      ["other-key", "SIGSTORE_KEY_SIGNATURE"],
      ["other-digest", "SIGSTORE_KEY_SIGNATURE"],
      ["rubbish-signature", "SIGSTORE_KEY_SIGNATURE"],
      ["other-name", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["refuse", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
      ["huge", "PIPELINE_HTTP_TOO_LARGE"],
    ] as const)("%s when it is to sign: %s", async (fault: KeyServiceFault, code) => {
      const holder = holderOf(name);
      const signer = await openSigner(holder.reference, ioOf(holder));
      holder.service.fault = fault;
      expect(await codeOf(() => signer.sign({ message }))).toBe(code);
      holder.service.fault = undefined;
      await signer.sign({ message });
    });

    test.each([
      ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["refuse", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
    ] as const)("%s when the key is looked up: %s", async (fault: KeyServiceFault, code) => {
      const holder = holderOf(name);
      holder.service.fault = fault;
      for (const open of [openSigner, openVerifier])
        expect(await codeOf(() => open(holder.reference, ioOf(holder)))).toBe(code);
    });

    test("busy for a moment: asked again", async () => {
      const holder = holderOf(name);
      const signer = await openSigner(holder.reference, ioOf(holder));
      holder.service.fault = "busy-once";
      const before = holder.service.requests.length;
      await signer.sign({ message });
      expect(holder.service.requests.length).toBe(before + 2);
    });

    test("an algorithm that it does not sign with", async () => {
      const holder = holderOf(name);
      const options = { algorithm: () => "ed25519ph" as const };
      expect(await codeOf(() => openSigner(holder.reference, ioOf(holder), options))).toBe("SIGSTORE_KEY_ALGORITHM");
    });
  },
);

test("AWS says by a name that it is asked too often: asked again", async () => {
  const { env, reference } = holderOf("awskms p256");
  const often = utf8('{"__type":"com.amazonaws.kms#ThrottlingException","message":"Rate exceeded"}');
  const waits: number[] = [];
  let asked = 0;
  const io = ioOf(
    { env },
    {
      http: async (request) => (asked++ % 2 === 0 ? { status: 400, headers: {}, body: often } : http(request)),
      sleep: (ms) => Promise.resolve(void waits.push(ms)),
    },
  );
  const signer = await openSigner(reference, io);
  expect(makeVerifier(signer.spki).verify(message, await signer.sign({ message }))).toBe(true);
  expect(waits).toEqual([500, 500]);
  const always = ioOf({ env }, { http: () => Promise.resolve({ status: 400, headers: {}, body: often }) });
  expect(await codeOf(() => openSigner(reference, always))).toBe("SIGSTORE_HTTP_UNAVAILABLE");
});

test("a service that hangs is given up on", async () => {
  const holder = holderOf("hashivault p256");
  const signer = await openSigner(holder.reference, ioOf(holder));
  holder.service.fault = "hang";
  const impatient = ioOf(holder, { http: (request) => http({ ...request, timeoutMs: 50 }) });
  expect(await codeOf(() => openSigner(holder.reference, impatient))).toBe("PIPELINE_HTTP_TIMEOUT");
  expect(signer.algorithm.name).toBe("ecdsa-p256-sha256");
});

describe("versions", () => {
  test("Vault: the one that is asked", async () => {
    const holder = holderOf("hashivault p256");
    const signer = await openSigner("hashivault://release?version=1", ioOf(holder));
    expect(base64(signer.spki)).toBe(older.spki.toString("base64"));
    await signer.sign({ message });
    expect(await codeOf(() => openSigner("hashivault://release?version=7", ioOf(holder)))).toBe(
      "SIGSTORE_KEY_SERVICE_RESPONSE",
    );
  });

  test("Google: the newest by number that is enabled", async () => {
    const holder = holderOf("gcpkms p256 1");
    const signer = await openSigner(`gcpkms://${gcpKey}`, ioOf(holder));
    expect(signer.algorithm.name).toBe("rsa-pkcs1-sha512");
    expect(await codeOf(() => openSigner(`gcpkms://${gcpKey}/versions/77`, ioOf(holder)))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
  });

  test("Azure and AWS: by version, id and alias", async () => {
    const azure = holderOf("azurekms p256");
    await openSigner(`${azure.reference}/${version}`, ioOf(azure));
    expect(await codeOf(() => openSigner(`${azure.reference}/${"e".repeat(32)}`, ioOf(azure)))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
    const aws = holderOf("awskms p256");
    const region = { ...aws, env: { ...aws.env, AWS_REGION: "eu-west-1" } };
    for (const key of ["alias/release", arn.slice(arn.lastIndexOf("/") + 1)]) {
      const signer = await openSigner(`awskms:///${key}`, ioOf(region));
      expect(base64(signer.spki)).toBe(held.p256.spki.toString("base64"));
      await signer.sign({ message });
    }
  });
});

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
    const files = { "/home/me/.vault-token": `${vaultToken}\n` };
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
    const login = { type: "authorized_user", client_id: "id", client_secret: azureSecret, refresh_token: vaultToken, token_uri: "https://evil.example/token" }; // prettier-ignore
    const file = "/home/me/.config/gcloud/application_default_credentials.json";
    const env = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: service.url, HOME: "/home/me" };
    const forms: string[] = [];
    const answering = (status: number, body: object): KeyIo =>
      ioOf(
        { env, files: { [file]: JSON.stringify(login) } },
        {
          http: (request) => {
            if (request.url !== "https://oauth2.googleapis.com/token") return http(request);
            forms.push(new TextDecoder().decode(request.body));
            return Promise.resolve({ status, headers: {}, body: utf8(JSON.stringify(body)) });
          },
        },
      );
    await openSigner(reference, answering(200, { access_token: gcpToken }));
    expect(Object.fromEntries(new URLSearchParams(forms[0]))).toEqual({ grant_type: "refresh_token", client_id: "id", client_secret: azureSecret, refresh_token: vaultToken }); // prettier-ignore
    const account = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/signer@acme.iam.gserviceaccount.com:generateAccessToken"; // prettier-ignore
    const asked: HttpRequest[] = [];
    const speaking = (url: string): KeyIo => {
      const json = { type: "impersonated_service_account", service_account_impersonation_url: url, source_credentials: login, delegates: [] }; // prettier-ignore
      const plain = answering(200, { access_token: azureToken });
      const answer = utf8(JSON.stringify({ accessToken: gcpToken, expireTime: "2026-11-25T12:10:00Z" }));
      return {
        ...plain,
        readFile: () => utf8(JSON.stringify(json)),
        http: (request) =>
          request.url === account
            ? Promise.resolve({ status: asked.push(request) === 1 ? 200 : 403, headers: {}, body: answer })
            : plain.http(request),
      };
    };
    await openSigner(reference, speaking(account));
    expect(asked[0]).toMatchObject({ method: "POST", headers: { authorization: `Bearer ${azureToken}` } });
    expect(JSON.parse(new TextDecoder().decode(asked[0]?.body))).toEqual({ scope: ["https://www.googleapis.com/auth/cloudkms"], lifetime: "600s", delegates: [] }); // prettier-ignore
    expect(await codeOf(() => openSigner(reference, speaking(account)))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    const elsewhere = account.replace("googleapis.com", "googleapis.com.evil.example");
    expect(await codeOf(() => openSigner(reference, speaking(elsewhere)))).toBe("SIGSTORE_KEY_CREDENTIALS");
    const revoked = answering(400, { error: "invalid_grant", error_description: `of ${vaultToken}` });
    expect(await codeOf(() => openSigner(reference, revoked))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
  });

  test("Azure: a federated token, and the identity of the machine", async () => {
    const { service, reference, env } = holderOf("azurekms p256");
    const { AZURE_CLIENT_SECRET: _, ...rest } = env;
    const federated = { ...rest, AZURE_FEDERATED_TOKEN_FILE: "token" };
    await openSigner(reference, ioOf({ env: federated, files: { token: `${azureSecret}\n` } }));
    await openSigner(reference, ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url } }));
    await openSigner(reference, ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url, AZURE_CLIENT_ID: "one-of-two" } })); // prettier-ignore
    expect(service.requests.at(-2)?.path).toMatch(/^\/metadata\/identity\/oauth2\/token\?.*&client_id=one-of-two$/);
    const wrong = ioOf({ env: { ...env, AZURE_CLIENT_SECRET: "another" } });
    expect(await codeOf(() => openSigner(reference, wrong))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    const nowhere = ioOf({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://127.0.0.1:1" } });
    expect(await codeOf(() => openSigner(reference, nowhere))).toBe("SIGSTORE_KEY_CREDENTIALS");
  });
});

describe("addresses", () => {
  test.each([
    "http://vault.example:8200",
    "ftp://127.0.0.1",
    "https://user:pass@vault.example",
    "vault.example",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "https://vault.example/?x=1",
  ])("nothing that can sign is sent to %s", async (address) => {
    const io = ioOf(
      { env: { VAULT_ADDR: address, VAULT_TOKEN: vaultToken } },
      { http: () => Promise.reject(new Error("sent")) },
    );
    expect(await codeOf(() => openSigner("hashivault://release", io))).toBe("SIGSTORE_KEY_ADDRESS");
  });

  test("a transit mount with path parts", async () => {
    const env = { ...holderOf("hashivault p256").env, TRANSIT_SECRET_ENGINE_PATH: "../sys" };
    expect(await codeOf(() => openSigner("hashivault://release", ioOf({ env })))).toBe("SIGSTORE_KEY_ADDRESS");
  });
});

describe("references", () => {
  test("a vault's name in capitals is the same vault", () =>
    expect(parseKeyReference("azurekms://Acme.Vault.Azure.net/Release")).toMatchObject({ host: "acme.vault.azure.net", name: "Release" })); // prettier-ignore

  test.each([
    "hashivault://",
    "hashivault://a/b",
    "hashivault://..",
    "hashivault://a?version=0",
    "hashivault://a?version=1&x=2",
    "hashivault://a%2fb",
    "awskms://",
    "awskms:///",
    "awskms:///arn:aws:kms:eu-west-1:1:key/x",
    "awskms:///arn:aws:s3:eu-west-1:111122223333:key/x",
    "awskms:///a b",
    "awskms://host/../x",
    "gcpkms://projects/p",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/0",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/1/x",
    "gcpkms://projects/p/../locations/l/keyRings/r/cryptoKeys/k",
    "azurekms://vault.azure.net/key",
    "azurekms://x.vault.azure.net",
    "azurekms://x.vault.azure.net/key/1",
    "azurekms://evil.example/key",
    "azurekms://x.vault.azure.net.evil.example/key",
    "azurekms://x.vault.azure.net:443@evil.example/key",
  ])("%s is none", async (reference) => {
    const io = ioOf({ env: {} }, { http: () => Promise.reject(new Error("sent")) });
    expect(await codeOf(() => openSigner(reference, io))).toBe("SIGSTORE_KEY_REFERENCE");
  });
});

test("a reference is read, a file or a typed error, whatever it is", () => {
  const piece = fc.constantFrom("awskms", "gcpkms", "azurekms", "hashivault", "env", "pkcs11:", "file", "://", "/", "?", "version=", "1", "alias/", "..", "%2f", "@", ".vault.azure.net", "é", "\n"); // prettier-ignore
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      try {
        const { kind } = parseKeyReference(text);
        expect(kind === "file" || text.startsWith(kind)).toBe(true);
        expect(kind === "file").toBe(isFileReference(text));
      } catch (error) {
        expect(error).toBeInstanceOf(TrustError);
      }
    }),
  );
});

test("AWS answers for another key than the one that was named", async () => {
  const holder = holderOf("awskms p256");
  const io = ioOf({ env: { ...holder.env, AWS_REGION: "eu-west-1" } });
  const deceived = (by: string): KeyIo => ({
    ...io,
    http: async (request) => {
      const response = await io.http(request);
      return { ...response, body: utf8(Buffer.from(response.body).toString("utf8").replaceAll(arn, by)) };
    },
  });
  const id = arn.slice(arn.lastIndexOf("/") + 1);
  for (const asked of [arn, id, "alias/release"]) {
    const open = (by: string): Promise<string> => codeOf(() => openSigner(`awskms:///${asked}`, deceived(by)));
    expect(await open(arn.replace(/.$/, "9"))).toBe(
      asked.startsWith("alias/") ? "nothing" : "SIGSTORE_KEY_SERVICE_RESPONSE",
    );
    expect(await open("no ARN")).toBe("SIGSTORE_KEY_SERVICE_RESPONSE");
  }
});

describe("what others compute", () => {
  test("Signature Version 4: AWS's test suite, post-vanilla", () => {
    const signer = {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      region: "us-east-1",
      service: "service",
    };
    const request = { url: "https://example.amazonaws.com/", headers: {}, body: new Uint8Array(0) };
    expect(signAwsRequest(request, signer, new Date("2015-08-30T12:36:00Z"))["authorization"]).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
  });

  test("CRC-32C: RFC 3720 appendix B.4", () => {
    expect(crc32c(utf8("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });
});
