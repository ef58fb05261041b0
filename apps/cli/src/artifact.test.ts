import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isDigestOperand, readArtifact } from "./artifact.node.ts";
import { fileError } from "./input.node.ts";
import { makeProgress } from "./progress.ts";
import { makeFolder } from "./scenario.ts";
import type { Terminal } from "./terminal.ts";

const folder = makeFolder();
afterAll(folder.remove);

function quietTerminal(said: string[] = [], clock: () => number = () => 0, isWatched = false): Terminal {
  return {
    env: {},
    now: () => new Date(clock()),
    out: () => {},
    deliver: () => {},
    err: (text) => void said.push(text),
    style: (_, text) => text,
    isWatched,
    canAsk: false,
    ask: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(""),
  };
}

function digestsOf(bytes: Uint8Array, ...names: string[]): string[] {
  return names.map((name) => `${name}:${createHash(name).update(bytes).digest("hex")}`);
}

describe("readArtifact", () => {
  test.each([0, 1, 65_536, 262_143, 262_144, 262_145, 1_048_576, 1_048_577, 67_108_865])(
    "a file of %d bytes",
    async (size) => {
      const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 16)) & 0xff);
      const path = join(folder.path, `file-${size}`);
      writeFileSync(path, bytes);
      const artifact = await readArtifact(path, { hashes: ["sha256", "sha512"] }, quietTerminal());
      expect(artifact.digests).toEqual(digestsOf(bytes, "sha256", "sha512"));
      expect(artifact.size).toBe(size);
      expect(artifact.bytes === undefined).toBe(size > 1024 * 1024);
      if (artifact.bytes !== undefined) expect(Buffer.compare(artifact.bytes, bytes)).toBe(0);
    },
  );

  test("a digest is taken as it is", async () => {
    const [digest = ""] = digestsOf(new Uint8Array(), "sha384");
    expect(isDigestOperand(digest)).toBe(true);
    expect(await readArtifact(digest, { hashes: ["sha256"] }, quietTerminal())).toEqual({
      name: digest,
      digests: [digest],
    });
  });

  test.each(["sha256:", "sha256:00", `sha256:${"AB".repeat(32)}`, `sha256:${"zz".repeat(32)}`])(
    "%s is refused",
    async (operand) => {
      await expect(readArtifact(operand, { hashes: ["sha256"] }, quietTerminal())).rejects.toMatchObject({
        code: "CLI_DIGEST_OPERAND",
        kind: "usage",
      });
    },
  );

  test.each([
    { path: "missing", code: "CLI_FILE_MISSING", kind: "usage" },
    { path: ".", code: "CLI_FILE_DIRECTORY", kind: "usage" },
    { path: "file-1/below", code: "CLI_FILE_MISSING", kind: "usage" },
  ])("$path: $code", async ({ path, code, kind }) => {
    const reading = readArtifact(join(folder.path, path), { hashes: ["sha256"] }, quietTerminal());
    await expect(reading).rejects.toMatchObject({ code, kind });
  });
});

describe("fileError", () => {
  test.each([
    { errno: "EACCES", code: "CLI_FILE_UNREADABLE", kind: "unavailable" },
    { errno: "EIO", code: "CLI_FILE_UNREADABLE", kind: "unavailable" },
    { errno: "ENAMETOOLONG", code: "CLI_FILE_MISSING", kind: "usage" },
    { errno: "EISDIR", code: "CLI_FILE_DIRECTORY", kind: "usage" },
  ])("$errno is $code", ({ errno, code, kind }) => {
    const error = fileError(Object.assign(new Error("x"), { code: errno }), "f\u001b", "artifact");
    expect(error).toMatchObject({ code, kind, message: expect.stringContaining('artifact "f\\u001b"') as string });
  });

  test("what is no error of the file system stays what it is", () => {
    const bug = new TypeError("x");
    expect(fileError(bug, "f", "artifact")).toBe(bug);
  });
});

describe("progress", () => {
  const mb = 1_000_000;

  test("for a log file: a line every five seconds", () => {
    const said: string[] = [];
    let nowMs = 0;
    const progress = makeProgress(
      "big",
      1000 * mb,
      quietTerminal(said, () => nowMs),
    );
    for (nowMs = 0; nowMs <= 12_000; nowMs += 1000) progress.report(nowMs * 80_000);
    progress.end();
    expect(said).toEqual(["reading big: 400 MB of 1000 MB (40 %)\n", "reading big: 800 MB of 1000 MB (80 %)\n"]);
  });

  test("for a person: one line in place, gone at the end", () => {
    const said: string[] = [];
    let nowMs = 0;
    const progress = makeProgress(
      "b\u001bg",
      undefined,
      quietTerminal(said, () => nowMs, true),
    );
    nowMs = 300;
    progress.report(100 * mb);
    progress.end();
    expect(said).toEqual(["\rreading b\\u001bg: 100 MB\u001b[K", "\r\u001b[K"]);
  });

  test("nothing at all for what is done quickly", () => {
    const said: string[] = [];
    const progress = makeProgress("quick", 100 * mb, quietTerminal(said));
    progress.report(100 * mb);
    progress.end();
    expect(said).toEqual([]);
  });
});
