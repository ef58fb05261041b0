import { fromBER } from "asn1js";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { concatBytes, parseHex } from "./bytes.ts";
import { maxDerBytes, maxDerDepth, maxDerNodes, parseDer } from "./der.ts";
import { derExplicit, derInteger, derOctets, derOid, derSequence, derSet, derUtf8 } from "./der-writer.ts";
import { codeOf, hasSharedData, sigstoreCertificates } from "./sample.contract.ts";
import type { BaseBlock } from "asn1js";
import type { DerNode } from "./der.ts";

const refused = JSON.parse(readFileSync(new URL("../vectors/der/refused.json", import.meta.url), "utf8")) as readonly {
  readonly why: string;
  readonly hex: string;
}[];

/** Any tree that the writers can write. */
const element: fc.Arbitrary<Uint8Array> = fc.letrec<{ any: Uint8Array }>((tie) => {
  const many = fc.array(tie("any"), { maxLength: 4 });
  return {
    any: fc.oneof(
      { maxDepth: 5 },
      fc.bigInt().map(derInteger),
      fc.uint8Array({ maxLength: 300 }).map(derOctets),
      fc.string({ unit: "grapheme", maxLength: 100 }).map(derUtf8),
      fc.constantFrom("1.2.840.10045.4.3.2", "2.999.1", "0.0").map(derOid),
      many.map((parts) => derSequence(...parts)),
      many.map((parts) => derSet(...parts)),
      fc.tuple(fc.nat(30), tie("any")).map(([tag, inner]) => derExplicit(tag, inner)),
    ),
  };
}).any;

describe("refused", () => {
  test.each(refused)("$why", ({ hex }) => {
    expect(codeOf(() => parseDer(parseHex(hex)))).toBe("CORE_DER_MALFORMED");
  });

  test("the same, inside a SEQUENCE", () => {
    const whole = refused.filter(({ hex }) => hex !== "" && hex.length <= 254);
    for (const { why, hex } of whole) {
      const outer = parseHex(`30${(hex.length / 2).toString(16).padStart(2, "0")}${hex}`);
      if (!/second element|a byte after the element$/.test(why))
        expect(
          codeOf(() => parseDer(outer)),
          why,
        ).toBe("CORE_DER_MALFORMED");
    }
  });
});

describe("taken", () => {
  test.each([
    ["length 128", `048180${"00".repeat(128)}`],
    ["length 256", `04820100${"00".repeat(256)}`],
    ["tag 31", "9f1f00"],
    ["tag 2^28 - 1", "9fffffff7f00"],
    ["empty SEQUENCE and SET", "300430003100"],
    ["BIT STRING without bits", "030100"],
    ["BIT STRING of seven bits", "030201fe"],
    ["negative INTEGER", "020180"],
    ["positive INTEGER with its top bit", "02020080"],
    ["SET with equal members", "3106020101020101"],
    ["SET with tags in order", "3105020101 0400".replace(" ", "")],
    ["application and private classes", "300441 00c100".replace(" ", "")],
  ])("%s", (_, hex) => expect(codeOf(() => parseDer(parseHex(hex)))).toBe("taken"));

  test("a node shows its parts as views of the input", () => {
    const bytes = parseHex("3009a1050c0368696a0500");
    const node = parseDer(bytes);
    const [tagged, nothing] = node.children as [DerNode, DerNode];
    expect([node.tagClass, node.tag, node.constructed]).toEqual(["universal", 16, true]);
    expect([tagged.tagClass, tagged.tag, tagged.constructed]).toEqual(["context", 1, true]);
    expect([nothing.tag, nothing.constructed, nothing.content.length, nothing.children]).toEqual([5, false, 0, []]);
    expect(tagged.raw).toEqual(bytes.subarray(2, 9));
    expect(tagged.children[0]?.content).toEqual(bytes.subarray(6, 9));
    expect(tagged.raw.buffer).toBe(bytes.buffer);
    expect(node.children).toBe(node.children);
  });

  test("a Buffer gives plain views", () => {
    const node = parseDer(Buffer.from("3003040161", "hex"));
    expect(node.children[0]?.content.constructor).toBe(Uint8Array);
    expect(node.children[0]?.content).toEqual(Uint8Array.of(0x61));
  });
});

