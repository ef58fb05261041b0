import { existsSync, readdirSync, readFileSync } from "node:fs";
import { base64, generateSigner, makeVerifier, parseBase64 } from "@countersign/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { checkCheckpoint, formatCheckpoint, parseCheckpoint, type LogKey } from "./checkpoint.ts";
import { emptyRoot, leafHash } from "./merkle.ts";
import { formatNote, parseNote, signNote } from "./note.ts";
import { noteSigner, parseVkey } from "./vkey.ts";

const root = leafHash(new Uint8Array(3));
const b64 = base64(root);

describe("text", () => {
  test("parse and format are inverse", () => {
    const text = `log.example/1\n9007199254740993\n${b64}\nTimestamp: 1\nother\n`;
    expect(parseCheckpoint(text)).toEqual({
      origin: "log.example/1",
      size: 9007199254740993n,
      root,
      extensions: ["Timestamp: 1", "other"],
    });
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
    expect(parseCheckpoint(`go.sum database tree\n18446744073709551615\n${b64}\n`).size).toBe(2n ** 64n - 1n);
  });

  test.each([
    ["an empty text", ""],
    ["no origin", `\n1\n${b64}\n`],
    ["no root", "log\n1\n"],
    ["no size", `log\n${b64}\n`],
    ["a leading zero", `log\n01\n${b64}\n`],
    ["a sign", `log\n+1\n${b64}\n`],
    ["a minus sign", `log\n-1\n${b64}\n`],
    ["a hexadecimal size", `log\n0x1\n${b64}\n`],
    ["a space", `log\n1 \n${b64}\n`],
    ["digits of another script", `log\n\u0661\n${b64}\n`],
    ["2^64", `log\n18446744073709551616\n${b64}\n`],
    ["a size of many digits", `log\n${"9".repeat(100_000)}\n${b64}\n`],
    ["a short root", `log\n1\n${base64(root.subarray(1))}\n`],
    ["a root without padding", `log\n1\n${b64.slice(0, -1)}\n`],
    ["a root in hexadecimal", `log\n1\n${Buffer.from(root).toString("hex")}\n`],
    ["an empty extension line", `log\n1\n${b64}\n\n`],
    ["an empty line between extensions", `log\n1\n${b64}\na\n\nb\n`],
    ["no newline at the end", `log\n1\n${b64}`],
    ["an extension without newline", `log\n1\n${b64}\nx`],
  ])("refuses %s", (_, text) => {
    expect(codeOfSync(() => parseCheckpoint(text))).toBe("TLOG_CHECKPOINT_MALFORMED");
  });

  test("makes no checkpoint that it would refuse", () => {
    const good = { origin: "log", size: 1n, root, extensions: [] };
    for (const bad of [
      { origin: "" },
      { origin: "a\n1" },
      { size: -1n },
      { size: 2n ** 64n },
      { root: root.subarray(1) },
      { extensions: [""] },
      { extensions: ["a\nb"] },
    ]) {
      expect(codeOfSync(() => formatCheckpoint({ ...good, ...bad }))).toBe("TLOG_CHECKPOINT_MALFORMED");
    }
  });
});

