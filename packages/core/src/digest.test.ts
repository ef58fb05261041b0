import fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import {
  defaultKeepBytes,
  digestBytes,
  digestFromBytes,
  digestName,
  digestOf,
  digestStream,
  hash,
  makeDigestHasher,
  parseDigest,
} from "./digest.ts";
import { coreError } from "./errors.ts";
import { hashNames } from "./hash.ts";
import type { HashName } from "./hash.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const reference = (name: HashName, bytes: Uint8Array): string =>
  `${name}:${createHash(name).update(bytes).digest("hex")}`;

// oxlint-disable-next-line typescript/require-await -- a stream
async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("digest text", () => {
  test("parses what it formats", () => {
    for (const name of hashNames) {
      const digest = digestOf(name, utf8("abc"));
      expect(digest).toBe(reference(name, utf8("abc")));
      expect(parseDigest(digest)).toBe(digest);
      expect(digestName(digest)).toBe(name);
      expect(digestBytes(digest)).toEqual(hash(name, utf8("abc")));
    }
  });

  test("refuses every other spelling", () => {
    const good = digestOf("sha256", utf8("abc"));
    const hexPart = good.slice(7);
    const bad = [
      "",
      ":",
      "sha256",
      "sha256:",
      hexPart,
      `SHA256:${hexPart}`,
      `sha256:${hexPart.toUpperCase()}`,
      `${good} `,
    ];
    bad.push(
      `${good}\n`,
      ` ${good}`,
      good.slice(0, -1),
      `${good}0`,
      `sha384:${hexPart}`,
      `sha1:${hexPart.slice(0, 40)}`,
    );
    bad.push(`sha256::${hexPart.slice(1)}`, `__proto__:${hexPart}`, `sha256:${hexPart.slice(0, -1)}g`);
    for (const text of bad) expect(() => parseDigest(text), text).toThrowError(code("CORE_DIGEST_MALFORMED"));
  });

  test("refuses raw values of another length", () => {
    for (const bytes of [0, 20, 31, 33, 48, 64]) {
      expect(() => digestFromBytes("sha256", new Uint8Array(bytes))).toThrowError(code("CORE_DIGEST_MALFORMED"));
    }
  });
});

describe("digestStream", () => {
  test("hashes any cut of any content by all functions in one pass", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (chunks) => {
        const whole = new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
        const artifact = await digestStream(streamOf(...chunks), { name: "x", hashes: hashNames });
        expect(artifact.digests).toEqual(hashNames.map((name) => reference(name, whole)));
        expect(artifact.size).toBe(whole.length);
        expect(artifact.bytes).toEqual(whole);
      }),
    );
  });

  test("keeps content up to the limit and not a byte more", async () => {
    const read = async (size: number, keepBytes?: number): Promise<number | undefined> => {
      const chunks = [new Uint8Array(size - 1).fill(7), Uint8Array.of(8)];
      const options = { name: "x", hashes: ["sha256"] as const, ...(keepBytes === undefined ? {} : { keepBytes }) };
      return (await digestStream(streamOf(...chunks), options)).bytes?.length;
    };
    expect(await read(defaultKeepBytes)).toBe(defaultKeepBytes);
    expect(await read(defaultKeepBytes + 1)).toBeUndefined();
    expect(await read(100, 100)).toBe(100);
    expect(await read(101, 100)).toBeUndefined();
    expect(await read(1, 0)).toBeUndefined();
  });

  test("lets the producer reuse its buffer", async () => {
    const buffer = new Uint8Array(4);
    async function* producer(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3; i++) {
        buffer.fill(i);
        yield await Promise.resolve(buffer);
      }
    }
    const artifact = await digestStream(producer(), { name: "x", hashes: ["sha256"] });
    expect(artifact.bytes).toEqual(Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
    expect(artifact.digests).toEqual([reference("sha256", artifact.bytes as Uint8Array)]);
  });

  test("tells the progress", async () => {
    const seen: number[] = [];
    const options = { name: "x", hashes: ["sha512"] as const, onProgress: (bytes: number) => void seen.push(bytes) };
    await digestStream(streamOf(new Uint8Array(3), new Uint8Array(4)), options);
    expect(seen).toEqual([3, 7]);
  });

  test("stops at maxBytes and closes the stream", async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(10));
      } finally {
        isClosed = true;
      }
    }
    const options = { name: "x", hashes: ["sha256"] as const, maxBytes: 95 };
    await expect(digestStream(endless(), options)).rejects.toThrowError(code("CORE_TOO_LARGE"));
    await Promise.resolve();
    expect(isClosed).toBe(true);
    expect((await digestStream(streamOf(new Uint8Array(95)), options)).size).toBe(95);
  });

  test("is stopped by its signal, before and while a stream says nothing", async () => {
    const silent: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const controller = new AbortController();
    const waiting = digestStream(silent, { name: "x", hashes: ["sha256"], signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toThrowError(code("CORE_STREAM_ABORTED"));
    const late = digestStream(streamOf(new Uint8Array(1)), {
      name: "x",
      hashes: ["sha256"],
      signal: controller.signal,
    });
    await expect(late).rejects.toThrowError(code("CORE_STREAM_ABORTED"));
  });

  test("wraps the stream's own error, passes a TrustError, refuses text and an empty list of hashes", async () => {
    const failing = (error: Error): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
    });
    const options = { name: "x", hashes: ["sha256"] as const };
    const disk = new Error("EIO");
    const failed = digestStream(failing(disk), options);
    await expect(failed).rejects.toThrowError(expect.objectContaining({ code: "CORE_STREAM_FAILED", cause: disk }));
    const own = digestStream(failing(coreError("CORE_JSON_DEPTH")), options);
    await expect(own).rejects.toThrowError(code("CORE_JSON_DEPTH"));
    const text = digestStream(streamOf("text" as unknown as Uint8Array), options);
    await expect(text).rejects.toThrowError(code("CORE_STREAM_CHUNK"));
    await expect(digestStream(streamOf(), { name: "x", hashes: [] })).rejects.toThrowError(code("CORE_DIGEST_MISSING"));
  });
});

test("a hash in pieces is that of the whole", () => {
  fc.assert(
    fc.property(fc.constantFrom(...hashNames), fc.array(fc.uint8Array({ maxLength: 40 })), (name, chunks) => {
      const hasher = makeDigestHasher(name);
      for (const chunk of chunks) hasher.update(chunk);
      expect(hasher.finish()).toBe(reference(name, Buffer.concat(chunks)));
    }),
  );
});