describe("caps", () => {
  const nested = (depth: number): Uint8Array => {
    let inner: Uint8Array = new Uint8Array(0);
    for (let level = 0; level <= depth; level++) inner = derSequence(inner);
    return inner;
  };

  test("depth", () => {
    expect(codeOf(() => parseDer(nested(maxDerDepth)))).toBe("taken");
    expect(codeOf(() => parseDer(nested(maxDerDepth + 1)))).toBe("CORE_DER_MALFORMED");
    expect(codeOf(() => parseDer(nested(3000)))).toBe("CORE_DER_MALFORMED");
  });

  test("elements", () => {
    const many = (count: number): Uint8Array => derSequence(new Uint8Array(count * 2).map((_, at) => (at % 2 ? 0 : 5)));
    expect(codeOf(() => parseDer(many(maxDerNodes - 1)))).toBe("taken");
    expect(codeOf(() => parseDer(many(maxDerNodes)))).toBe("CORE_DER_MALFORMED");
  });

  test("bytes", () => {
    expect(codeOf(() => parseDer(new Uint8Array(maxDerBytes + 1)))).toBe("CORE_DER_MALFORMED");
  });
});

describe("beside slow references", () => {
  test("what the writers write reads back as the same tree that asn1js sees", () => {
    fc.assert(
      fc.property(element, (bytes) => {
        const node = parseDer(bytes);
        expect(encode(node)).toEqual(bytes);
        expect(shape(node)).toEqual(foreignShape(fromBER(bytes).result));
      }),
    );
  });

  // Strictness means that each value has one encoding: what is taken must be what would be written again.
  test("mangled bytes are refused, or are the one encoding of what was read", () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), kind: fc.constantFrom("flip", "cut", "repeat") });
    let taken = 0;
    fc.assert(
      fc.property(element, fc.array(change, { minLength: 1, maxLength: 2 }), (bytes, changes) => {
        const mangled = changes.reduce((now, each) => mangle(now, each), bytes);
        if (codeOf(() => parseDer(mangled)) !== "taken") return;
        taken++;
        expect(encode(parseDer(mangled))).toEqual(mangled);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  test.skipIf(!hasSharedData)("real certificates", () => {
    const samples = sigstoreCertificates();
    expect(samples.length).toBeGreaterThan(20);
    for (const { name, bytes } of samples) {
      const node = parseDer(bytes);
      expect(encode(node), name).toEqual(bytes);
      expect(shape(node), name).toEqual(foreignShape(fromBER(bytes).result));
    }
  });
});

interface Shape {
  readonly kind: string;
  readonly inside: readonly Shape[];
}

function shape(node: DerNode): Shape {
  return { kind: `${node.tagClass} ${node.tag}`, inside: node.children.map(shape) };
}

const foreignClasses = ["", "universal", "application", "context", "private"];

// asn1js looks into strings that happen to hold an element: only constructed ones have parts here.
function foreignShape(block: BaseBlock): Shape {
  const { tagClass, tagNumber, isConstructed } = block.idBlock;
  const inside = isConstructed ? ((block.valueBlock as { value?: BaseBlock[] }).value ?? []) : [];
  return { kind: `${foreignClasses[tagClass]} ${tagNumber}`, inside: inside.map(foreignShape) };
}

/** The encoding of a node made anew from its tag and its parts, by the rules of X.690 §8.1 and §10.1. */
function encode(node: DerNode): Uint8Array {
  const content = node.constructed ? concatBytes(...node.children.map(encode)) : node.content;
  const first =
    (["universal", "application", "context", "private"].indexOf(node.tagClass) << 6) | (node.constructed ? 0x20 : 0);
  const tag = node.tag < 31 ? [first | node.tag] : [first | 31, ...base128(node.tag)];
  const length = content.length < 128 ? [content.length] : longLength(content.length);
  return Uint8Array.from([...tag, ...length, ...content]);
}

function base128(value: number): number[] {
  const bits = value.toString(2);
  const groups = bits.padStart(Math.ceil(bits.length / 7) * 7, "0").match(/.{7}/g) ?? [];
  return groups.map((group, at) => Number.parseInt(group, 2) | (at < groups.length - 1 ? 128 : 0));
}

function longLength(length: number): number[] {
  const digits = length.toString(16);
  const bytes = parseHex(digits.padStart(digits.length + (digits.length % 2), "0"));
  return [0x80 | bytes.length, ...bytes];
}

function mangle(bytes: Uint8Array, { at, to, kind }: { at: number; to: number; kind: string }): Uint8Array {
  const index = at % bytes.length;
  if (kind === "flip") return bytes.with(index, to);
  if (kind === "cut") return concatBytes(bytes.subarray(0, index), bytes.subarray(index + 1));
  return concatBytes(bytes.subarray(0, index), bytes.subarray(Math.max(0, index - (to % 8))));
}
