import { randomBytes } from "node:crypto";
import { TrustError } from "@countersign/core";
import { startLocalSigstore, type ContentFaultKind, type LocalSigstore } from "@countersign/local-sigstore";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { codeOf } from "../vectors/format-sample.ts";
import { overWire } from "../vectors/over-wire.ts";
import { awaitDevice, startDevice, type DeviceLogin } from "./device.ts";
import { checkIssuerUrl, discoverIssuer, type Issuer } from "./issuer.ts";
import { checkAnswer, redeemCode, startLogin, type Login } from "./login.ts";
import { makeProofKey } from "./proof-key.ts";
import type { Caller } from "./request.ts";

let stack: LocalSigstore;
let issuer: Issuer;
/** The time of provider and client, which only waiting moves. */
let nowMs = Date.UTC(2026, 10, 25);
const now = (): Date => new Date(nowMs);
const waits: number[] = [];
const caller: Caller = {
  http: overWire,
  sleep: (ms) => {
    nowMs += ms;
    waits.push(ms);
    return Promise.resolve();
  },
};
const random = (count: number): Uint8Array => new Uint8Array(randomBytes(count));
const redirectUri = "http://127.0.0.1:1/callback";

beforeAll(async () => {
  stack = await startLocalSigstore({ now, witnesses: 0 });
  issuer = await discoverIssuer(caller, stack.url);
});
afterEach(() => {
  stack.faults.clear();
  waits.length = 0;
});
afterAll(() => stack.close());

const begin = (clientId?: string): Login =>
  startLogin({ issuer, redirectUri, random, ...(clientId === undefined ? {} : { clientId }) });

/** What a person and a browser do: the page, a name, and the address that the browser is sent to. */
async function browse(login: Login, more: Readonly<Record<string, string>> = {}): Promise<URLSearchParams> {
  const page = await fetch(login.url);
  expect(await page.text()).toContain('name="email"');
  const url = new URL(login.url.replace("/auth?", "/auth/login?"));
  for (const [name, value] of Object.entries({ email: "ada@example.com", ...more })) url.searchParams.set(name, value);
  const answer = await fetch(url, { redirect: "manual" });
  expect(answer.status).toBe(302);
  return new URL(answer.headers.get("location") ?? "").searchParams;
}

async function refusalOf(making: Promise<unknown>): Promise<TrustError> {
  const error = await making.then(
    (made) => new Error(`made ${JSON.stringify(made)}`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof TrustError) return error;
  throw error;
}

function messageOf(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return (error as Error).message;
  }
}

async function signIn(login: Login): Promise<string> {
  const token = await redeemCode(caller, login, checkAnswer(login, await browse(login)), nowMs);
  return token.email ?? "";
}

describe("discovery", () => {
  test("the issuer's endpoints", () => {
    expect(issuer).toEqual({
      issuer: stack.url,
      authorizationEndpoint: `${stack.url}/auth`,
      tokenEndpoint: `${stack.url}/token`,
      deviceEndpoint: `${stack.url}/device/code`,
      namesItself: true,
    });
  });

  test("one that names another issuer, or only nearly this one", async () => {
    stack.faults.set("oidc", { kind: "wrong-metadata", times: 1 });
    expect((await refusalOf(discoverIssuer(caller, stack.url))).code).toBe("SIGSTORE_ISSUER_MISMATCH");
    expect((await refusalOf(discoverIssuer(caller, `${stack.url}/`))).code).toBe("SIGSTORE_ISSUER_MISMATCH");
  });

  test.each(["garbage", "cut-body"] as const)("%s instead of a description", async (kind) => {
    stack.faults.set("oidc", { kind, times: 1 });
    expect((await refusalOf(discoverIssuer(caller, stack.url))).code).toBe("SIGSTORE_ISSUER_RESPONSE");
  });

  test("an endpoint without https is none, even of an issuer with it", async () => {
    const description = {
      issuer: "https://issuer.example",
      authorization_endpoint: "https://issuer.example/auth",
      token_endpoint: "http://127.0.0.1:1/token",
    };
    const http: Caller["http"] = () =>
      Promise.resolve({ status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(description)) });
    const error = await refusalOf(discoverIssuer({ ...caller, http }, "https://issuer.example"));
    expect(error.code).toBe("SIGSTORE_ISSUER_RESPONSE");
  });

  test.each([
    "http://issuer.example",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "https://user@issuer.example",
    "https://issuer.example?x",
    "https://issuer.example#x",
    "ftp://issuer.example",
    "issuer.example",
    "",
  ])("%j is no issuer", (url) => expect(codeOf(() => checkIssuerUrl(url))).toBe("SIGSTORE_ISSUER_URL"));

  test.each(["https://oauth2.sigstore.dev/auth", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"])(
    "%s is one",
    (url) => expect(codeOf(() => checkIssuerUrl(url))).toBe("accepted"),
  );
});

