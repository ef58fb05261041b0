import { beforeAll, describe, expect, test } from "vitest";
import { parseUtf8, utf8 } from "@countersign/core";
import {
  addTufTarget,
  crashEverywhere,
  DiskState,
  makeSimulatedDisk,
  makeSimulatedLocks,
  makeTufKey,
  makeTufRepository,
  publishTuf,
  publishTufRoot,
  tufFetcher,
  tufNow,
  type TufRepository,
} from "@countersign/testkit";
import { makeDirectoryStore } from "./directory-store.ts";
import { createUpdater, type Updater } from "./updater.ts";
import type { Disk } from "./disk.ts";

/** What is published, frozen at a moment. */
type Published = Pick<TufRepository, "metadata" | "targets">;

let old: Published;
let now: Published;
let anchor: Uint8Array;

function frozen({ metadata, targets }: TufRepository): Published {
  return { metadata: new Map(metadata), targets: new Map(targets) };
}

beforeAll(async () => {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "version 1");
  await publishTuf(repository);
  anchor = repository.metadata.get("1.root.json") ?? anchor;
  old = frozen(repository);
  // Another timestamp key, so that roots follow, and a new release.
  const key = makeTufKey();
  const root = repository.root.signed as { keys: Record<string, unknown>; roles: { timestamp: { keyids: string[] } } };
  root.keys[key.keyid] = key.json;
  root.roles.timestamp.keyids = [key.keyid];
  repository.timestamp.signers.splice(0, 1, key);
  await publishTufRoot(repository);
  await publishTufRoot(repository);
  addTufTarget(repository, "app.bin", "version 2");
  await publishTuf(repository);
  now = frozen(repository);
});

function clientOn(disk: Disk, published: Published): Updater {
  const options = { directory: "/store", disk, locks: makeSimulatedLocks(), sleep: async () => {}, maxWaitMs: 10 };
  const fetch = tufFetcher({ ...makeTufRepository(), ...published });
  return createUpdater({ root: anchor, store: makeDirectoryStore(options), fetch, now: () => tufNow });
}

/** A store that has seen the old release, all of it durable. */
async function oldStore(): Promise<DiskState> {
  const state = new DiskState();
  state.addDirectory("/");
  const { disk } = makeSimulatedDisk(state);
  await clientOn(disk, old).refresh();
  return state.afterKill();
}

/** Thousands of runs; seconds, where nothing else runs. */
const limitMs = 120_000;

describe("T6: an update client", () => {
  test(
    "that is cut off anywhere starts again, and never falls behind what it had accepted",
    { timeout: limitMs },
    async () => {
      const start = await oldStore();
      let isDone = false;
      let refusedOld = 0;
      const cuts = await crashEverywhere({
        start: () => {
          isDone = false;
          return start.afterKill();
        },
        run: async (disk) => {
          await clientOn(disk, now).refresh();
          isDone = true;
        },
        check: async (state, how) => {
          const back = state.afterKill();
          // An attacker who has the old release only: refused, unless nothing of the new one was accepted before.
          const behind = await clientOn(makeSimulatedDisk(back).disk, old)
            .refresh()
            .then(
              () => "accepted",
              (error: { readonly code: string }) => error.code,
            );
          if (behind !== "accepted") refusedOld++;
          expect(["accepted", "TUF_ROLLBACK", "TUF_THRESHOLD"]).toContain(behind);
          if (isDone) expect(behind, `cut ${how.cutAt}, power ${how.power}`).not.toBe("accepted");
          const client = clientOn(makeSimulatedDisk(state).disk, now);
          const target = await client.target("app.bin");
          expect(target?.version).toBe(2);
          expect(target?.under.root).toBe(3);
        },
        powerCuts: 4,
      });
      expect(cuts).toBeGreaterThan(20);
      expect(refusedOld).toBeGreaterThan(0);
    },
  );

  test("that is cut off at its first start starts again", { timeout: limitMs }, async () => {
    await crashEverywhere({
      start: () => makeSimulatedDisk().state,
      run: async (disk) => void (await clientOn(disk, now).refresh()),
      check: async (state) => {
        expect((await clientOn(makeSimulatedDisk(state).disk, now).target("app.bin"))?.version).toBe(2);
      },
      powerCuts: 3,
    });
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["empty", () => new Uint8Array(0)],
    ["cut", (bytes) => bytes.slice(0, bytes.length >> 1)],
    ["zeros", (bytes) => new Uint8Array(bytes.length)],
    ["too long", (bytes) => utf8(parseUtf8(bytes) + " ".repeat(70_000_000 / 1000))],
    ["of another file", () => utf8("{}")],
  ])("whose files are %s, one by one or all, starts again from its anchor", async (_, damage) => {
    const start = await oldStore();
    const names = [...(start.directory("/store")?.current.keys() ?? [])].filter((name) => name !== "lock");
    for (const damaged of [...names.map((name) => [name]), names]) {
      const state = start.afterKill();
      for (const name of damaged) {
        const bytes = damage(state.directory("/store")?.current.get(name)?.current ?? new Uint8Array(0));
        state.put("/store", name, { kind: "file", current: bytes, synced: bytes });
      }
      expect((await clientOn(makeSimulatedDisk(state).disk, now).target("app.bin"))?.version).toBe(2);
    }
  });

  test("on a full disk says so, and goes on once there is room", async () => {
    const start = await oldStore();
    for (let at = 1; at <= 40; at += 3) {
      const { disk, state } = makeSimulatedDisk(start.afterKill(), { full: { at, times: 1000 } });
      const outcome = await clientOn(disk, now)
        .refresh()
        .then(
          () => "done",
          (error: { readonly code: string }) => error.code,
        );
      expect(["done", "TUF_DISK_FULL"]).toContain(outcome);
      expect((await clientOn(makeSimulatedDisk(state).disk, now).target("app.bin"))?.version).toBe(2);
    }
  });
});
