import { TrustError, utf8 } from "@countersign/core";
import { awsIdentityProtocol, loopbackHttp, startKeyService, type KeyService } from "@countersign/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findAwsCredentials, findAwsRegion } from "./aws-credentials.ts";
import { makeKeyIo } from "./key-io.contract.ts";
import type { KeyIo } from "./resolver.node.ts";

const secrets = ["TheSecretAccessKey/+123", "TheSessionToken//==", "eyJ.web-identity.token", "container-authorization"];
const [secretAccessKey = "", sessionToken = "", webToken = "", containerToken = ""] = secrets;
const credentials = { accessKeyId: "ASIAEXAMPLE", secretAccessKey, sessionToken };
const role = "arn:aws:iam::111122223333:role/signer";
let service: KeyService;
beforeAll(async () => {
  const state = { ...credentials, role, webToken, containerToken, instanceRole: "instance-role" };
  service = await startKeyService(awsIdentityProtocol(state));
});
beforeEach(() => {
  service.fault = undefined;
  service.requests.length = 0;
});
afterAll(() => service.close());

type Env = Readonly<Record<string, string>>;

function ioOf(env: Env, files: Env = {}): KeyIo {
  const http: KeyIo["http"] = (request) =>
    loopbackHttp(service.fault === "hang" ? { ...request, timeoutMs: 100 } : request);
  return makeKeyIo(env, files, { http });
}

async function outcomeOf(env: Env, files: Env = {}): Promise<unknown> {
  const nobody = { AWS_EC2_METADATA_DISABLED: "true" };
  try {
    return await findAwsCredentials("eu-west-1", ioOf({ ...nobody, ...env }, files));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
    for (const secret of secrets) expect(said).not.toContain(secret);
    return error.code;
  }
}