describe("in a browser", () => {
  test("with PKCE, state and nonce a person gets a token for the client", async () => {
    const login = begin();
    const asked = new URL(login.url).searchParams;
    expect(asked.get("code_challenge_method")).toBe("S256");
    expect(login.url).not.toContain(login.verifier);
    expect(await signIn(login)).toBe("ada@example.com");
  });

  test("each sign-in has secrets of its own", () => {
    const [one, other] = [begin(), begin()];
    for (const name of ["state", "nonce", "verifier"] as const) {
      expect(one[name]).toMatch(/^[\w-]{43}$/);
      expect(one[name]).not.toBe(other[name]);
    }
    const key = makeProofKey((count) => new Uint8Array(count));
    // RFC 7636: SHA-256 of the ASCII of the verifier.
    expect(key.challenge).toBe("DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo");
  });

  test.each<[ContentFaultKind, string]>([
    ["wrong-state", "SIGSTORE_LOGIN_STATE"],
    ["wrong-response-issuer", "SIGSTORE_ISSUER_MISMATCH"],
    ["no-response-issuer", "SIGSTORE_ISSUER_MISMATCH"],
    ["denied", "SIGSTORE_LOGIN_DENIED"],
    ["wrong-client", "SIGSTORE_LOGIN_REFUSED"],
    ["expired-code", "SIGSTORE_LOGIN_REFUSED"],
    ["wrong-nonce", "SIGSTORE_TOKEN_NONCE"],
    ["wrong-audience", "SIGSTORE_TOKEN_AUDIENCE"],
    ["wrong-issuer", "SIGSTORE_TOKEN_ISSUER"],
    ["expired", "SIGSTORE_TOKEN_EXPIRED"],
  ])("%s: %s, and no secret in the message", async (kind, code) => {
    stack.faults.set("oidc", { kind, times: 1 });
    const login = begin();
    const error = await refusalOf(signIn(login));
    expect(error.code).toBe(code);
    for (const secret of [login.state, login.nonce, login.verifier]) {
      expect(error.message).not.toContain(secret.slice(0, 8));
      expect(JSON.stringify(error.detail)).not.toContain(secret.slice(0, 8));
    }
  });

  test("mix-up: the answer of another issuer, which does not name itself", async () => {
    const login = startLogin({ issuer: { ...issuer, namesItself: false }, redirectUri, random });
    const query = await browse(login);
    query.set("iss", "https://issuer.example");
    expect(codeOf(() => checkAnswer(login, query))).toBe("SIGSTORE_ISSUER_MISMATCH");
    query.delete("iss");
    expect(codeOf(() => checkAnswer(login, query))).toBe("accepted");
  });

  test("a code that was stolen is nothing without the verifier, and good once", async () => {
    const login = begin();
    const code = checkAnswer(login, await browse(login));
    const thief = { ...login, verifier: begin().verifier };
    expect((await refusalOf(redeemCode(caller, thief, code, nowMs))).code).toBe("SIGSTORE_LOGIN_REFUSED");
    const again = begin();
    const used = checkAnswer(again, await browse(again));
    await redeemCode(caller, again, used, nowMs);
    expect((await refusalOf(redeemCode(caller, again, used, nowMs))).code).toBe("SIGSTORE_LOGIN_REFUSED");
  });

  test("a code made for another client", async () => {
    const other = begin("another");
    const code = checkAnswer(other, await browse(other));
    const login = begin();
    const error = await refusalOf(redeemCode(caller, { ...login, verifier: other.verifier }, code, nowMs));
    expect(error).toMatchObject({
      code: "SIGSTORE_LOGIN_REFUSED",
      detail: { got: 'invalid_grant, "authorization_code"' },
    });
    expect(error.message).not.toContain(code.slice(0, 8));
  });

  test("nothing but a right answer is taken", () => {
    const login = begin();
    const right = { state: login.state, iss: issuer.issuer, code: "c" };
    expect(codeOf(() => checkAnswer(login, new URLSearchParams(right)))).toBe("accepted");
    for (const [name, code] of [
      ["state", "SIGSTORE_LOGIN_STATE"],
      ["iss", "SIGSTORE_ISSUER_MISMATCH"],
      ["code", "SIGSTORE_LOGIN_REFUSED"],
    ] as const) {
      const without = new URLSearchParams(right);
      without.delete(name);
      expect(codeOf(() => checkAnswer(login, without))).toBe(code);
      const twice = new URLSearchParams(right);
      twice.append(name, "x");
      expect(codeOf(() => checkAnswer(login, twice))).toBe("SIGSTORE_LOGIN_STATE");
    }
    fc.assert(
      fc.property(fc.string(), fc.string(), (state, iss) => {
        const query = new URLSearchParams({ ...right, state, iss });
        expect(codeOf(() => checkAnswer(login, query))).not.toBe("accepted");
      }),
    );
  });

  test.each(["garbage", "cut-body"] as const)("%s instead of a token", async (kind) => {
    const login = begin();
    const code = checkAnswer(login, await browse(login));
    stack.faults.set("oidc", { kind, times: 1 });
    const error = await refusalOf(redeemCode(caller, login, code, nowMs));
    expect(error.code).toBe("SIGSTORE_ISSUER_RESPONSE");
    expect(error.message).not.toMatch(/eyJ/);
  });

  test("why an issuer refuses is said, in its words, but for our secrets and what steers a terminal", async () => {
    const login = begin();
    const answer = (description: string): string =>
      JSON.stringify({ error: "invalid_grant", error_description: description });
    const gotOf = async (body: string): Promise<string | undefined> => {
      stack.faults.set("oidc", { kind: "status", status: 400, body, times: 1 });
      return (await refusalOf(redeemCode(caller, login, "the-code", nowMs))).detail.got;
    };
    expect(await gotOf(answer("unregistered redirect_uri\u001b[2J"))).toBe(
      'invalid_grant, "unregistered redirect_uri\\u001b[2J"',
    );
    expect((await gotOf(answer("x".repeat(9000))))?.length).toBeLessThan(300);
    for (const hidden of [answer(`verifier ${login.verifier}`), answer("code the-code"), answer("")])
      expect(await gotOf(hidden)).toBe("invalid_grant");
    expect(await gotOf('{"error":"invalid_grant","error_description":["x"]}')).toBe("invalid_grant");
    const refused = { state: login.state, iss: issuer.issuer, error: "server_error" };
    const fromBrowser = (error_description: string): string =>
      messageOf(() => checkAnswer(login, new URLSearchParams({ ...refused, error_description })));
    expect(fromBrowser("AADSTS50011: no such address\u202e")).toContain('"AADSTS50011: no such address\\u202e"');
    expect(fromBrowser(`of ${login.nonce}`)).not.toContain(login.nonce.slice(0, 6));
  });

  test("what the issuer repeats of our secrets does not get into a message", async () => {
    const login = begin();
    const body = `{"error":"${login.verifier}","id_token":["${login.verifier}"]}`;
    stack.faults.set("oidc", { kind: "status", status: 400, body, times: 1 });
    const error = await refusalOf(redeemCode(caller, login, "code", nowMs));
    expect(error.code).toBe("SIGSTORE_LOGIN_REFUSED");
    expect(error.message).not.toContain(login.verifier.slice(0, 8));
  });
});

