import { readFileSync } from "node:fs";
import { base64, makeVerifier, parseBase64, formatPem, TrustError, utf8 } from "@countersign/core";
import { gitlabProtocol, loopbackHttp, startKeyService, type GitlabState, type KeyService } from "@countersign/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeKeyIo } from "./key-io.contract.ts";
import { parseKeyReference } from "./reference.ts";
import { openSigner, openVerifier, type KeyIo } from "./resolver.node.ts";

const rows = JSON.parse(readFileSync(new URL("../../vectors/keys/made.json", import.meta.url), "utf8")) as {
  readonly name: string;
  readonly password?: string;
  readonly key: string;
  readonly spki: string;
}[];
const sealed = rows.find(({ name }) => name.startsWith("sigstore p256")) ?? rows[0];
if (sealed === undefined) throw new Error("there are vectors");
const token = "glpat-TopSecretToken_1";
const pair = { COSIGN_PRIVATE_KEY: sealed.key, COSIGN_PUBLIC_KEY: formatPem("PUBLIC KEY", parseBase64(sealed.spki)) };
const password = sealed.password ?? "";

const services = new Map<string, KeyService>();
beforeAll(async () => {
  const add = async (name: string, state: Omit<GitlabState, "token">): Promise<void> =>
    void services.set(name, await startKeyService(gitlabProtocol({ token, ...state })));
  const whole = { ...pair, COSIGN_PASSWORD: password };
  await add("project", { holder: "projects", owner: "acme/tools/app", id: 42, variables: whole });
  await add("group", { holder: "groups", owner: "acme", id: 7, variables: whole });
  await add("no password", { holder: "projects", owner: "acme/app", id: 42, variables: pair });
  await add("no key", { holder: "projects", owner: "acme/app", id: 42, variables: {} });
});
afterEach(() => {
  for (const service of services.values()) service.fault = undefined;
});
afterAll(() => Promise.all([...services.values()].map((service) => service.close())));

const http: KeyIo["http"] = loopbackHttp;

function ioOf(name: string, env: Readonly<Record<string, string>> = {}, asked?: string): KeyIo {
  const own = { GITLAB_TOKEN: token, GITLAB_HOST: services.get(name)?.url ?? "", ...env };
  return makeKeyIo(own, {}, { password: () => Promise.resolve(asked), http });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "nothing";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
    for (const secret of [token, password, sealed?.key.slice(60, 90) ?? ""]) expect(said).not.toContain(secret);
    return error.code;
  }
}

describe("a pair as cosign puts it there", () => {
  test.each([
    ["a project by its path", "project", "gitlab://acme/tools/app"],
    ["a project by its number", "project", "gitlab://42"],
    ["a group by its path", "group", "gitlab://acme"],
    ["a group by its number", "group", "gitlab://7"],
  ])("%s: signs with the private half, shows the public one", async (_, name, reference) => {
    const message = utf8("release 1.0");
    const signer = await openSigner(reference, ioOf(name));
    expect(base64(signer.spki)).toBe(sealed.spki);
    expect(makeVerifier(signer.spki).verify(message, await signer.sign({ message }))).toBe(true);
    expect(base64((await openVerifier(reference, ioOf(name))).spki)).toBe(sealed.spki);
  });

  test("the password stands beside the key, or comes from where passwords come from", async () => {
    await openSigner("gitlab://42", ioOf("no password", {}, password));
    expect(await codeOf(openSigner("gitlab://42", ioOf("no password")))).toBe("SIGSTORE_KEY_PASSWORD_NEEDED");
    expect(await codeOf(openSigner("gitlab://42", ioOf("no password", {}, "wrong")))).toBe(
      "SIGSTORE_KEY_PASSWORD_WRONG",
    );
  });
});

describe("refused", () => {
  test.each<[string, string, Readonly<Record<string, string>>, string]>([
    ["no variable", "no key", {}, "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["no token", "project", { GITLAB_TOKEN: "" }, "SIGSTORE_KEY_CREDENTIALS"],
    ["a token of two lines", "project", { GITLAB_TOKEN: "a\nb" }, "SIGSTORE_KEY_CREDENTIALS"],
    ["another token", "project", { GITLAB_TOKEN: "glpat-other" }, "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["plain http to another machine", "project", { GITLAB_HOST: "http://gitlab.example" }, "SIGSTORE_KEY_ADDRESS"],
    ["no host name", "project", { GITLAB_HOST: "a b" }, "SIGSTORE_KEY_ADDRESS"],
  ])("%s", async (_, name, env, code) => {
    expect(await codeOf(openSigner("gitlab://42", ioOf(name, env)))).toBe(code);
  });

  test.each([
    ["other-name", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["refuse", "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
    ["huge", "PIPELINE_HTTP_TOO_LARGE"],
  ] as const)("a GitLab with %s", async (fault, code) => {
    const service = services.get("project") as KeyService;
    service.fault = fault;
    expect(await codeOf(openSigner("gitlab://42", ioOf("project")))).toBe(code);
  });

  test.each([
    "gitlab://",
    "gitlab:///x",
    "gitlab://a//b",
    "gitlab://a/../b",
    "gitlab://.",
    "gitlab://a b",
    "gitlab://a?b=c",
    "gitlab://-a",
    "gitlab://a@b",
  ])("%s", (text) => {
    // prettier-ignore
    expect(() => parseKeyReference(text)).toThrowError(expect.objectContaining({ code: "SIGSTORE_KEY_REFERENCE" }));
  });
});
