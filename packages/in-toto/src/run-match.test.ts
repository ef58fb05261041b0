import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { matchLocalProducts } from "./match-products.node.ts";
import { runStep, writeLink } from "./run.node.ts";
import type { Link } from "./link.ts";
import { makeFolder, makeSigner, signer, now, nowMs, refusal, removeFolders } from "./run.contract.ts";

afterAll(removeFolders);

describe("matching products", () => {
  const hashes = ["sha256", "sha512"] as const;

  async function makeLink(base: string, directory: string): Promise<Uint8Array> {
    const { path } = await runStep(
      { step: "s", products: ["."], record: { base, hashes } },
      { signer, directory },
      now,
    );
    return readFileSync(path);
  }

  test("the same, and each way to differ", async () => {
    const base = makeFolder({ a: "a", b: "b", c: "c" });
    const bytes = await makeLink(base, makeFolder());
    const match = () => matchLocalProducts(bytes, { record: { base }, nowMs });
    expect(await match()).toEqual({ onlyInProducts: [], notInProducts: [], differ: [], signers: [], skipped: [] });
    rmSync(join(base, "a"));
    writeFileSync(join(base, "b"), "B");
    writeFileSync(join(base, "d"), "d");
    expect(await match()).toMatchObject({ onlyInProducts: ["a"], notInProducts: ["d"], differ: ["b"] });
    expect(await matchLocalProducts(bytes, { paths: ["c"], record: { base }, nowMs })).toMatchObject({
      onlyInProducts: ["a", "b"],
      notInProducts: [],
      differ: [],
    });
  });

  test("a hash that we cannot make is no match", async () => {
    const base = makeFolder({ a: "a" });
    const directory = makeFolder();
    const link: Link = {
      name: "s",
      materials: new Map(),
      products: new Map([["a", '{"md5":"0cc175b9c0f1b6a831c399e269772661"}']]) as unknown as Link["products"],
      byproducts: {},
      command: [],
      environment: {},
    };
    const bytes = readFileSync(await writeLink(link, { signer, directory }));
    expect(await matchLocalProducts(bytes, { record: { base }, nowMs })).toMatchObject({ differ: ["a"] });
  });

  test("with a key, the link's signature is checked", async () => {
    const base = makeFolder({ a: "a" });
    const bytes = await makeLink(base, makeFolder());
    const record = { base };
    expect((await matchLocalProducts(bytes, { record, keys: [signer.key], nowMs })).signers).toEqual([
      signer.key.keyid,
    ]);
    const keys = [makeSigner().key];
    await expect(matchLocalProducts(bytes, { record, keys, nowMs })).rejects.toEqual(
      refusal("INTOTO_SIGNATURE_MISSING"),
    );
    const forged = Buffer.from(bytes.toString().replace('"name": "s"', '"name": "t"'));
    await expect(matchLocalProducts(forged, { record, keys: [signer.key], nowMs })).rejects.toEqual(
      refusal("INTOTO_SIGNATURE_BAD"),
    );
    expect(await matchLocalProducts(forged, { record, nowMs })).toMatchObject({ differ: [] });
  });
});
