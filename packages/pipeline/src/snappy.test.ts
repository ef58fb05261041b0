import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSnappy } from "./snappy.ts";

const malformed: unknown = expect.objectContaining({ code: "PIPELINE_SNAPPY_MALFORMED" });
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A slow encoder: literals of any length form, and copies of what is there. */
function encode(parts: readonly (string | readonly [offset: number, length: number])[]): Uint8Array {
  const out: number[] = [];
  let plain = "";
  for (const part of parts) {
    if (typeof part === "string") {
      const size = part.length - 1;
      if (size < 60) out.push(size << 2);
      else out.push(61 << 2, size & 255, size >> 8);
      out.push(...Buffer.from(part));
      plain += part;
      continue;
    }
    const [offset, length] = part;
    if (length >= 4 && length < 12 && offset < 2048)
      out.push(1 | ((length - 4) << 2) | ((offset >> 8) << 5), offset & 255);
    else out.push(2 | ((length - 1) << 2), offset & 255, offset >> 8);
    for (let index = 0; index < length; index++) plain += plain[plain.length - offset];
  }
  const head: number[] = [];
  for (let rest = plain.length; ; rest >>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  return Uint8Array.from([...head, ...out]);
}

describe("snappy blocks", () => {
  test("literals, short and long copies, and copies that overlap themselves", () => {
    // From the format's description: "xababab" is a literal "xab" and a copy of four from two before.
    expect(text(decodeSnappy(Uint8Array.from([7, 0x08, 0x78, 0x61, 0x62, 0x01, 0x02]), 100))).toBe("xababab");
    const long = "y".repeat(300);
    expect(text(decodeSnappy(encode([long, [300, 64], [1, 3], "z"]), 1000))).toBe(`${long}${"y".repeat(67)}z`);
    expect(decodeSnappy(Uint8Array.of(0), 0)).toHaveLength(0);
    expect(text(decodeSnappy(Uint8Array.of(5, 0, 97, 3, 1, 0, 0, 0, 11, 1, 0, 0, 0), 9))).toBe("aaaaa");
  });

  test.each<[string, readonly number[]]>([
    ["nothing", []],
    ["a length without end", [255, 255, 255, 255, 255, 1]],
    ["more than the limit", [0x80, 0x80, 0x80, 0x01]],
    ["a literal that is cut", [4, 0x0c, 0x61]],
    ["a literal longer than the output", [1, 0x04, 0x61, 0x62]],
    ["a copy from before the beginning", [5, 0x00, 0x61, 0x01, 0x02]],
    ["a copy from nowhere", [5, 0x00, 0x61, 0x01, 0x00]],
    ["a copy longer than the output", [3, 0x00, 0x61, 0x01, 0x01]],
    ["less than it says", [9, 0x00, 0x61]],
    ["a tag without its offset", [5, 0x00, 0x61, 0x02, 0x01]],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeSnappy(Uint8Array.from(bytes), 1000)).toThrow(malformed);
  });

  test("any bytes are read or refused, and never more than the limit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(decodeSnappy(bytes, 1000).length).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
    );
  });
});
