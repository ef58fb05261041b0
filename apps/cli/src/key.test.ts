import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { keyTypes } from "@countersign/sigstore/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyTypeNames } from "./key-options.ts";
import { writeNewFiles } from "./secret-file.node.ts";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const password = "s3cret-for-tests";
const env = { COUNTERSIGN_PASSWORD: password };
const spkiOf = (pem: string): string => createPublicKey(pem).export({ type: "spki", format: "der" }).toString("base64");

/** A folder of its own, so that its listing tells of half-written files. */
function folderOf(name: string): { readonly base: string; readonly list: () => string[] } {
  const folder = stage.path(name);
  mkdirSync(folder);
  return { base: `${folder}/k`, list: () => readdirSync(folder).toSorted() };
}

describe("key generate", () => {
  test("offers the types that can be made", () => {
    expect(keyTypeNames).toEqual(keyTypes);
  });

  test.each(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-3072", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])(
    "%s: signs and verifies, encrypted, with the modes of a secret",
    async (type) => {
      const { base, list } = folderOf(`made-${type}`);
      const made = await stage.run(["key", "generate", "--type", type, "-o", base, "--json"], { env });
      expect(made).toMatchObject({ code: 0 });
      expect(list()).toEqual(["k.key", "k.pub"]);
      expect(textOf(`${base}.key`)).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
      expect(statSync(`${base}.key`).mode & 0o777).toBe(0o600);
      const file = stage.write(`for-${type}`, "content");
      // A log can hold digests only, which ML-DSA does not sign.
      const log = type.startsWith("ml-dsa") ? ["--danger-no-log"] : [];
      const signed = await stage.run(["sign", file, "--key", `${base}.key`, ...log, ...stage.signing], { env });
      expect(signed).toMatchObject({ code: 0 });
      const verify = ["verify", file, "--key", `${base}.pub`, ...log, ...stage.trust, "--json"];
      const outcome = await stage.run(verify);
      expect(outcome).toMatchObject({ code: 0 });
      const { keyid } = parsed(made);
      expect(JSON.stringify(parsed(outcome))).toContain(keyid);
    },
  );

  test("never overwrites, unless told to; then both halves are new", async () => {
    const { base, list } = folderOf("kept");
    const argv = ["key", "generate", "-o", base];
    expect(await stage.run(argv, { env })).toMatchObject({ code: 0 });
    const [secret, shown] = [textOf(`${base}.key`), textOf(`${base}.pub`)];
    const again = await stage.run(argv, { env });
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain("[CLI_OUTPUT_EXISTS]");
    expect([textOf(`${base}.key`), textOf(`${base}.pub`)]).toEqual([secret, shown]);
    expect(await stage.run([...argv, "--force"], { env })).toMatchObject({ code: 0 });
    expect(textOf(`${base}.key`)).not.toBe(secret);
    expect(textOf(`${base}.pub`)).not.toBe(shown);
    expect(list()).toEqual(["k.key", "k.pub"]);
  });

  test("a person types the password twice", async () => {
    const { base, list } = folderOf("typed");
    const argv = ["key", "generate", "-o", base];
    const differs = await stage.run(argv, { secrets: ["one", "two"] });
    expect(differs.stderr).toContain("[CLI_PASSWORD_DIFFERS]");
    const empty = await stage.run(argv, { secrets: [""] });
    expect(empty.stderr).toContain("[CLI_PASSWORD_NEEDED]");
    const nobody = await stage.run(argv);
    expect(nobody).toMatchObject({ code: 2 });
    expect(nobody.stderr).toContain("[CLI_PASSWORD_NEEDED]");
    expect(list()).toEqual([]);
    expect(await stage.run(argv, { secrets: ["same"] })).toMatchObject({ code: 0 });
  });

  test("an empty password is taken as cosign takes it, with a word about it", async () => {
    const { base } = folderOf("empty-password");
    const made = await stage.run(["key", "generate", "-o", base], { env: { COSIGN_PASSWORD: "" } });
    expect(made).toMatchObject({ code: 0 });
    expect(made.stderr).toContain("note: the password is empty");
    expect(await stage.run(["key", "public", `${base}.key`], { env: { COSIGN_PASSWORD: "" } })).toMatchObject({
      code: 0,
    });
  });

  test("--danger-unencrypted says so, and is never inherited", async () => {
    const { base } = folderOf("plain");
    const argv = ["key", "generate", "-o", base];
    const inherited = await stage.run(argv, { env: { COUNTERSIGN_DANGER_UNENCRYPTED: "1" } });
    expect(inherited.stderr).toContain("[CLI_PASSWORD_NEEDED]");
    const made = await stage.run([...argv, "--danger-unencrypted"]);
    expect(made.stderr).toContain("note: the private key is not encrypted");
    expect(textOf(`${base}.key`)).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  test("a folder that cannot be written to: nothing is left", async () => {
    const outcome = await stage.run(["key", "generate", "-o", stage.path("nowhere/k")], { env });
    expect(outcome).toMatchObject({ code: 3 });
    expect(outcome.stderr).toContain("[CLI_OUTPUT_FAILED]");
  });

  test("the public half cannot be written: the private one is taken back", () => {
    const { base, list } = folderOf("half");
    mkdirSync(`${base}.pub`);
    const files = [
      { path: `${base}.key`, text: "secret", mode: 0o600 },
      { path: `${base}.pub`, text: "shown", mode: 0o644 },
    ] as const;
    expect(() => writeNewFiles(files, "never")).toThrowError(expect.objectContaining({ code: "CLI_OUTPUT_EXISTS" }));
    expect(list()).toEqual(["k.pub"]);
    expect(() => writeNewFiles([{ ...files[1] }], "replace")).toThrowError(
      expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }),
    );
    expect(list()).toEqual(["k.pub"]);
  });
});

