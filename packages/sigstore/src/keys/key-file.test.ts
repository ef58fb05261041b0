import { base64, formatPem, makeVerifier, parseBase64, parsePem, TrustError, utf8 } from "@countersign/core";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openPrivateKey, openPublicKey, parseKeyFile } from "./key-file.node.ts";
import { formatSealedKey } from "./sealed-key.node.ts";

interface Made {
  readonly name: string;
  readonly password?: string;
  readonly key: string;
  readonly spki: string;
}

const made = JSON.parse(readFileSync(new URL("../../vectors/keys/made.json", import.meta.url), "utf8")) as Made[];
const rowOf = (name: string): Made => made.find((row) => row.name === name) as Made;
const password = "correct horse ü";
const knows = { password: () => Promise.resolve(password) };
const nobody = { password: () => Promise.resolve(undefined) };

/** Opens what may be either half; gives the public half, or the code of the error, which must not repeat the key. */
async function outcomeOf(key: string | Uint8Array, io: { password: () => Promise<string | undefined> } = knows) {
  const bytes = typeof key === "string" ? utf8(key) : key;
  try {
    const file = parseKeyFile(bytes);
    const { spki } = file.half === "public" ? openPublicKey(file) : await openPrivateKey(file, "the key", io);
    return base64(spki);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${String(error.cause)}`;
    for (const line of Buffer.from(bytes)
      .toString("utf8")
      .split("\n")
      .filter((each) => /^[\w+/=]{16,}$/.test(each)))
      expect(said).not.toContain(line.slice(0, 16));
    expect(said).not.toContain(password);
    return error.code as string;
  }
}

describe("what openssl, ssh-keygen and cosign's own library wrote", () => {
  test.each(made)("$name", async ({ key, spki, password: own }) => {
    const asked: string[] = [];
    const ask = (name: string): Promise<string | undefined> => {
      asked.push(name);
      return Promise.resolve(own);
    };
    expect(await outcomeOf(key, { password: ask as () => Promise<string | undefined> })).toBe(spki);
    expect(asked).toEqual(own === undefined ? [] : ["the key"]);
  });

  test("cosign's older label says the same", async () => {
    const { key, spki } = rowOf("sigstore p256 (Go sigstore/sigstore)");
    expect(await outcomeOf(key.replaceAll("SIGSTORE", "COSIGN"))).toBe(spki);
  });

  test("a byte order mark, and the line ends of Windows", async () => {
    const { key, spki } = rowOf("pkcs8 p256");
    expect(await outcomeOf(`\uFEFF${key.replaceAll("\n", "\r\n")}`)).toBe(spki);
  });

  test("DER of each form", async () => {
    for (const name of ["pkcs8 p256", "sec1 p256", "pbes2 default"]) {
      const { key, spki } = rowOf(name);
      expect(await outcomeOf(parsePem(key)[0]?.bytes ?? new Uint8Array(0))).toBe(spki);
    }
    const { spki } = rowOf("pkcs8 rsa");
    expect(await outcomeOf(parseBase64(spki))).toBe(spki);
  });
});

describe("what we write", () => {
  test("opens again, under no other password, and is never the same twice", async () => {
    const [block] = parsePem(rowOf("pkcs8 p256").key);
    const der = block?.bytes ?? new Uint8Array(0);
    const [one, other] = [await formatSealedKey(der, password), await formatSealedKey(der, password)];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
    expect(await outcomeOf(one)).toBe(rowOf("pkcs8 p256").spki);
    expect(await outcomeOf(one, { password: () => Promise.resolve("wrong") })).toBe("SIGSTORE_KEY_PASSWORD_WRONG");
  });
});

describe("refused", () => {
  test.each(made.filter((row) => row.password !== undefined))("$name: wrong and absent passwords", async ({ key }) => {
    expect(await outcomeOf(key, { password: () => Promise.resolve("Correct horse ü") })).toBe(
      "SIGSTORE_KEY_PASSWORD_WRONG",
    );
    expect(await outcomeOf(key, nobody)).toBe("SIGSTORE_KEY_PASSWORD_NEEDED");
  });

  test("OpenSSL's old encryption", async () => {
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const legacy = ec.export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
    expect(await outcomeOf(legacy)).toBe("SIGSTORE_KEY_LEGACY");
  });

  test.each([
    ["a cipher that is not known here", { cipher: "chacha20-poly1305@openssh.com" }, "SIGSTORE_KEY_SSH_ENCRYPTED"],
    ["another derivation", { kdf: "scrypt" }, "SIGSTORE_KEY_SSH_ENCRYPTED"],
    ["a cipher without derivation", { kdf: "none" }, "SIGSTORE_KEY_SSH_ENCRYPTED"],
    ["a derivation without cipher", { cipher: "none" }, "SIGSTORE_KEY_SSH_ENCRYPTED"],
    ["absurd rounds", { options: sshOptions(16, 2 ** 32 - 1) }, "SIGSTORE_KEY_WORK"],
    ["no round", { options: sshOptions(16, 0) }, "SIGSTORE_KEY_WORK"],
    ["no salt", { options: sshOptions(0, 2) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    ["a huge salt", { options: sshOptions(65, 2) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    ["no options", { options: Buffer.alloc(0) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    [
      "options and more",
      { options: Buffer.concat([sshOptions(16, 2), Buffer.alloc(1)]) },
      "SIGSTORE_KEY_FILE_MALFORMED",
    ],
    ["a part of a block", { sealed: Buffer.alloc(17) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    ["nothing inside", { sealed: Buffer.alloc(0) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    ["a tag where the cipher has none", { tag: Buffer.alloc(16) }, "SIGSTORE_KEY_FILE_MALFORMED"],
    ["no tag", { cipher: "aes256-gcm@openssh.com" }, "SIGSTORE_KEY_FILE_MALFORMED"],
  ])("an SSH key with %s, before a passphrase is asked for", async (_, change, code) => {
    expect(await outcomeOf(sealedSsh(change), asksNobody)).toBe(code);
  });

  test("an SSH key whose tag is not its own", async () => {
    const der = Buffer.from(parsePem(rowOf("openssh ed25519 256, aes128-gcm@openssh.com").key)[0]?.bytes ?? []);
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect(await outcomeOf(formatPem("OPENSSH PRIVATE KEY", der))).toBe("SIGSTORE_KEY_PASSWORD_WRONG");
  });

  test.each([
    ["nothing", ""],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["text", "hello"],
    ["a security key of SSH", "sk-ssh-ed25519@openssh.com AAAAGnNr me"],
    [
      "an SSH line whose type is not the one inside",
      rowOf("openssh rsa 2048 public").key.replace("ssh-rsa", "ssh-dss"),
    ],
    ["two SSH lines", rowOf("openssh rsa 2048 public").key.repeat(2)],
    ["an SSH line without a key", "ssh-ed25519 "],
    [
      "an SSH line with a number that would take minutes to read, were it as long as it could be",
      `ssh-rsa ${Buffer.concat(["ssh-rsa", "\u0003", "U".repeat(2000)].map(sshString)).toString("base64")}`,
    ],
    ["two keys", rowOf("sigstore p256 (Go sigstore/sigstore)").key.repeat(2)],
    ["bytes", new Uint8Array([0x30, 0x80, 1, 2])],
    ["other bytes", new Uint8Array([0xff, 0xfe, 1, 2])],
    ["DER of something else", new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x00])],
    ["a large file", new Uint8Array(300_000)],
  ])("%s", async (_, key) => {
    expect(await outcomeOf(key)).toBe("SIGSTORE_KEY_FILE_MALFORMED");
  });

  test("the half that is not asked for", async () => {
    const [secret, shown] = [parseKeyFile(utf8(rowOf("pkcs8 p256").key)), parseKeyFile(utf8(publicPem("pkcs8 p256")))];
    expect(() => openPublicKey(secret)).toThrowError(expect.objectContaining({ code: "SIGSTORE_KEY_PRIVATE" }));
    await expect(openPrivateKey(shown, "it", knows)).rejects.toMatchObject({ code: "SIGSTORE_KEY_PUBLIC" });
  });

  test("a public half that is not its own", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = pair.privateKey.export({ type: "sec1", format: "der" });
    const mixed = Buffer.concat([
      der.subarray(0, -65),
      stranger.publicKey.export({ type: "spki", format: "der" }).subarray(-65),
    ]);
    const outcome = await outcomeOf(formatPem("EC PRIVATE KEY", mixed));
    expect(["SIGSTORE_KEY_FILE_MALFORMED", "CORE_PRIVATE_KEY_MALFORMED"]).toContain(outcome);
  });
});

describe("work", () => {
  const absurd = [
    { N: 2 ** 30, r: 8, p: 1 },
    { N: 65_536, r: 2 ** 20, p: 1 },
    { N: 65_536, r: 8, p: 2 ** 30 },
    { N: 2 ** 18, r: 8, p: 64 },
    { N: 2, r: 2 ** 20, p: 2 },
    { N: 65_535, r: 8, p: 1 },
    { N: 1, r: 8, p: 1 },
    { N: 0, r: 0, p: 0 },
    { N: -65_536, r: 8, p: 1 },
    { N: 65_536.5, r: 8, p: 1 },
    { N: 1e300, r: 8, p: 1 },
  ];
  test.each(absurd)("cosign's file with scrypt %j is refused before a password is asked for", async (params) => {
    const json = sealedJson();
    const text = JSON.stringify({ ...json, kdf: { ...json.kdf, params } });
    expect(await outcomeOf(formatPem("ENCRYPTED SIGSTORE PRIVATE KEY", utf8(text)), asksNobody)).toBe(
      "SIGSTORE_KEY_WORK",
    );
  });

  test("the most that is borne opens once there is a password; a step more does not", async () => {
    const outcome = (N: number): Promise<string> => {
      const json = sealedJson();
      const text = JSON.stringify({ ...json, kdf: { ...json.kdf, params: { N, r: 8, p: 1 } } });
      return outcomeOf(formatPem("ENCRYPTED SIGSTORE PRIVATE KEY", utf8(text)), nobody);
    };
    expect(await outcome(2 ** 18)).toBe("SIGSTORE_KEY_PASSWORD_NEEDED");
    expect(await outcome(2 ** 19)).toBe("SIGSTORE_KEY_WORK");
  });

  test("what takes longer than a second is told before the work, and nothing else is", async () => {
    const told = async (key: string): Promise<string> => {
      // Thrown, so that the work is not done.
      const slow = (name: string, work: string): never => {
        throw new Error(`${name}: ${work}`);
      };
      return openPrivateKey(parseKeyFile(utf8(key)), "k", { ...knows, slow }).then(
        () => "opened",
        (error: unknown) => (error instanceof TrustError ? error.code : String(error)),
      );
    };
    const json = sealedJson();
    const sealed = JSON.stringify({ ...json, kdf: { ...json.kdf, params: { N: 2 ** 18, r: 8, p: 1 } } });
    const der = Buffer.from(parsePem(rowOf("pbes2 default").key)[0]?.bytes ?? []);
    const slower = withBytes(der, der.indexOf(Buffer.from("02020800", "hex")), 4, Buffer.from("020400989680", "hex"));
    expect(await told(formatPem("ENCRYPTED SIGSTORE PRIVATE KEY", utf8(sealed)))).toBe(
      "Error: k: 2097152 rounds of scrypt",
    );
    expect(await told(formatPem("ENCRYPTED PRIVATE KEY", slower))).toBe("Error: k: 10000000 rounds of PBKDF2");
    expect(await told(sealedSsh({ options: sshOptions(16, 65) }))).toBe("Error: k: 65 rounds of bcrypt_pbkdf");
    expect(await told(sealedSsh({ options: sshOptions(16, 24) }))).toBe("SIGSTORE_KEY_PASSWORD_WRONG");
    expect(await told(rowOf("pbes2 default").key)).toBe("opened");
  });

  test("PKCS#8 with absurd PBKDF2 rounds or scrypt", async () => {
    for (const name of ["pbes2 default", "pbes2 scrypt"]) {
      const der = Buffer.from(parsePem(rowOf(name).key)[0]?.bytes ?? []);
      // Rounds 2048 and N 16384, each an INTEGER of two bytes, become one of four.
      const old = name === "pbes2 default" ? "02020800" : "02024000";
      const at = der.indexOf(Buffer.from(old, "hex"));
      expect(at).toBeGreaterThan(0);
      const grown = withBytes(der, at, 4, Buffer.from("020440000000", "hex"));
      expect(await outcomeOf(formatPem("ENCRYPTED PRIVATE KEY", grown), asksNobody)).toBe("SIGSTORE_KEY_WORK");
    }
  });

  test("PKCS#8 under PBES1 or an unknown cipher", async () => {
    const der = Buffer.from(parsePem(rowOf("pbes2 default").key)[0]?.bytes ?? []);
    const oid = Buffer.from("06092a864886f70d01050d", "hex");
    const pbes1 = Buffer.from("06092a864886f70d010503", "hex");
    const changed = Buffer.from(der);
    pbes1.copy(changed, der.indexOf(oid));
    expect(await outcomeOf(formatPem("ENCRYPTED PRIVATE KEY", changed), asksNobody)).toBe("SIGSTORE_KEY_CIPHER");
  });
});

describe("damage", () => {
  test("every member of cosign's file: dropped, of another type, of another length", async () => {
    const paths = [["kdf"], ["kdf", "name"], ["kdf", "params"], ["kdf", "params", "N"], ["kdf", "params", "r"], ["kdf", "params", "p"], ["kdf", "salt"], ["cipher"], ["cipher", "name"], ["cipher", "nonce"], ["ciphertext"]]; // prettier-ignore
    const codes = new Set<string>();
    for (const path of paths) {
      for (const value of [undefined, null, 0, 7, "", "AA==", "not base64!", {}, [], true]) {
        const json = sealedJson();
        let holder = json as unknown as Record<string, unknown>;
        for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
        holder[path.at(-1) ?? ""] = value;
        const outcome = await outcomeOf(
          formatPem("ENCRYPTED SIGSTORE PRIVATE KEY", utf8(JSON.stringify(json))),
          nobody,
        );
        codes.add(outcome);
      }
    }
    // A short ciphertext is right in form; that it does not open is found when there is a password.
    expect([...codes].toSorted()).toEqual([
      "SIGSTORE_KEY_FILE_MALFORMED",
      "SIGSTORE_KEY_PASSWORD_NEEDED",
      "SIGSTORE_KEY_WORK",
    ]);
    const empty = { ...sealedJson(), ciphertext: "AA==" };
    const text = formatPem("ENCRYPTED SIGSTORE PRIVATE KEY", utf8(JSON.stringify(empty)));
    expect(await outcomeOf(text)).toBe("SIGSTORE_KEY_PASSWORD_WRONG");
  });

  test.each(
    made
      .filter((row) => row.password === undefined || row.name === "pbes2 default" || row.name.endsWith("3des-cbc"))
      .map(({ name, key }) => [name, key]),
  )("%s: cut or flipped anywhere, it is another key or a typed error", async (_, key) => {
    const bytes = utf8(key);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, bits, cut) => {
          const changed = cut ? bytes.slice(0, at) : bytes.map((byte, index) => (index === at ? byte ^ bits : byte));
          await outcomeOf(changed);
        },
      ),
      { numRuns: 15 },
    );
  });
});

test("an algorithm is chosen by the caller", async () => {
  const file = parseKeyFile(utf8(rowOf("pkcs8 ed25519").key));
  const signer = await openPrivateKey(file, "it", {
    ...nobody,
    algorithm: (_, usual) => (usual === "ed25519" ? "ed25519ph" : usual),
  });
  const message = utf8("hello");
  expect(makeVerifier(signer.spki, "ed25519ph").verify(message, await signer.sign({ message }))).toBe(true);
  const verifier = openPublicKey(parseKeyFile(utf8(publicPem("pkcs8 rsa"))), () => "rsa-pss-sha512");
  expect(verifier.algorithm.name).toBe("rsa-pss-sha512");
});

const asksNobody = { password: () => Promise.reject(new Error("asked for a password")) };

function publicPem(name: string): string {
  return formatPem("PUBLIC KEY", parseBase64(rowOf(name).spki));
}

function sealedJson(): { kdf: { params: object }; cipher: object; ciphertext: string } {
  const [block] = parsePem(rowOf("sigstore p256 (Go sigstore/sigstore)").key);
  return JSON.parse(Buffer.from(block?.bytes ?? []).toString("utf8")) as ReturnType<typeof sealedJson>;
}

function sshString(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

function sshOptions(saltBytes: number, rounds: number): Buffer {
  const bytes = Buffer.alloc(8 + saltBytes);
  bytes.writeUInt32BE(saltBytes);
  bytes.writeUInt32BE(rounds, 4 + saltBytes);
  return bytes;
}

/** An SSH key with a passphrase, the parts in the clear changed. */
function sealedSsh(change: { cipher?: string; kdf?: string; options?: Buffer; sealed?: Buffer; tag?: Buffer }): string {
  const [block] = parsePem(rowOf("openssh ed25519 256, aes128-cbc").key);
  const bytes = Buffer.from(block?.bytes ?? []).subarray(15);
  const fields: Buffer[] = [];
  let at = 0;
  const take = (): Buffer => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  for (let each = 0; each < 3; each++) fields.push(take());
  at += 4;
  fields.push(take(), take());
  const [cipher, kdf, options, shown, sealed] = fields;
  const string = (field: Uint8Array | string | undefined): Buffer => {
    const content = Buffer.from(field ?? "");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([length, content]);
  };
  const parts = [
    Buffer.from("openssh-key-v1\0"),
    string(change.cipher ?? cipher),
    string(change.kdf ?? kdf),
    string(change.options ?? options),
    Buffer.from([0, 0, 0, 1]),
    string(shown),
    string(change.sealed ?? sealed),
    change.tag ?? Buffer.alloc(0),
  ];
  return formatPem("OPENSSH PRIVATE KEY", Buffer.concat(parts));
}

/** Replaces bytes deep inside, and mends the lengths of every SEQUENCE around them. */
function withBytes(der: Buffer, at: number, length: number, by: Buffer): Buffer {
  const changed = Buffer.concat([der.subarray(0, at), by, der.subarray(at + length)]);
  const more = by.length - length;
  for (let from = 0; from < at;) {
    const long = changed[from + 1] === 0x81 ? 1 : changed[from + 1] === 0x82 ? 2 : 0;
    const [head, body] = [2 + long, long === 2 ? changed.readUInt16BE(from + 2) : (changed[from + 1 + long] as number)];
    if (changed[from] !== 0x30 || from + head + body <= at) {
      from += head + body;
      continue;
    }
    if (long === 2) changed.writeUInt16BE(body + more, from + 2);
    else changed[from + 1 + long] = body + more;
    from += head;
  }
  return changed;
}
