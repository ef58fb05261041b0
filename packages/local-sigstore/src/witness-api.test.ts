import { makeVerifier } from "@countersign/core";
import { checkCheckpoint, checkNote, parseVkey } from "@countersign/tlog";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKeyPair, startLocalSigstore } from "./index.ts";
import type { CheckpointOptions, LocalSigstore } from "./index.ts";

let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore({ witnesses: 2 });
  for (let size = 1; size <= 9; size++) stack.rekor.append(Buffer.from(`{"kind":"x","apiVersion":"${size}"}`));
});
afterAll(() => stack.close());

/** The log's checkpoint of one size, without cosignatures. */
function checkpointOf(size: number, o: CheckpointOptions = {}): string {
  return stack.rekor.checkpoint({ size, root: stack.rekor.tree.root(size), witnesses: [], ...o });
}

async function submit(
  old: number,
  checkpoint: string,
  o: { hashes?: string[]; witness?: number } = {},
): Promise<[number, string]> {
  const hashes =
    o.hashes ??
    stack.rekor.tree.consistency(old, sizeOf(checkpoint)).map((hash) => Buffer.from(hash).toString("base64"));
  const body = [`old ${old}`, ...hashes, "", checkpoint].join("\n");
  const response = await fetch(`${stack.url}/witness/${o.witness ?? 0}/add-checkpoint`, { method: "POST", body });
  return [response.status, await response.text()];
}

function sizeOf(checkpoint: string): number {
  return Number(checkpoint.split("\n")[1]);
}

test.each([0, 1])("witness %i cosigns a log's growth and keeps the last checkpoint", async (witness) => {
  for (const [old, size] of [
    [0, 3],
    [3, 7],
    [7, 7],
  ] as const) {
    const checkpoint = checkpointOf(size);
    const [status, line] = await submit(old, checkpoint, { witness });
    expect(status).toBe(200);
    const log = { name: stack.rekor.origin, verifier: makeVerifier(stack.rekor.key.spki), dialect: "c2sp" } as const;
    const { note } = checkCheckpoint(checkpoint + line, log);
    expect(checkNote(note, [parseVkey(stack.witnesses[witness]?.vkey ?? "")]).length).toBe(1);
  }
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(stack.rekor.origin))).toString("hex");
  const latest = await (await fetch(`${stack.url}/witness/${witness}/${hash}/checkpoint`)).text();
  expect(sizeOf(latest)).toBe(7);
});

describe("what a witness refuses", () => {
  test("an old size that is not its own, and one above the new", async () => {
    expect(await submit(2, checkpointOf(9))).toEqual([409, "7\n"]);
    expect((await submit(8, checkpointOf(7), { hashes: [] }))[0]).toBe(400);
  });

  test("a proof that does not hold, another root of the same size", async () => {
    expect((await submit(7, checkpointOf(9), { hashes: [] }))[0]).toBe(422);
    expect((await submit(7, checkpointOf(7, { root: new Uint8Array(32) }), { hashes: [] }))[0]).toBe(422);
  });

  test("a log it does not know, a signature that is not the log's", async () => {
    expect(
      (await submit(0, checkpointOf(9, { origin: "other.example", name: "other.example" }), { hashes: [] }))[0],
    ).toBe(404);
    expect((await submit(7, checkpointOf(9, { key: makeKeyPair("ed25519") }), { hashes: [] }))[0]).toBe(403);
  });

  test.each(["", "old x\n\nnote", "old 1\nnot a hash\n\nnote", `old 1\n${`${"A".repeat(43)}=\n`.repeat(64)}\nnote`])(
    "a body that is none: %j",
    async (body) => {
      const response = await fetch(`${stack.url}/witness/0/add-checkpoint`, { method: "POST", body });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: "LOCAL_SIGSTORE_CHECKPOINT_REFUSED" });
    },
  );

  test("to show a checkpoint that it never saw", async () => {
    const response = await fetch(`${stack.url}/witness/0/${"0".repeat(64)}/checkpoint`);
    expect(await response.json()).toMatchObject({ error: "LOCAL_SIGSTORE_NOT_FOUND" });
  });
});

test("a fault gives a cosignature by another key", async () => {
  stack.faults.set("witness", { kind: "wrong-signer", times: 1 });
  const checkpoint = checkpointOf(9);
  const [, line] = await submit(7, checkpoint);
  const log = { name: stack.rekor.origin, verifier: makeVerifier(stack.rekor.key.spki), dialect: "c2sp" } as const;
  const { note } = checkCheckpoint(checkpoint + line, log);
  expect(() => checkNote(note, [parseVkey(stack.witnesses[0]?.vkey ?? "")])).toThrow(/TLOG|signature/);
});