describe("signed", () => {
  const ed = generateSigner("ed25519");
  const ec = generateSigner("ecdsa-p256-sha256");
  const other = generateSigner("ed25519");
  const c2sp: LogKey = { name: "log.example", verifier: makeVerifier(ed.spki), dialect: "c2sp" };
  const rekor: LogKey = { name: "rekor.example", verifier: makeVerifier(ec.spki), dialect: "rekor-v1" };
  const text = (origin: string): string => formatCheckpoint({ origin, size: 7n, root, extensions: [] });
  const edSigner = noteSigner({ name: "log.example", signer: ed });
  const ecSigner = noteSigner({ name: "rekor.example", signer: ec });
  let good = "";
  beforeAll(async () => {
    good = await signNote(text("log.example"), [edSigner]);
  });

  test("both dialects; the log's line may be anywhere", async () => {
    expect(checkCheckpoint(good, c2sp)).toMatchObject({ origin: "log.example", size: 7n, root, extensions: [] });
    const crowd = [
      noteSigner({ name: "log.example", signer: other }),
      noteSigner({ name: "w.example", signer: other }),
      edSigner,
    ];
    const checked = checkCheckpoint(await signNote(text("log.example"), crowd), c2sp);
    expect(checked.note.signatures.length).toBe(3);
    const v1 = await signNote(`rekor.example - 1193050959916656506\n7\n${b64}\nTimestamp: 1\n`, [ecSigner]);
    expect(checkCheckpoint(v1, rekor)).toMatchObject({ origin: "rekor.example - 1193050959916656506", size: 7n });
    const sumdb = await signNote(text("a database tree"), [edSigner]);
    expect(checkCheckpoint(sumdb, { ...c2sp, origin: "a database tree" }).size).toBe(7n);
  });

  test("no line in the log's name", async () => {
    for (const name of ["log.example.org", "og.example", "log", "LOG.example"]) {
      const note = await signNote(text("log.example"), [noteSigner({ name, signer: ed })]);
      expect(codeOfSync(() => checkCheckpoint(note, c2sp))).toBe("TLOG_CHECKPOINT_NO_SIGNATURE");
    }
  });

  test("the right name with another key's hint, also over a good signature", async () => {
    const stranger = await signNote(text("log.example"), [noteSigner({ name: "log.example", signer: other })]);
    expect(codeOfSync(() => checkCheckpoint(stranger, c2sp))).toBe("TLOG_CHECKPOINT_KEY_HINT");
    const note = parseNote(good);
    const odd = formatNote({
      ...note,
      signatures: note.signatures.map((line) => ({ ...line, keyHint: line.keyHint.with(0, line.keyHint[0]! ^ 1) })),
    });
    expect(codeOfSync(() => checkCheckpoint(odd, c2sp))).toBe("TLOG_CHECKPOINT_KEY_HINT");
  });

  test("a bad signature, also beside a good one", () => {
    const note = parseNote(good);
    const bad = {
      ...note.signatures[0]!,
      signature: note.signatures[0]!.signature.with(9, note.signatures[0]!.signature[9]! ^ 1),
    };
    for (const signatures of [[bad], [bad, note.signatures[0]!], [note.signatures[0]!, bad]]) {
      expect(codeOfSync(() => checkCheckpoint(formatNote({ ...note, signatures }), c2sp))).toBe("TLOG_SIGNATURE_BAD");
    }
  });

  test("another origin", async () => {
    for (const origin of ["log.example/2", "log.exampl", "rekor.example - 1", "log.example - 1"]) {
      const note = await signNote(text(origin), [edSigner]);
      expect(codeOfSync(() => checkCheckpoint(note, c2sp))).toBe("TLOG_CHECKPOINT_ORIGIN");
    }
    for (const origin of [
      "rekor.example ",
      "rekor.example - ",
      "rekor.example - 1a",
      "rekor.example  - 1",
      "xrekor.example - 1",
      "rekor.example - 1 - 2",
      `rekor.example - ${"1".repeat(21)}`,
    ]) {
      const note = await signNote(text(origin), [ecSigner]);
      expect(
        codeOfSync(() => checkCheckpoint(note, rekor)),
        origin,
      ).toBe("TLOG_CHECKPOINT_ORIGIN");
    }
  });

  test("Rekor v1: the name alone is an origin, but not under an Ed25519 key, with which Rekor v2 says so", async () => {
    const note = await signNote(text("rekor.example"), [ecSigner]);
    expect(checkCheckpoint(note, rekor).origin).toBe("rekor.example");
    const v2 = await signNote(text("log.example"), [edSigner]);
    expect(codeOfSync(() => checkCheckpoint(v2, { ...c2sp, dialect: "rekor-v1" }))).toBe("TLOG_CHECKPOINT_ORIGIN");
  });

  test("a note that is no checkpoint, and an empty tree with entries' root", async () => {
    expect(codeOfSync(() => checkCheckpoint("nothing", c2sp))).toBe("TLOG_NOTE_MALFORMED");
    const note = await signNote("log.example\n", [edSigner]);
    expect(codeOfSync(() => checkCheckpoint(note, c2sp))).toBe("TLOG_CHECKPOINT_MALFORMED");
    const empty = { origin: "log.example", size: 0n, extensions: [] };
    const odd = await signNote(formatCheckpoint({ ...empty, root }), [edSigner]);
    expect(codeOfSync(() => checkCheckpoint(odd, c2sp))).toBe("TLOG_ROOT_MISMATCH");
    const fine = await signNote(formatCheckpoint({ ...empty, root: emptyRoot }), [edSigner]);
    expect(checkCheckpoint(fine, c2sp).size).toBe(0n);
  });

  test("no change of a character goes unseen", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(..."aA0+/=\n \u2014"), (at, char) => {
        const where = at % good.length;
        const changed = good.slice(0, where) + char + good.slice(where + 1);
        if (changed !== good) expect(codeOfSync(() => checkCheckpoint(changed, c2sp))).toMatch(/^TLOG_/);
      }),
      { numRuns: 300 },
    );
  });
});

