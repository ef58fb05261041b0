import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base64, digestOf, makeVerifier, TrustError, utf8, type AlgorithmName } from "@countersign/core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ck, type Attribute, type Mechanism, type Pkcs11Module, type Pkcs11Package } from "./pkcs11-module.node.ts";
import { openSigner, openVerifier, type KeyIo } from "./resolver.node.ts";

// `npm run test:pkcs11` installs the package and runs this with real tokens of SoftHSM.
const packagePath = process.env["COUNTERSIGN_TEST_PKCS11JS"] ?? "";
const modulePath =
  ["/usr/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"].find(existsSync) ?? "";
const isHere = packagePath !== "" && modulePath !== "";

/** What making a key takes besides. */
interface KeyMaker extends Pkcs11Module {
  C_GenerateKeyPair(
    session: Buffer,
    mechanism: Mechanism,
    publicHalf: readonly Attribute[],
    privateHalf: readonly Attribute[],
  ): unknown;
  C_CloseSession(session: Buffer): void;
  C_Finalize(): void;
}

const [pin, wrongPin] = ["918273", "564738"];
const message = utf8("release 1.0");

function ioOf(more: Partial<KeyIo> = {}): KeyIo {
  return {
    env: { COUNTERSIGN_PKCS11_MODULE: modulePath, COUNTERSIGN_PKCS11_PIN: pin },
    now: () => new Date("2026-11-25T12:00:00Z"),
    sleep: () => Promise.resolve(),
    http: () => Promise.reject(new Error("sent")),
    readFile: (path) => new Uint8Array(readFileSync(path)),
    readIfPresent: () => undefined,
    // What opens key files must never be tried as a PIN.
    password: () => Promise.resolve(wrongPin),
    pin: () => Promise.resolve(undefined),
    // oxlint-disable-next-line typescript/require-await -- an import is asynchronous, too
    openCluster: () => Promise.reject(new Error("not here")),
    loadPkcs11: async () => createRequire(import.meta.url)(packagePath) as Pkcs11Package,
    ...more,
  };
}

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "nothing";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    for (const secret of [pin, wrongPin]) {
      expect(`${error.message} ${error.fix} ${String(error.cause)} ${error.stack ?? ""}`).not.toContain(secret);
    }
    return error.code;
  }
}

describe("without a token", () => {
  test("the package is not installed, or no library is named", async () => {
    const missing = ioOf({ loadPkcs11: () => Promise.reject(new Error("Cannot find package")) });
    const named = { ...missing, env: { PKCS11_MODULE_PATH: "/nowhere.so" } };
    expect(await codeOf(() => openSigner("pkcs11:object=k", named))).toBe("SIGSTORE_KEY_PKCS11_MISSING");
    expect(await codeOf(() => openSigner("pkcs11:object=k", { ...missing, env: {} }))).toBe(
      "SIGSTORE_KEY_PKCS11_MODULE",
    );
  });
});

