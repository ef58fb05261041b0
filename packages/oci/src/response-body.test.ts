import { utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { maxPieces, readChunked, readSized, type BodyReader, type Taken } from "./response-body.ts";

const textOf = ({ pieces }: BodyReader): string => Buffer.concat(pieces).toString();

/** What is said of the last of these pieces; all before it must ask for more. */
function takeAll(reader: BodyReader, pieces: readonly string[]): Taken {
  const taken = pieces.map((piece) => reader.take(utf8(piece)));
  expect(taken.slice(0, -1)).toEqual(taken.slice(1).map(() => "more"));
  return taken.at(-1) ?? "other";
}

test("a body of a length is all there with its last byte", () => {
  const reader = readSized(8);
  expect(takeAll(reader, ["the ", "", "body"])).toBe("all");
  expect(textOf(reader)).toBe("the body");
  expect(readSized(0).take(utf8(""))).toBe("all");
  expect(readSized(3).take(utf8("body"))).toBe("other");
});

describe("chunks", () => {
  const text = "4\r\nthe \r\n0A\r\nbody\r\n0\r\n\r\r\n0\r\n\r\n";

  test("cut anywhere they are the same body", () => {
    for (let at = 0; at <= text.length; at++) {
      const reader = readChunked(100);
      const pieces = [text.slice(0, at), text.slice(at)].filter((piece) => piece !== "");
      expect(takeAll(reader, pieces), `cut at ${at}`).toBe("all");
      expect(textOf(reader)).toBe("the body\r\n0\r\n\r");
    }
    const reader = readChunked(100);
    expect(takeAll(reader, [...text])).toBe("all");
    expect(textOf(reader)).toBe("the body\r\n0\r\n\r");
  });

  test("something after the end is not of the one form", () => {
    expect(readChunked(100).take(utf8("0\r\n\r\nX"))).toBe("other");
  });

  test("no chunk at all is an empty body", () => {
    const reader = readChunked(0);
    expect(reader.take(utf8("0\r\n\r\n"))).toBe("all");
    expect(textOf(reader)).toBe("");
  });

  test.each<[string, string]>([
    ["an extension", "4;a=b\r\nbody\r\n0\r\n\r\n"],
    ["a trailer", "4\r\nbody\r\n0\r\nx: y\r\n\r\n"],
    ["a size without digits", "\r\nbody\r\n"],
    ["a size with a sign", "+4\r\nbody\r\n"],
    ["a size with a blank", "4 \r\nbody\r\n"],
    ["a size that is no hex number", "4g\r\nbody\r\n"],
    ["a size of eight digits", "00000004\r\nbody\r\n"],
    ["a size without end", "0".repeat(20)],
    ["a line that a line feed ends alone", "4\nbody\r\n"],
    ["more than a chunk's size", "4\r\nbodyX\r\n"],
    ["more than may come", "65\r\n"],
    ["too many chunks", "1\r\nx\r\n".repeat(maxPieces + 1)],
  ])("with %s are not of the one form", (_, bad) => {
    const limit = bad.length > 1000 ? 1_000_000 : 100;
    expect(readChunked(limit).take(utf8(bad))).toBe("other");
    const single = readChunked(limit);
    expect([...bad].map((each) => single.take(utf8(each)))).toContain("other");
  });
});