describe("key import", () => {
  test("from openssl, ssh-keygen and cosign's form; the source stays as it is", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const sealed = { cipher: "aes-256-cbc", passphrase: password, format: "pem" } as const;
    const sources = [
      stage.write("sec1.pem", pair.privateKey.export({ type: "sec1", format: "pem" })),
      stage.write("pkcs8.pem", pair.privateKey.export({ type: "pkcs8", ...sealed })),
    ];
    for (const source of sources) {
      const { base } = folderOf(`from-${source.slice(-10, -4).replace("/", "")}`);
      expect(await stage.run(["key", "import", source, "-o", base], { env })).toMatchObject({ code: 0 });
      expect(textOf(`${base}.pub`)).toBe(pair.publicKey.export({ type: "spki", format: "pem" }));
      const next = folderOf(`again-${source.slice(-10, -4).replace("/", "")}`).base;
      const fresh = stage.write("new-password", "another\n");
      const again = ["key", "import", `${base}.key`, "-o", next, "--new-password-file", fresh];
      expect(await stage.run(again, { env })).toMatchObject({ code: 0 });
      const shown = await stage.run(["key", "public", `${next}.key`], { env: { COUNTERSIGN_PASSWORD: "another" } });
      expect(shown.stdout).toBe(textOf(`${base}.pub`));
    }
  });

  test("SSH keys, without and with a passphrase", async () => {
    const folder = folderOf("ssh").base;
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder]);
    const imported = folderOf("ssh-taken");
    expect(await stage.run(["key", "import", folder, "-o", imported.base], { env })).toMatchObject({ code: 0 });
    const listed = execFileSync("ssh-keygen", ["-l", "-f", `${folder}.pub`], { encoding: "utf8" });
    const inspected = parsed(await stage.run(["key", "inspect", `${imported.base}.pub`, "--json"]));
    expect(listed).toContain(` ${String(inspected["ssh"])} `);
    execFileSync("ssh-keygen", ["-q", "-p", "-N", "passphrase", "-f", folder]);
    const sealed = parsed(await stage.run(["key", "inspect", folder, "--json"]));
    expect(sealed).toMatchObject({
      form: "OpenSSH's",
      encryption: expect.stringMatching(/^bcrypt_pbkdf \d+ rounds, aes-256-ctr$/),
    });
    const [closed, opened] = [folderOf("ssh-closed"), folderOf("ssh-opened")];
    const refused = await stage.run(["key", "import", folder, "-o", closed.base], { env });
    expect(refused.stderr).toContain("[SIGSTORE_KEY_PASSWORD_WRONG]");
    expect(closed.list()).toEqual([]);
    const taken = await stage.run(["key", "import", folder, "-o", opened.base], {
      env: { COUNTERSIGN_PASSWORD: "passphrase" },
    });
    expect(taken).toMatchObject({ code: 0 });
    expect(textOf(`${opened.base}.pub`)).toBe(textOf(`${imported.base}.pub`));
  });

  test.each([
    ["a public key", () => stage.makeKey("shown").public, "SIGSTORE_KEY_PUBLIC"],
    ["no key", () => stage.write("no-key", "hello"), "CLI_KEY_UNUSABLE"],
    [
      "a key in pieces",
      () => stage.write("cut", textOf(stage.makeKey("whole").secret).slice(0, 100)),
      "CLI_KEY_UNUSABLE",
    ],
    ["a key of a service", () => "hashivault://key", "CLI_KEY_ELSEWHERE"],
    ["a file that is not there", () => stage.path("not-there"), "CLI_FILE_MISSING"],
  ])("%s is refused, and nothing written", async (name, source, code) => {
    const { base, list } = folderOf(`not-${name.replaceAll(" ", "-")}`);
    const outcome = await stage.run(["key", "import", source(), "-o", base], { env });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(`[${code}]`);
    expect(list()).toEqual([]);
  });
});

