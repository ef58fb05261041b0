import { base64, generateSigner, makeVerifier, utf8 } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf, codeOfSync } from "../vectors/code-of.ts";
import { noteKey } from "./key.ts";
import {
  checkNote,
  formatNote,
  formatNoteSignature,
  goodSignatures,
  maxNoteBytes,
  maxNoteSignatures,
  parseNote,
  parseNoteSignature,
  signNote,
} from "./note.ts";
import { noteSigner } from "./vkey.ts";

const pairs = (["ed25519", "ecdsa-p256-sha256", "rsa-pkcs1-sha256"] as const).map((algorithm, i) => {
  const signer = generateSigner(algorithm);
  const name = `key${i}.example`;
  return {
    signer: noteSigner({ name, signer }),
    key: noteKey({ name, verifier: makeVerifier(signer.spki, algorithm) }),
  };
});
const [first, second, third] = pairs as [(typeof pairs)[0], (typeof pairs)[0], (typeof pairs)[0]];
const text = "a line\n\nanother – with an em dash — and \u{1f512}\n";
const line = formatNoteSignature({ name: "a", keyHint: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) });

describe("format", () => {
  test("parse and format are inverse, and the text ends at the last empty line", () => {
    const note = parseNote(`${text}\n${line}${line}`);
    expect(note.text).toBe(text);
    expect(note.signatures).toEqual([
      { name: "a", keyHint: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) },
      { name: "a", keyHint: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) },
    ]);
    expect(formatNote(note)).toBe(`${text}\n${line}${line}`);
    expect(parseNote(utf8(formatNote(note)))).toEqual(note);
  });

  test.each([
    ["no signature line", "a\n\n"],
    ["no text", `\n${line}`],
    ["no empty line", `a\n${line}`],
    ["no newline at the end", `a\n\n${line.slice(0, -1)}`],
    ["a carriage return", `a\r\n\n${line}`],
    ["a tab in the text", `a\tb\n\n${line}`],
    ["a NUL", `a\0\n\n${line}`],
    ["a lone surrogate", `a\ud800\n\n${line}`],
    ["a hyphen for the dash", `a\n\n-${line.slice(1)}`],
    ["two spaces", `a\n\n${line.replace("a ", "a  ")}`],
    ["something after the signature", `a\n\n${line.replace("\n", " x\n")}`],
    ["a space at the end", `a\n\n${line.replace("\n", " \n")}`],
    ["a plus sign in the name", `a\n\n${line.replace("a ", "a+b ")}`],
    ["a no-break space in the name", `a\n\n${line.replace("a ", "a\u00a0b ")}`],
    ["an em space in the name", `a\n\n${line.replace("a ", "a\u2003b ")}`],
    ["no name", `a\n\n${line.replace("a ", " ")}`],
    ["no signature after the key hint", `a\n\n\u2014 a ${base64(new Uint8Array(4))}\n`],
    ["base64 without padding", `a\n\n${line.replace("=", "")}`],
    ["base64 with stray bits", `a\n\n\u2014 a AAAAAAB=\n`],
    ["URL-safe base64", `a\n\n\u2014 a ____AAA_\n`],
  ])("refuses %s", (_, note) => {
    expect(codeOfSync(() => parseNote(note))).toBe("TLOG_NOTE_MALFORMED");
  });

  test("refuses bytes that are not UTF-8, and a byte order mark is part of the text", () => {
    const good = utf8(`a\n\n${line}`);
    expect(codeOfSync(() => parseNote(good.with(0, 0xff)))).toBe("TLOG_NOTE_MALFORMED");
    expect(parseNote(utf8(`\ufeffa\n\n${line}`)).text).toBe("\ufeffa\n");
  });

  test("caps size and number of signatures", () => {
    expect(parseNote(`a\n\n${line.repeat(maxNoteSignatures)}`).signatures.length).toBe(maxNoteSignatures);
    expect(codeOfSync(() => parseNote(`a\n\n${line.repeat(maxNoteSignatures + 1)}`))).toBe("TLOG_NOTE_TOO_LARGE");
    expect(codeOfSync(() => parseNote("a".repeat(maxNoteBytes + 1)))).toBe("TLOG_NOTE_TOO_LARGE");
    expect(codeOfSync(() => parseNote(new Uint8Array(maxNoteBytes + 1)))).toBe("TLOG_NOTE_TOO_LARGE");
    const large = formatNoteSignature({ name: "pq", keyHint: new Uint8Array(4), signature: new Uint8Array(2428) });
    expect(parseNote(`a\n\n${large.repeat(maxNoteSignatures)}`).signatures.length).toBe(maxNoteSignatures);
    for (const filler of ["\n", "\u2014", "+", "a "]) {
      const started = process.threadCpuUsage();
      codeOfSync(() => parseNote(`a\n\n${filler.repeat(Math.floor(maxNoteBytes / filler.length) - 3)}`));
      expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(1000);
    }
  });

  test("makes no note that it would refuse", () => {
    const signatures = [parseNoteSignature(line.slice(0, -1))];
    for (const bad of ["", "no newline", "a\t\n", "\ud800\n"])
      expect(codeOfSync(() => formatNote({ text: bad, signatures }))).toBe("TLOG_NOTE_MALFORMED");
    expect(codeOfSync(() => formatNote({ text, signatures: [] }))).toBe("TLOG_NOTE_MALFORMED");
    expect(codeOfSync(() => formatNote({ text, signatures: [{ ...signatures[0]!, name: "a b" }] }))).toBe(
      "TLOG_KEY_MALFORMED",
    );
  });

  test("any text and signatures come back from format and parse", () => {
    const texts = fc
      .array(fc.string({ unit: "grapheme" }).filter((part) => !/[^ -\uffff]/.test(part) && part.isWellFormed()))
      .map((all) => `${all.join("\n")}\n`);
    const bytes = fc.uint8Array({ minLength: 5, maxLength: 80 });
    const lines = fc.array(fc.tuple(fc.stringMatching(/^[a-z./]{1,20}$/), bytes), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(texts, lines, (some, list) => {
        const signatures = list.map(([name, all]) => ({
          name,
          keyHint: all.subarray(0, 4),
          signature: all.subarray(4),
        }));
        const again = parseNote(formatNote({ text: some, signatures }));
        expect(again.text).toBe(some);
        expect(again.signatures.map(formatNoteSignature)).toEqual(signatures.map(formatNoteSignature));
      }),
      { numRuns: 100 },
    );
  });
});

