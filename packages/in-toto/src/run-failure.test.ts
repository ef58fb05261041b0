import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { InTotoSigner } from "./key-file.ts";
import { unfinishedFileName } from "./link-file.node.ts";
import { parseMetadata } from "./metadata.ts";
import { startRecord, stopRecord } from "./record-session.node.ts";
import { mockStep, runStep } from "./run.node.ts";
import { checkSignature } from "./signature.ts";
import { makeFolder, makeSigner, signer, now, nowMs, refusal, removeFolders } from "./run.contract.ts";

afterAll(removeFolders);

describe("steps that fail", () => {
  test("a command that cannot be run leaves no link", async () => {
    const directory = makeFolder();
    const target = { signer, directory };
    await expect(runStep({ step: "s", command: ["/nonexistent"] }, target, now)).rejects.toEqual(
      refusal("INTOTO_RUN_FAILED"),
    );
    const late = { step: "s", command: ["sleep", "9"], run: { timeoutMs: 10 } };
    await expect(runStep(late, target, now)).rejects.toEqual(refusal("INTOTO_RUN_TIMEOUT"));
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a product that did not change is not hashed again, one that did is", async () => {
    const base = makeFolder({ same: "same", other: "one" });
    // As if the files had been there for a minute.
    const later = (): Date => new Date(Date.now() + 60_000);
    const command = ["sh", "-c", `printf two > ${base}/other`];
    const run = { step: "s", materials: ["."], products: ["."], command, record: { base, exclude: ["*.link"] } };
    const { link } = await runStep(run, { signer, directory: base }, later);
    expect(link.products.get("same")).toBe(link.materials.get("same"));
    expect(link.products.get("other")).not.toBe(link.materials.get("other"));
  });

  test("start and stop: not started, another key, another step, a changed file", async () => {
    const directory = makeFolder();
    const stop = (step: string, by: InTotoSigner) => stopRecord({ step }, { signer: by, directory }, nowMs);
    await expect(stop("a", signer)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    const { path } = await startRecord({ step: "a" }, { signer, directory });
    const other = makeSigner();
    await expect(stop("a", other)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    // Passed off as the other key's and as another step's.
    writeFileSync(join(directory, unfinishedFileName("a", other.key.keyid)), readFileSync(path));
    await expect(stop("a", other)).rejects.toEqual(refusal("INTOTO_SIGNATURE_MISSING"));
    writeFileSync(join(directory, unfinishedFileName("b", signer.key.keyid)), readFileSync(path));
    await expect(stop("b", signer)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    writeFileSync(path, readFileSync(path, "utf8").replace('"command": []', '"command": ["x"]'));
    await expect(stop("a", signer)).rejects.toEqual(refusal("INTOTO_SIGNATURE_BAD"));
    mkdirSync(join(directory, unfinishedFileName("c", signer.key.keyid)));
    await expect(stop("c", signer)).rejects.toEqual(refusal("INTOTO_LINK_UNREADABLE"));
    expect(readdirSync(directory).filter((name) => name.endsWith(".link"))).toEqual([]);
  });

  test("a mock has no signature", async () => {
    const base = makeFolder({ a: "" });
    const run = { step: "m", products: ["."], command: ["true"], record: { base } };
    const { path } = await mockStep(run, base, now);
    expect(path).toBe(join(base, "m.link"));
    const metadata = parseMetadata(readFileSync(path), "strict");
    expect(metadata).toMatchObject({ form: "metablock", type: "link", signatures: [] });
    expect(() => checkSignature(metadata, signer.key, nowMs)).toThrow(
      expect.objectContaining({ code: "INTOTO_SIGNATURE_MISSING" }),
    );
  });
});
