import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { concatBytes, utf8 } from "@countersign/core";
import { makeDirectoryFetcher } from "./fetch-directory.node.ts";

const root = mkdtempSync(join(tmpdir(), "countersign-mirror-"));
afterAll(() => rmSync(root, { recursive: true }));
for (const folder of ["metadata", "targets", "targets/a b"]) mkdirSync(join(root, folder));
const target = Uint8Array.from({ length: 600_000 }, (_, at) => at % 251);
writeFileSync(join(root, "secret"), "secret");
writeFileSync(join(root, "metadata/1.root.json"), "root");
writeFileSync(join(root, "metadata/1.a%2Fb.json"), "role");
writeFileSync(join(root, "targets/a b/c?.bin"), target);
symlinkSync("../secret", join(root, "targets/link"));

const fetcher = makeDirectoryFetcher({ metadata: join(root, "metadata") });
const wanted = { maxBytes: 1_000_000 };

async function read(path: string, options = {}): Promise<Uint8Array | undefined> {
  const found = await fetcher.target(path, { ...wanted, ...options });
  if (found === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of found.body) chunks.push(new Uint8Array(chunk));
  return concatBytes(...chunks);
}

describe("a mirror in folders", () => {
  test("gives metadata and targets, by path or file: address", async () => {
    expect(await fetcher.metadata("1.root.json", wanted)).toEqual(utf8("root"));
    expect(await fetcher.metadata("1.a/b.json", wanted)).toEqual(utf8("role"));
    expect(await fetcher.metadata("2.root.json", wanted)).toBeUndefined();
    expect(await read("a b/c?.bin")).toEqual(target);
    expect(await read("a b/c?.bin", { start: 500_000 })).toEqual(target.subarray(500_000));
    expect(await read("a b")).toBeUndefined();
    expect(await read("a b/c?.bin", { fromMirror: 1 })).toBeUndefined();
    const byAddress = makeDirectoryFetcher({
      metadata: pathToFileURL(join(root, "metadata")).href,
      targets: pathToFileURL(join(root, "targets")).href,
    });
    expect(await byAddress.metadata("1.root.json", wanted)).toEqual(utf8("root"));
  });

  test("holds to the caps", async () => {
    const tooLarge = { code: "TUF_FETCH_TOO_LARGE" };
    await expect(fetcher.metadata("1.root.json", { maxBytes: 3 })).rejects.toMatchObject(tooLarge);
    await expect(read("a b/c?.bin", { maxBytes: 599_999 })).rejects.toMatchObject(tooLarge);
  });

  test("leads nowhere else", async () => {
    for (const path of ["../secret", "/etc/passwd", "a b/../../secret"])
      await expect(read(path)).rejects.toMatchObject({ code: "TUF_FETCH_PATH" });
    await expect(read("link")).rejects.toMatchObject({ code: "TUF_DISK_FAILED" });
    expect(() => makeDirectoryFetcher({ metadata: "file://host/%2Fx" })).toThrow(
      expect.objectContaining({ code: "TUF_FETCH_URL" }),
    );
  });

  test("can be stopped", async () => {
    const found = fetcher.target("a b/c?.bin", { ...wanted, signal: AbortSignal.abort() });
    const first = (await found)?.body[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: "TUF_FETCH_ABORTED" });
  });
});