const data = new URL("../../../../shared/data/", import.meta.url).pathname;
const cases = `${data}sigstore/bundle-verify/`;
describe.skipIf(!existsSync(cases))("checkpoints of real bundles", () => {
  const publicGood: LogKey = {
    name: "rekor.sigstore.dev",
    verifier: logVerifier(`${data}sigstore/public-good-trusted_root.json`, "https://rekor.sigstore.dev"),
    dialect: "rekor-v1",
  };

  test.each([
    ["checkpoint-bad-keyhint_fail", "TLOG_CHECKPOINT_KEY_HINT"],
    ["invalid-checkpoint-signature_fail", "TLOG_SIGNATURE_BAD"],
    ["happy-path-v0.2", "accepted"],
    ["happy-path-v0.3", "accepted"],
  ])("Rekor v1: %s", (name, code) => {
    expect(codeOfSync(() => checkCheckpoint(checkpointOf(name), publicGood))).toBe(code);
  });

  test.each([
    ["rekor2-happy-path", "accepted"],
    ["rekor2-dsse-happy-path", "accepted"],
    ["rekor2-checkpoint-cosigned", "accepted"],
    ["rekor2-checkpoint-missing-origin_fail", "TLOG_SIGNATURE_BAD"],
  ])("Rekor v2: %s", (name, code) => {
    const url = `https://${/^\u2014 (log2025-alpha[0-9]\.rekor\.sigstage\.dev) /mu.exec(checkpointOf(name))?.[1]}`;
    const log: LogKey = {
      name: url.slice(8),
      verifier: logVerifier(`${cases}${name}/trusted_root.json`, url),
      dialect: "c2sp",
    };
    expect(codeOfSync(() => checkCheckpoint(checkpointOf(name), log))).toBe(code);
  });

  function checkpointOf(name: string): string {
    const bundle = JSON.parse(readFileSync(`${cases}${name}/bundle.sigstore.json`, "utf8"));
    return bundle.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope;
  }

  function logVerifier(path: string, baseUrl: string): LogKey["verifier"] {
    if (!existsSync(path)) return makeVerifier(generateSigner("ed25519").spki);
    const log = JSON.parse(readFileSync(path, "utf8")).tlogs.find(
      (one: { baseUrl: string }) => one.baseUrl === baseUrl,
    );
    return makeVerifier(parseBase64(log.publicKey.rawBytes));
  }
});

const tessera = `${data}tlog/tessera/testdata/log/`;
test.skipIf(!existsSync(tessera))("checkpoints of tessera's test log", () => {
  const key = parseVkey("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
  const names = readdirSync(tessera).filter((name) => name.startsWith("checkpoint"));
  expect(names.length).toBe(17);
  for (const name of names) {
    const { size } = checkCheckpoint(readFileSync(tessera + name), { ...key, dialect: "c2sp" });
    expect(`${size}`).toBe(name === "checkpoint" ? "15" : name.slice("checkpoint.".length));
  }
});