describe.skipIf(!isHere)("with SoftHSM", () => {
  const keys = {
    p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    p521: generateKeyPairSync("ec", { namedCurve: "P-521" }),
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ed25519: generateKeyPairSync("ed25519"),
  };
  const names = Object.keys(keys) as (keyof typeof keys)[];
  const folder = mkdtempSync(join(tmpdir(), "countersign-pkcs11-"));
  const util = (...argv: readonly string[]): string => execFileSync("softhsm2-util", argv, { encoding: "utf8" });

  beforeAll(() => {
    mkdirSync(join(folder, "tokens"));
    const configuration = join(folder, "softhsm2.conf");
    writeFileSync(
      configuration,
      `directories.tokendir = ${join(folder, "tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    vi.stubEnv("SOFTHSM2_CONF", configuration);
    for (const label of ["release token", "other"])
      util("--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "11223344");
    for (const [at, name] of names.entries()) importKey("release token", name, `0${at + 1}`, name);
    importKey("release token", "p256", "a1", "twice");
    importKey("release token", "p384", "a2", "twice");
    importKey("other", "p256", "01", "p256");
    makeGuardedKey("release token", "guarded");
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  function importKey(token: string, name: keyof typeof keys, id: string, label: string): void {
    const file = join(folder, `${name}.pem`);
    writeFileSync(file, keys[name].privateKey.export({ type: "pkcs8", format: "pem" }));
    util("--import", file, "--token", token, "--label", label, "--id", id, "--pin", pin);
  }

  /** softhsm2-util cannot make a key that wants the PIN for each signature, as PIV tokens have one. */
  function makeGuardedKey(token: string, label: string): void {
    const { PKCS11 } = createRequire(import.meta.url)(packagePath) as { readonly PKCS11: new () => KeyMaker };
    const module = new PKCS11();
    module.load(modulePath);
    module.C_Initialize();
    const slot = module.C_GetSlotList(true).find((each) => module.C_GetTokenInfo(each).label.trimEnd() === token);
    const session = module.C_OpenSession(slot as Buffer, ck.CKF_SERIAL_SESSION | 2);
    module.C_Login(session, ck.CKU_USER, pin);
    const isTrue = (type: number): Attribute => ({ type, value: true });
    const [isOnToken, isPrivate, maySign, mayVerify] = [isTrue(0x1), isTrue(0x2), isTrue(0x108), isTrue(0x10a)];
    const named = [{ type: ck.CKA_LABEL, value: label }, isOnToken] as const;
    const curve = { type: ck.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex") };
    const guarded = isTrue(ck.CKA_ALWAYS_AUTHENTICATE);
    module.C_GenerateKeyPair(session, { mechanism: 0x1040 }, [...named, mayVerify, curve], [...named, maySign, isPrivate, guarded]); // prettier-ignore
    module.C_CloseSession(session);
    module.C_Finalize();
  }

  const spkiOf = (name: keyof typeof keys): string =>
    createPublicKey(keys[name].privateKey).export({ type: "spki", format: "der" }).toString("base64");
  const uri = (label: string, more = ""): string => `pkcs11:token=release%20token;object=${label}${more}`;

  const algorithms: Readonly<Record<keyof typeof keys, readonly AlgorithmName[]>> = {
    p256: ["ecdsa-p256-sha256"],
    p384: ["ecdsa-p384-sha384"],
    p521: ["ecdsa-p521-sha512"],
    rsa: ["rsa-pkcs1-sha256", "rsa-pkcs1-sha512", "rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512"],
    ed25519: ["ed25519"],
  };

  test.each(names)("%s: signs a message and a digest, and shows its public half", async (name) => {
    for (const algorithm of algorithms[name]) {
      const options = { algorithm: () => algorithm };
      const signer = await openSigner(uri(name), ioOf(), options);
      expect(base64(signer.spki)).toBe(spkiOf(name));
      const verifier = makeVerifier(signer.spki, algorithm);
      expect(verifier.verify(message, await signer.sign({ message }))).toBe(true);
      const { hash } = verifier.algorithm;
      if (hash === undefined) continue;
      expect(verifier.verify(message, await signer.sign({ digest: digestOf(hash, message) }))).toBe(true);
    }
    expect((await openVerifier(uri(name), ioOf())).keyid).toBe((await openSigner(uri(name), ioOf())).keyid);
  });

  test("by id, and with the library in the URI", async () => {
    const byId = `pkcs11:token=release%20token;id=%01;type=private?module-path=${modulePath}`;
    const signer = await openSigner(byId, ioOf({ env: { COSIGN_PKCS11_PIN: pin } }));
    expect(base64(signer.spki)).toBe(spkiOf("p256"));
    await expect(signer.sign({ message })).resolves.toBeInstanceOf(Uint8Array);
  });

  test.each([
    ["pin-value", `?pin-value=${pin}`, {}],
    ["pin-source", `?pin-source=file:${join(folder, "pin")}`, {}],
    ["a person", "", { pin: () => Promise.resolve(pin) }],
  ])("the PIN from %s", async (_, query, more) => {
    writeFileSync(join(folder, "pin"), `${pin}\n`);
    const signer = await openSigner(
      uri("p256", query),
      ioOf({ env: { COUNTERSIGN_PKCS11_MODULE: modulePath }, ...more }),
    );
    await expect(signer.sign({ message })).resolves.toBeInstanceOf(Uint8Array);
  });

  test("a key that wants the PIN for each signature", async () => {
    const signer = await openSigner(uri("guarded"), ioOf());
    const verifier = makeVerifier(signer.spki);
    for (const text of [message, utf8("release 1.1")])
      expect(verifier.verify(text, await signer.sign({ message: text }))).toBe(true);
  });

  // In a process of its own each: a token stays open for all sessions of a process once the PIN was right.
  test.each([
    ["wrong", `?pin-value=${wrongPin}`, "SIGSTORE_KEY_PIN_WRONG"],
    ["too short", "?pin-value=1", "SIGSTORE_KEY_PIN_WRONG"],
    ["absent", "", "SIGSTORE_KEY_PIN_NEEDED"],
    ["not text", `?pin-source=${join(folder, "binary")}`, "SIGSTORE_KEY_PIN_NEEDED"],
  ])("a PIN that is %s", async (_, query, code) => {
    writeFileSync(join(folder, "binary"), Uint8Array.of(0xff, 0xfe));
    const env = { COUNTERSIGN_PKCS11_MODULE: modulePath };
    const signer = await openSigner(`pkcs11:token=other;object=p256${query}`, ioOf({ env }));
    expect(await codeOf(() => signer.sign({ message }))).toBe(code);
  });

  test.each([
    ["no such token", "pkcs11:token=nobody;object=p256"],
    ["several tokens", "pkcs11:object=p256"],
    ["no such key", uri("nothing")],
    ["several keys", uri("twice")],
    ["another slot", uri("p256", ";slot-id=0")],
  ])("%s: SIGSTORE_KEY_PKCS11_NOT_FOUND", async (_, reference) => {
    expect(await codeOf(() => openSigner(reference, ioOf()))).toBe("SIGSTORE_KEY_PKCS11_NOT_FOUND");
  });

  test("a library that is none", async () => {
    const io = ioOf({ env: { COUNTERSIGN_PKCS11_MODULE: join(folder, "softhsm2.conf") } });
    expect(await codeOf(() => openSigner(uri("p256"), io))).toBe("SIGSTORE_KEY_PKCS11_MODULE");
  });

  /** The package with a module that is changed. */
  function changed(change: (module: InstanceType<Pkcs11Package["PKCS11"]>) => void): Partial<KeyIo> {
    const real = createRequire(import.meta.url)(packagePath) as Pkcs11Package;
    const PKCS11 = class extends real.PKCS11 {
      constructor() {
        super();
        change(this);
      }
    };
    return { loadPkcs11: () => Promise.resolve({ PKCS11 }) };
  }

  test("a token with a pad takes the PIN there, and nobody else is asked", async () => {
    const pins: (string | undefined)[] = [];
    const pad = changed((module) => {
      const { C_GetTokenInfo: infoOf, C_Login: logIn } = module;
      module.C_GetTokenInfo = (slot) => {
        const info = infoOf.call(module, slot);
        return { ...info, flags: info.flags | ck.CKF_PROTECTED_AUTHENTICATION_PATH };
      };
      module.C_Login = (session, user, given) => {
        pins.push(given);
        logIn.call(module, session, user, pin);
      };
    });
    const io = ioOf({ ...pad, env: { COUNTERSIGN_PKCS11_MODULE: modulePath }, pin: () => Promise.reject(new Error("asked")) }); // prettier-ignore
    const signer = await openSigner(uri("guarded"), io);
    expect(makeVerifier(signer.spki).verify(message, await signer.sign({ message }))).toBe(true);
    expect(pins).toEqual([undefined, undefined]);
  });

  test("a token that fails, or signs with another key", async () => {
    const failing = await openSigner(uri("p256"), ioOf(changed((module) => (module.C_SignInit = () => { throw Object.assign(new Error(pin), { code: 0x30 }); })))); // prettier-ignore
    expect(await codeOf(() => failing.sign({ message }))).toBe("SIGSTORE_KEY_PKCS11_FAILED");
    const lying = await openSigner(uri("p256"), ioOf(changed((module) => (module.C_Sign = () => Buffer.alloc(64, 7)))));
    expect(await codeOf(() => lying.sign({ message }))).toBe("SIGSTORE_KEY_SIGNATURE");
  });
});