describe("signatures", () => {
  const keys = pairs.map(({ key }) => key);
  const sign = async (which: typeof pairs): Promise<string> =>
    signNote(
      text,
      which.map(({ signer }) => signer),
    );

  test("all kinds of log keys sign and verify", async () => {
    const verified = checkNote(parseNote(await sign(pairs)), keys);
    expect(verified.map(({ key }) => key.type)).toEqual(["ed25519", "ecdsa", "rsa-pkcs1"]);
  });

  test("unknown keys are passed over, also those that share the name or the hint", async () => {
    const note = parseNote(await sign([first, second]));
    expect(checkNote(note, [second.key]).length).toBe(1);
    const [a, b] = note.signatures as [(typeof note.signatures)[0], (typeof note.signatures)[0]];
    const strangers = [
      { ...a, keyHint: b.keyHint },
      { ...b, name: a.name },
    ];
    expect(checkNote({ text, signatures: [...strangers, a] }, keys).length).toBe(1);
    expect(codeOfSync(() => checkNote({ text, signatures: strangers }, keys))).toBe("TLOG_NOTE_UNSIGNED");
  });

  test("no known key, no note", async () => {
    const note = parseNote(await sign([first]));
    expect(codeOfSync(() => checkNote(note, [second.key]))).toBe("TLOG_NOTE_UNSIGNED");
    expect(codeOfSync(() => checkNote(note, []))).toBe("TLOG_NOTE_UNSIGNED");
    expect(goodSignatures(note, [second.key])).toEqual([]);
  });

  test("a known key's bad signature refuses the note, whatever else is good", async () => {
    const note = parseNote(await sign([first, second]));
    const bad = {
      ...note.signatures[1]!,
      signature: note.signatures[1]!.signature.with(20, note.signatures[1]!.signature[20]! ^ 1),
    };
    for (const signatures of [
      [note.signatures[0]!, bad],
      [bad, note.signatures[0]!],
      [...note.signatures, bad],
    ]) {
      expect(codeOfSync(() => checkNote({ text, signatures }, keys))).toBe("TLOG_SIGNATURE_BAD");
    }
    expect(checkNote({ text, signatures: [note.signatures[0]!, bad] }, [first.key]).length).toBe(1);
  });

  test("one key counts once, however often it signs or is listed", async () => {
    const note = parseNote(await sign([first, first]));
    expect(checkNote(note, [first.key, first.key, { ...first.key }]).length).toBe(1);
  });

  test("another text is refused", async () => {
    const note = parseNote(await sign([third]));
    expect(codeOfSync(() => checkNote({ ...note, text: `${text}x\n` }, keys))).toBe("TLOG_SIGNATURE_BAD");
  });

  test("a signer whose text cannot be a note", async () => {
    expect(await codeOf(() => signNote("no newline", [first.signer]))).toBe("TLOG_NOTE_MALFORMED");
  });

  test("a mangled note is refused or says the same", async () => {
    const whole = utf8(await sign([first]));
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom("flip", "drop", "cut", "repeat"),
        (at, flip, how) => {
          const changed = mangle(whole, { at, flip, how });
          expect(codeOfSync(() => checkNote(parseNote(changed), [first.key]))).toMatch(/^TLOG_/);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function mangle(bytes: Uint8Array, { at, flip, how }: { at: number; flip: number; how: string }): Uint8Array {
  if (how === "flip") return bytes.with(at, bytes[at]! ^ flip);
  if (how === "cut") return bytes.slice(0, at);
  const rest = how === "drop" ? bytes.slice(at + 1) : bytes.slice(at);
  return Uint8Array.of(...bytes.slice(0, how === "drop" ? at : at + 1), ...rest);
}