const web = (): Env => ({
  AWS_ROLE_ARN: role,
  AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  AWS_ENDPOINT_URL_STS: service.url,
});
const container = (): Env => ({
  AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/container`,
  AWS_CONTAINER_AUTHORIZATION_TOKEN: containerToken,
});
const machine = (): Env => ({ AWS_EC2_METADATA_DISABLED: "false", AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url });
const pair = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "own" };
const profiles = `# a comment
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = default/secret
[ release ]
aws_access_key_id=AKIDRELEASE
aws_secret_access_key=release/secret
aws_session_token = release-token
[sso]
sso_session = corp
`;

describe("the first place that has some", () => {
  test("variables, before all else", async () => {
    const everything = { ...pair, ...web(), ...container(), ...machine() };
    expect(await outcomeOf(everything)).toEqual({ accessKeyId: "AKID", secretAccessKey: "own" });
    expect(await outcomeOf({ ...pair, AWS_SESSION_TOKEN: "t" })).toMatchObject({ sessionToken: "t" });
    expect(service.requests).toEqual([]);
  });

  test("a role by web identity, as CI jobs and pods of EKS have it", async () => {
    expect(await outcomeOf({ ...web(), ...container() }, { "/token": `${webToken}\n` })).toEqual(credentials);
    expect(await outcomeOf({ ...web(), AWS_ROLE_SESSION_NAME: "run-42" }, { "/token": webToken })).toEqual(credentials);
    expect(service.requests.at(-1)?.body.toString()).toContain("RoleSessionName=run-42");
  });

  test("the keys of a profile", async () => {
    const files = { "/home/.aws/credentials": profiles, "/elsewhere": profiles };
    const release = { accessKeyId: "AKIDRELEASE", secretAccessKey: "release/secret", sessionToken: "release-token" };
    expect(await outcomeOf({ HOME: "/home" }, files)).toEqual({ accessKeyId: "AKIDDEFAULT", secretAccessKey: "default/secret" }); // prettier-ignore
    expect(await outcomeOf({ HOME: "/home", AWS_PROFILE: "release" }, files)).toEqual(release);
    expect(await outcomeOf({ AWS_SHARED_CREDENTIALS_FILE: "/elsewhere", AWS_PROFILE: "release" }, files)).toEqual(
      release,
    );
  });

  test("what the other file says of the profile, its region as well", async () => {
    const config = "[default]\nregion = us-east-2\n[profile ci]\nregion=eu-north-1\naws_access_key_id = AKIDCONFIG\naws_secret_access_key = config/secret\n"; // prettier-ignore
    const files = { "/home/.aws/config": config, "/home/.aws/credentials": "[ci]\naws_access_key_id = AKIDSHARED\n", "/own": config }; // prettier-ignore
    const ci = { HOME: "/home", AWS_PROFILE: "ci" };
    expect(await outcomeOf(ci, files)).toEqual({ accessKeyId: "AKIDSHARED", secretAccessKey: "config/secret" });
    expect(findAwsRegion(ioOf(ci, files))).toBe("eu-north-1");
    expect(findAwsRegion(ioOf({ HOME: "/home" }, files))).toBe("us-east-2");
    expect(findAwsRegion(ioOf({ AWS_CONFIG_FILE: "/own", AWS_PROFILE: "ci" }, files))).toBe("eu-north-1");
    expect(findAwsRegion(ioOf({ HOME: "/elsewhere" }, files))).toBeUndefined();
  });

  test("the role of a container: ECS, and EKS Pod Identity with its token in a file", async () => {
    expect(await outcomeOf({ ...container(), ...machine() })).toEqual(credentials);
    const { AWS_CONTAINER_AUTHORIZATION_TOKEN: _, ...rest } = container();
    const inFile = { ...rest, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/pod" };
    expect(await outcomeOf(inFile, { "/pod": containerToken })).toEqual(credentials);
  });

  test("the role of the machine, by version 2 of its metadata alone", async () => {
    expect(await outcomeOf(machine())).toEqual(credentials);
    expect(service.requests.map(({ method }) => method)).toEqual(["PUT", "GET", "GET"]);
  });
});

describe("refused", () => {
  const half = { AWS_ACCESS_KEY_ID: "AKID" };
  test.each<[string, () => Env, Env?]>([
    ["nothing anywhere", () => ({})],
    ["half of a pair, whatever else there is", () => ({ ...half, ...web() }), { "/token": webToken }],
    [
      "a profile that is not there",
      () => ({ HOME: "/home", AWS_PROFILE: "other" }),
      { "/home/.aws/credentials": profiles },
    ],
    [
      "a profile of single sign-on",
      () => ({ HOME: "/home", AWS_PROFILE: "sso" }),
      { "/home/.aws/credentials": profiles },
    ],
    ["a profile, and no file", () => ({ HOME: "/home", AWS_PROFILE: "release" })],
    [
      "half of a pair in the default profile, whatever else there is",
      () => ({ HOME: "/home", ...container() }),
      { "/home/.aws/credentials": "[default]\naws_access_key_id = AKID\n" },
    ],
    ["a container's address elsewhere", () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://evil.example/c" })],
    ["a container's address that is none", () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: "x" })],
    ["a container's token of two lines", () => ({ ...container(), AWS_CONTAINER_AUTHORIZATION_TOKEN: "a\nb" })],
    ["a machine without metadata", () => ({ ...machine(), AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:9" })],
  ])("%s", async (_, env, files) => {
    expect(await outcomeOf(env(), files)).toBe("SIGSTORE_KEY_CREDENTIALS");
  });

  test.each(["refuse", "busy"] as const)("a machine whose metadata are those of somebody else: %s", async (fault) => {
    service.fault = fault;
    expect(await outcomeOf(machine())).toBe("SIGSTORE_KEY_CREDENTIALS");
  });

  test("a machine without a role", async () => {
    const bare = await startKeyService((request) =>
      request.method === "PUT" ? { status: 200, body: "token" } : { status: 404, body: "" },
    );
    const env = { AWS_EC2_METADATA_DISABLED: "false", AWS_EC2_METADATA_SERVICE_ENDPOINT: bare.url };
    expect(await outcomeOf(env)).toBe("SIGSTORE_KEY_CREDENTIALS");
    await bare.close();
  });

  test("a token or role that STS does not take", async () => {
    expect(await outcomeOf(web(), { "/token": "another" })).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    expect(await outcomeOf({ ...container(), AWS_CONTAINER_AUTHORIZATION_TOKEN: "x" })).toBe("SIGSTORE_KEY_SERVICE_REFUSED"); // prettier-ignore
  });

  test("a web identity's token that is not there, and an STS over plain http", async () => {
    expect(await outcomeOf(web())).toBe("SIGSTORE_KEY_CREDENTIALS_FILE");
    const plain = { ...web(), AWS_ENDPOINT_URL_STS: "http://sts.example" };
    expect(await outcomeOf(plain, { "/token": webToken })).toBe("SIGSTORE_KEY_ADDRESS");
  });

  test.each(["no-json", "no-members"] as const)("an answer with %s", async (fault) => {
    service.fault = fault;
    expect(await outcomeOf(web(), { "/token": webToken })).toBe("SIGSTORE_KEY_SERVICE_RESPONSE");
    expect(await outcomeOf(container())).toBe("SIGSTORE_KEY_SERVICE_RESPONSE");
  });

  test.each(["echo-secrets", "huge", "busy", "hang"] as const)("%s: no secret is repeated", async (fault) => {
    service.fault = fault;
    expect(await outcomeOf(web(), { "/token": webToken })).toMatch(
      /^(?:SIGSTORE_KEY_SERVICE|SIGSTORE_HTTP|PIPELINE_HTTP)_/,
    );
    expect(await outcomeOf(container())).toMatch(/^(?:SIGSTORE_KEY_SERVICE|SIGSTORE_HTTP|PIPELINE_HTTP)_/);
  });

  test("XML that names a key twice, or none", async () => {
    const xml = (inner: string): string => `<R><Credentials>${inner}</Credentials></R>`;
    const one = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey><SessionToken>C</SessionToken>";
    for (const body of [
      xml(`${one}<AccessKeyId>D</AccessKeyId>`),
      xml(""),
      xml(one) + xml(one),
      xml(one.replace("B", "&lt;")),
    ]) {
      // prettier-ignore
      const answers = { ...ioOf(web(), { "/token": webToken }), http: () => Promise.resolve({ status: 200, headers: {}, body: utf8(body) }) }; // prettier-ignore
      await expect(findAwsCredentials("eu-west-1", answers)).rejects.toMatchObject({
        code: "SIGSTORE_KEY_SERVICE_RESPONSE",
      });
    }
  });
});
