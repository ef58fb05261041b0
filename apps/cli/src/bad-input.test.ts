import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

/*
 * What must be refused with a code and a hint of its own, before anything is written: each bad input once, as a user meets it.
 * The files where each code is made have the finer tests.
 */
let stage: Stage;
let signed = "";
beforeAll(async () => {
  stage = await setStage();
  signed = await stage.sign("good.tgz");
});
afterEach(() => stage.sigstore.faults.clear());
afterAll(() => stage.close());

/** Every file of the stage with its digest, but for the state of the local Sigstore itself. */
function everyFile(): readonly string[] {
  const names = readdirSync(stage.folder, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const ours = files.filter((path) => !path.startsWith(stage.path("sigstore")));
  return ours.map((path) => `${path} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`).toSorted();
}

interface Bad {
  readonly argv: readonly string[];
  readonly code: string;
  readonly exit: number;
  readonly hint: RegExp;
}

const sign = (...how: readonly string[]): readonly string[] => [
  "sign",
  stage.write("new.tgz", "x"),
  ...stage.signing,
  ...how,
];
const keyless = (): readonly string[] => sign("--identity-token", stage.path("token.jwt"));
const token = async (claims: Parameters<Stage["sigstore"]["token"]>[0]): Promise<string> =>
  stage.write("bad.jwt", await stage.sigstore.token(claims));
const verify = (...how: readonly string[]): readonly string[] => ["verify", signed, "--bundle", `${signed}.sigstore.json`, ...stage.trust, ...how]; // prettier-ignore
const policyOf = (identity: object): string =>
  stage.write("bad-policy.json", JSON.stringify({ version: "countersign.policy/v1", signers: [{ identity, issuer: stage.sigstore.url }] })); // prettier-ignore
const faulty = (...fault: Parameters<Stage["sigstore"]["faults"]["set"]>): readonly string[] => {
  stage.sigstore.faults.set(...fault);
  return keyless();
};
const json = (name: string): Record<string, object[]> =>
  JSON.parse(textOf(stage.path(`sigstore/${name}`))) as Record<string, object[]>;

const bad: readonly (readonly [string, () => Bad | Promise<Bad>])[] = [
  [
    "an unparsable token",
    () => ({
      argv: sign("--identity-token", stage.write("bad.jwt", "eyJhbGciOiJFUzI1NiJ9.eyJub25zZW5zZSI6.c2VjcmV0c2VjcmV0")),
      code: "SIGSTORE_TOKEN_MALFORMED",
      exit: 2,
      hint: /fresh identity token/,
    }),
  ],
  [
    "what is no token at all",
    () => ({
      argv: sign("--identity-token", stage.write("bad.jwt", "nonsense")),
      code: "CLI_TOKEN_UNREADABLE",
      exit: 2,
      hint: /begins with eyJ/,
    }),
  ],
  [
    "an expired one",
    async () => ({
      argv: sign("--identity-token", await token({ email: stage.identity, expiresInSeconds: -60 })),
      code: "SIGSTORE_TOKEN_EXPIRED",
      exit: 2,
      hint: /fresh identity token/,
    }),
  ],
  [
    "a token for another audience",
    async () => ({
      argv: sign("--identity-token", await token({ email: stage.identity, audience: "npm" })),
      code: "SIGSTORE_TOKEN_AUDIENCE",
      exit: 2,
      hint: /audience sigstore/,
    }),
  ],
  [
    "a Fulcio that answers another key",
    () => ({
      argv: faulty("fulcio", { kind: "wrong-key" }),
      code: "SIGSTORE_FULCIO_RESPONSE",
      exit: 1,
      hint: /nothing was written/,
    }),
  ],
  [
    "a log that answers another entry",
    () => ({
      argv: faulty("rekor", { kind: "wrong-entry" }),
      code: "SIGSTORE_REKOR_RESPONSE",
      exit: 1,
      hint: /nothing was written/,
    }),
  ],
  [
    "a TSA that signs another hash",
    () => ({
      argv: faulty("tsa", { kind: "wrong-hash" }),
      code: "SIGSTORE_TSA_RESPONSE",
      exit: 1,
      hint: /nothing was written/,
    }),
  ],
  [
    "a signing config with no service valid now",
    () => {
      const past = { start: "2001-01-01T00:00:00Z", end: "2002-01-01T00:00:00Z" };
      const config = json("signing_config.json");
      const caUrls = (config["caUrls"] ?? []).map((each) => ({ ...each, validFor: past }));
      const path = stage.write("past.json", JSON.stringify({ ...config, caUrls }));
      const argv = ["sign", stage.write("new.tgz", "x"), "--signing-config", path, ...stage.trust, "--identity-token", stage.path("token.jwt")]; // prettier-ignore
      return { argv, code: "SIGSTORE_SERVICE_NONE", exit: 2, hint: /update the signing config/ };
    },
  ],
  [
    "a signing config that is none: its name is said",
    () => ({
      argv: [
        "sign",
        stage.write("new.tgz", "x"),
        "--signing-config",
        stage.write("page.json", "<html>"),
        ...stage.trust,
      ],
      code: "CORE_JSON_MALFORMED",
      exit: 1,
      hint: /fetch the file again/,
    }),
  ],
  [
    "an encrypted key with absurd scrypt parameters",
    () => {
      const body = { kdf: { name: "scrypt", params: { N: 2 ** 30, r: 8, p: 1 }, salt: "AAAAAAAAAAA=" }, cipher: { name: "nacl/secretbox", nonce: Buffer.alloc(24).toString("base64") }, ciphertext: "AAAA" }; // prettier-ignore
      const label = "ENCRYPTED SIGSTORE PRIVATE KEY";
      const pem = `-----BEGIN ${label}-----\n${Buffer.from(JSON.stringify(body)).toString("base64")}\n-----END ${label}-----\n`;
      const argv = sign("--key", stage.write("absurd.pem", pem));
      return { argv, code: "SIGSTORE_KEY_WORK", exit: 1, hint: /do not use the file/ };
    },
  ],
  [
    "an SSH key with absurd rounds",
    () => ({
      argv: sign("--key", stage.write("absurd-ssh.pem", sshKey(2 ** 31))),
      code: "SIGSTORE_KEY_WORK",
      exit: 1,
      hint: /do not use the file/,
    }),
  ],
  [
    "a policy with a pattern that no linear engine matches",
    () => ({
      argv: verify("--policy", policyOf({ pattern: "(.*)\\1" })),
      code: "POLICY_PATTERN_INVALID",
      exit: 2,
      hint: /RE2/,
    }),
  ],
  [
    "a policy with a pattern that grows beyond measure",
    () => ({
      argv: verify("--policy", policyOf({ pattern: "((a{500}){500}){500}" })),
      code: "POLICY_PATTERN_INVALID",
      exit: 2,
      hint: /RE2/,
    }),
  ],
  [
    "an output that is there and is no bundle",
    () => ({
      argv: sign("--identity-token", stage.path("token.jwt"), "--bundle", stage.write("other.tgz", "\u001f\u008b\b")),
      code: "CLI_OUTPUT_SECRET",
      exit: 2,
      hint: /another output file/,
    }),
  ],
  [
    "a jsonl line that is cut",
    () => {
      const whole = JSON.stringify(JSON.parse(textOf(`${signed}.sigstore.json`)));
      const lines = stage.write("cut.jsonl", `${whole}\n${whole.slice(0, 200)}`);
      const argv = ["verify", signed, "--bundles", lines, ...stage.trust, ...stage.expected];
      return { argv, code: "CLI_BUNDLE_LINE_CUT", exit: 1, hint: /./ };
    },
  ],
];

describe("bad input: a code and a hint of its own, and nothing is written", () => {
  test.each(bad)("%s", async (_, make) => {
    const { argv, code, exit, hint } = await make();
    const before = everyFile();
    const logged = stage.sigstore.rekor.tree.size();
    const outcome = await stage.run([...argv, "--json"]);
    expect(outcome.stderr).toContain(`[${code}]`);
    expect(/hint: (.*)/.exec(outcome.stderr)?.[1] ?? "").toMatch(hint);
    expect(outcome.code).toBe(exit);
    expect(parsed(outcome)).toMatchObject({ exitCode: exit });
    expect(everyFile()).toEqual(before);
    const isLogsFault = code === "SIGSTORE_REKOR_RESPONSE";
    if (!isLogsFault) expect(stage.sigstore.rekor.tree.size()).toBe(logged);
  });
});

describe("bad input that stops nothing, or says no", () => {
  test("a member of the signing config that is not known, and a way that others can read: told", async () => {
    const config = json("signing_config.json") as Record<string, object>;
    const caUrls = (config["caUrls"] as object[]).map((each) => ({ ...each, url: "http://fulcio.invalid" }));
    const path = stage.write("odd.json", JSON.stringify({ ...config, caUrls, colour: "red" }));
    const argv = ["sign", stage.write("new.tgz", "x"), "--signing-config", path, ...stage.trust];
    const outcome = await stage.run([...argv, "--identity-token", "eyJ.e30.c2ln"]);
    expect(outcome.stderr).toMatch(/warning: .*"colour".* \[SIGSTORE_SIGNING_CONFIG_MEMBER\]/);
    expect(outcome.stderr).toContain("note: the identity token goes over plain http");
    const key = stage.makeKey("quiet").secret;
    expect((await stage.run([...argv, "--key", key])).stderr).not.toContain("note:");
  });

  test("a trusted root with one broken key: a warning with its code, the rest counts", async () => {
    const root = json("trusted_root.json");
    const [log = {}] = (root["tlogs"] ?? []) as Record<string, object>[];
    const broken = { ...log, publicKey: { ...log["publicKey"], rawBytes: "AAAA" }, logId: { keyId: Buffer.alloc(32, 7).toString("base64") } }; // prettier-ignore
    const path = stage.write("broken.json", JSON.stringify({ ...root, tlogs: [...(root["tlogs"] ?? []), broken] }));
    const before = everyFile();
    const argv = ["verify", signed, "--bundle", `${signed}.sigstore.json`, "--trusted-root", path, ...stage.expected];
    const outcome = await stage.run([...argv, "--json"]);
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain("[SIGSTORE_TRUST_ROOT_LOG_SKIPPED]");
    expect(everyFile()).toEqual(before);
  });

  test("an unanchored pattern matches the whole value or nothing", async () => {
    for (const part of ["example\\.com", "releases", "^releases"]) {
      const outcome = await stage.run(verify("--policy", policyOf({ pattern: part })));
      expect([outcome.code, /\[(\w+)\]/.exec(outcome.stderr)?.[1]]).toEqual([1, "POLICY_IDENTITY_MISMATCH"]);
    }
    expect((await stage.run(verify("--policy", policyOf({ pattern: "releases@example\\.com" })))).code).toBe(0);
  });

  test("a pattern that is exponential elsewhere takes no time here", async () => {
    const started = process.threadCpuUsage();
    expect((await stage.run(verify("--policy", policyOf({ pattern: "(([a-z]+)+[@.]?)+!" })))).code).toBe(1);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(5000);
  });
});

/** As OpenSSH lays an encrypted key out. */
function sshKey(rounds: number): string {
  const string = (content: Uint8Array | string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([length, Buffer.from(content)]);
  };
  const work = Buffer.alloc(4);
  work.writeUInt32BE(rounds);
  const shown = Buffer.concat([string("ssh-ed25519"), string(Buffer.alloc(32, 9))]);
  const options = Buffer.concat([string(Buffer.alloc(16)), work]);
  const parts = [string("aes256-ctr"), string("bcrypt"), string(options), Buffer.from([0, 0, 0, 1]), string(shown), string(Buffer.alloc(32))]; // prettier-ignore
  const body = Buffer.concat([Buffer.from("openssh-key-v1\0"), ...parts]).toString("base64");
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.replaceAll(/(.{70})/g, "$1\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