describe("key public", () => {
  test("of a private key, a public key and an SSH line", async () => {
    const key = stage.makeKey("halves");
    for (const half of [key.secret, key.public])
      expect(await stage.run(["key", "public", half])).toMatchObject({ code: 0, stdout: textOf(key.public) });
    const asJson = parsed(await stage.run(["key", "public", key.secret, "--json"]));
    expect(asJson).toMatchObject({ schema: "countersign.public-key/v1", key: textOf(key.public) });
    const target = stage.path("halves.out");
    expect(await stage.run(["key", "public", key.secret, "-o", target])).toMatchObject({ code: 0, stdout: "" });
    expect(textOf(target)).toBe(textOf(key.public));
    expect((await stage.run(["key", "public", key.secret, "-o", target])).stderr).toContain("[CLI_OUTPUT_EXISTS]");
    expect(spkiOf(textOf(target))).toBe(spkiOf(textOf(key.public)));
  });
});

describe("key inspect", () => {
  test("an encrypted key: its outside without the password, all with it", async () => {
    const { base } = folderOf("looked-at");
    await stage.run(["key", "generate", "-o", base], { env });
    const closed = await stage.run(["key", "inspect", `${base}.key`]);
    expect(closed).toMatchObject({ code: 0 });
    expect(closed.stdout).toContain("scrypt N 65536 r 8 p 1, XSalsa20-Poly1305");
    expect(closed.stdout).toContain("not known before it is opened");
    const opened = parsed(await stage.run(["key", "inspect", `${base}.key`, "--json"], { env }));
    const shown = parsed(await stage.run(["key", "inspect", `${base}.pub`, "--json"]));
    for (const name of ["algorithm", "strength", "keyid", "hint", "ssh", "inToto", "tuf"])
      expect(opened[name]).toEqual(shown[name]);
    expect(opened).toMatchObject({ half: "private", strength: { bits: 128 }, algorithm: "ecdsa-p256-sha256" });
  });

  test("a private key that is not encrypted, OpenSSL's old form and PKCS#8", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const seal = { format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
    const open = await stage.run([
      "key",
      "inspect",
      stage.write("i1", pair.privateKey.export({ type: "pkcs8", format: "pem" })),
    ]);
    expect(open.stdout).toContain("none: whoever reads the file can sign");
    const old = await stage.run([
      "key",
      "inspect",
      stage.write("i2", pair.privateKey.export({ type: "sec1", ...seal })),
    ]);
    expect(old.stdout).toContain("OpenSSL's old form");
    const sealed = await stage.run([
      "key",
      "inspect",
      stage.write("i3", pair.privateKey.export({ type: "pkcs8", ...seal })),
    ]);
    expect(sealed.stdout).toMatch(/PBKDF2 sha256 \d+ rounds, aes-256-cbc/);
  });

  test("in-toto and TUF key ids are those of securesystemslib", async () => {
    // Made by securesystemslib's SSlibKey.from_crypto: SHA-256 of the canonical JSON of keytype, scheme and keyval.
    const pem = `-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n`;
    const inspected = parsed(await stage.run(["key", "inspect", stage.write("rfc8032.pub", pem), "--json"]));
    const value = {
      keytype: "ed25519",
      keyval: { public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" },
      scheme: "ed25519",
    };
    const { createHash } = await import("node:crypto");
    expect(inspected["tuf"]).toBe(createHash("sha256").update(JSON.stringify(value)).digest("hex"));
  });
});

test("modes are those of the first byte: a wide umask and a narrow folder change nothing", async () => {
  const before = process.umask(0);
  try {
    const { base } = folderOf("umask");
    await stage.run(["key", "generate", "-o", base], { env });
    expect(statSync(`${base}.key`).mode & 0o777).toBe(0o600);
    chmodSync(`${base}.key`, 0o400);
    expect(existsSync(`${base}.pub`)).toBe(true);
  } finally {
    process.umask(before);
  }
});