describe("without a browser", () => {
  const start = (): Promise<DeviceLogin> => startDevice(caller, { issuer, random, now });
  const approve = (login: DeviceLogin, more = ""): Promise<Response> =>
    fetch(`${stack.url}/device/approve?user_code=${login.userCode}&email=ada@example.com${more}`);

  test("a person signs in elsewhere while the device asks now and then", async () => {
    const login = await start();
    expect(login).toMatchObject({ url: `${stack.url}/device`, intervalMs: 5000, expiresMs: nowMs + 300_000 });
    let asked = 0;
    const patient: Caller = {
      ...caller,
      sleep: async (ms) => {
        if (++asked === 3) await approve(login);
        await caller.sleep(ms);
      },
    };
    expect((await awaitDevice(patient, login, now)).email).toBe("ada@example.com");
    expect(waits).toEqual([5000, 5000, 5000]);
  });

  test("slower when it is told to", async () => {
    const login = await start();
    await approve(login);
    stack.faults.set("oidc", { kind: "slow-down", times: 2 });
    expect((await awaitDevice(caller, login, now)).email).toBe("ada@example.com");
    expect(waits).toEqual([5000, 10_000, 15_000]);
  });

  test("slower also where that is status 429, as Auth0 says it: asked once each time, not three times", async () => {
    const login = await start();
    await approve(login);
    const body = "Too many requests";
    stack.faults.set("oidc", { kind: "status", status: 429, body, times: 1 });
    expect((await awaitDevice(caller, login, now)).email).toBe("ada@example.com");
    expect(waits).toEqual([5000, 10_000]);
  });

  test.each([
    [3, "ada@example.com", [5000, 10_000, 20_000, 40_000]],
    [4, "SIGSTORE_HTTP_UNAVAILABLE", [5000, 10_000, 20_000, 40_000]],
  ] as const)("a network that fails for %d questions: %s, and the pauses grow", async (times, outcome, pauses) => {
    const login = await start();
    await approve(login);
    stack.faults.set("oidc", { kind: "status", status: 503, body: "", times });
    const signedIn = await awaitDevice(caller, login, now).then(
      ({ email }) => email,
      (error: unknown) => (error as TrustError).code,
    );
    expect([signedIn, waits]).toEqual([outcome, pauses]);
  });

  test("somebody says no", async () => {
    const login = await start();
    await approve(login, "&deny=1");
    expect((await refusalOf(awaitDevice(caller, login, now))).code).toBe("SIGSTORE_LOGIN_DENIED");
  });

  test.each([
    ["nobody comes", undefined],
    ["the issuer says so", "expired-code"],
  ] as const)("in time: %s", async (_, kind) => {
    const login = await start();
    if (kind !== undefined) stack.faults.set("oidc", { kind, times: 1 });
    expect((await refusalOf(awaitDevice(caller, login, now))).code).toBe("SIGSTORE_LOGIN_EXPIRED");
    expect(nowMs).toBeLessThanOrEqual(login.expiresMs);
  });

  test("a code that is taken by another client, or without the verifier", async () => {
    for (const change of [{ clientId: "another" }, { verifier: "x".repeat(43) }]) {
      const login = await start();
      await approve(login);
      const error = await refusalOf(awaitDevice(caller, { ...login, ...change }, now));
      expect(error.code).toBe("SIGSTORE_LOGIN_REFUSED");
    }
  });

  test("a token for somebody else's client", async () => {
    const login = await start();
    await approve(login);
    stack.faults.set("oidc", { kind: "wrong-audience", times: 1 });
    expect((await refusalOf(awaitDevice(caller, login, now))).code).toBe("SIGSTORE_TOKEN_AUDIENCE");
  });

  test("an issuer that has no such sign-in", async () => {
    const { deviceEndpoint: _none, ...plain } = issuer;
    expect((await refusalOf(startDevice(caller, { issuer: plain, random, now }))).code).toBe(
      "SIGSTORE_ISSUER_NO_DEVICE",
    );
  });

  test.each([
    ["an address that is none", { verification_uri: "javascript:alert(1)" }],
    ["an address that steers the terminal", { verification_uri: "http://127.0.0.1/\u001b[2J" }],
    ["no end", { expires_in: 0 }],
    ["no pause", { interval: -1 }],
    ["no code", { device_code: 7 }],
  ])("%s in the answer", async (_, change) => {
    const good = {
      device_code: "d",
      user_code: "u",
      verification_uri: `${stack.url}/device`,
      expires_in: 60,
      interval: 1,
    };
    stack.faults.set("oidc", { kind: "status", status: 200, body: JSON.stringify({ ...good, ...change }), times: 1 });
    expect((await refusalOf(start())).code).toBe("SIGSTORE_ISSUER_RESPONSE");
  });
});
