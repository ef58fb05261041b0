import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createUpdater, makeHttpFetcher, makeMemoryStore, streamTarget } from "@countersign/tuf";
import { startLocalSigstore, type LocalSigstore } from "./index.ts";

/** The parts of @sigstore/tuf that the test uses. */
interface TufPackage {
  readonly initTUF: (options: object) => Promise<{ readonly getTarget: (name: string) => Promise<string> }>;
}
const foreign = createRequire(import.meta.url)("@sigstore/tuf") as TufPackage;

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "local-tuf-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function read(sigstore: LocalSigstore, root: Uint8Array, name: string): Promise<string> {
  const fetcher = makeHttpFetcher({
    mirrors: [{ metadataUrl: `${sigstore.url}/tuf`, targetsUrl: `${sigstore.url}/tuf/targets` }],
    fetch: (url, init) => fetch(url, init),
    sleep: async (ms) => void (await sleep(ms)),
    tickMs: () => performance.now(),
  });
  const updater = createUpdater({ root, store: makeMemoryStore(), fetch: fetcher, now: () => new Date(Date.now()) });
  const target = await updater.target(name);
  if (target === undefined) return "none";
  let text = "";
  for await (const piece of streamTarget(fetcher, target)) text += Buffer.from(piece).toString("utf8");
  return text;
}

test("our client and sigstore-js get the trusted root and signing config from the repository", async () => {
  const sigstore = await startLocalSigstore();
  try {
    const root = new Uint8Array(await (await fetch(`${sigstore.url}/tuf_root.json`)).arrayBuffer());
    expect(root).toEqual(sigstore.tuf.root);
    expect(JSON.parse(await read(sigstore, root, "trusted_root.json"))).toEqual(sigstore.trustedRoot);
    expect(JSON.parse(await read(sigstore, root, "signing_config.v0.2.json"))).toEqual(sigstore.signingConfig);
    expect(await read(sigstore, root, "nothing")).toBe("none");
    const rootPath = join(home, "root.json");
    writeFileSync(rootPath, root);
    const client = await foreign.initTUF({ mirrorURL: `${sigstore.url}/tuf`, rootPath, cachePath: home });
    expect(JSON.parse(await client.getTarget("trusted_root.json"))).toEqual(sigstore.trustedRoot);
  } finally {
    await sigstore.close();
  }
});

test("the root stays the same from start to start, and all else gets newer", async () => {
  const dir = join(home, "state");
  const first = await startLocalSigstore({ dir });
  await first.close();
  const second = await startLocalSigstore({ dir });
  try {
    expect(second.tuf.root).toEqual(first.tuf.root);
    expect(new Uint8Array(readFileSync(join(dir, "tuf_root.json")))).toEqual(first.tuf.root);
    const version = (each: LocalSigstore): number =>
      (
        JSON.parse(Buffer.from(each.tuf.files.get("timestamp.json") ?? []).toString("utf8")) as {
          signed: { version: number };
        }
      ).signed.version;
    expect(version(second)).toBeGreaterThan(version(first));
    expect(JSON.parse(await read(second, first.tuf.root, "trusted_root.json"))).toEqual(second.trustedRoot);
  } finally {
    await second.close();
  }
});

test("it can misbehave like any other service", async () => {
  const sigstore = await startLocalSigstore();
  try {
    sigstore.faults.set("tuf", { kind: "garbage" });
    await expect(read(sigstore, sigstore.tuf.root, "trusted_root.json")).rejects.toMatchObject({ name: "TrustError" });
  } finally {
    await sigstore.close();
  }
});
