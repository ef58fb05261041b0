import { expect, test } from "vitest";
import { TrustError, utf8 } from "@countersign/core";
import { makeKeyPair, makeTufRepository } from "@countersign/local-sigstore";
import { makeMemoryStore, type Fetcher } from "@countersign/tuf";
import { fetchTrustUpdate } from "./trust-update.ts";
import { loadTufRoot } from "./tuf-root.ts";

const now = new Date("2026-06-01T00:00:00Z");

/** Asks a repository of these targets for a trust root; `taken`, or the code of the refusal. */
async function ask(targets: Readonly<Record<string, string>>): Promise<string> {
  const { root, files } = await makeTufRepository({
    targets: new Map(Object.entries(targets).map(([name, text]) => [name, utf8(text)])),
    rootKey: makeKeyPair("p256"),
    onlineKey: makeKeyPair("p256"),
    start: now,
    now,
    keep: (bytes) => bytes,
  });
  const fetcher: Fetcher = {
    metadata: async (name) => files.get(name),
    target: async (path) => {
      const bytes = files.get(`targets/${path}`);
      return bytes && { start: 0, mirror: 0, body: onePiece(bytes) };
    },
  };
  try {
    await fetchTrustUpdate({ root, fetcher, store: makeMemoryStore(), now: () => now });
    return "taken";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test("a repository without a trust root, or with one that cannot be read, is refused", async () => {
  expect(await ask({ other: "x" })).toBe("PIPELINE_TRUST_TARGET");
  expect(await ask({ "trusted_root.json": "{}" })).toMatch(/^SIGSTORE_/);
  expect(await ask({ "trusted_root.json": "x".repeat(17 * 1024 * 1024) })).toBe("PIPELINE_TRUST_TARGET");
});

test("one whose signing config cannot be read is refused too", async () => {
  const trusted = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';
  expect(await ask({ "trusted_root.json": trusted })).toBe("taken");
  expect(await ask({ "trusted_root.json": trusted, "signing_config.v0.2.json": "{}" })).toMatch(/^SIGSTORE_/);
});

test("roots are built in for each public instance", async () => {
  expect((await loadTufRoot("github")).url).toBe("https://tuf-repo.github.com");
});
