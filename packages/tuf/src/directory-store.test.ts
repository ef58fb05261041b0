import { describe, expect, test } from "vitest";
import { parseUtf8, utf8 } from "@countersign/core";
import { crashEverywhere, DiskState, makeSimulatedDisk, makeSimulatedLocks } from "@countersign/testkit";
import { makeDirectoryStore } from "./directory-store.ts";
import type { Disk } from "./disk.ts";
import type { Locks } from "./lock.ts";
import type { Store, StoreSession } from "./store.ts";

const directory = "/home/store";
const mostBytes = 1000;

function storeOn(disk: Disk, locks: Locks = makeSimulatedLocks()): Store {
  return makeDirectoryStore({ directory, disk, locks, sleep: async () => {}, maxWaitMs: 1000 });
}

async function textOf(session: StoreSession, name: string): Promise<string | undefined> {
  const bytes = await session.read(name, mostBytes);
  return bytes && parseUtf8(bytes);
}

const oldText = (name: string): string => `old ${name} ${"o".repeat(50)}`;
const newText = (name: string): string => `new ${name} ${"n".repeat(70)}`;
const names = ["2.root.json", "root.json", "timestamp.json", "snapshot.json", "targets.json"];

/** A durable store as an earlier run left it. */
function oldState(): DiskState {
  const state = new DiskState();
  for (const path of ["/", "/home", directory]) state.addDirectory(path);
  for (const name of [...names, "role.json"]) {
    const bytes = utf8(oldText(name));
    state.put(directory, name, { kind: "file", current: bytes, synced: bytes });
  }
  return state;
}

describe("T6: a store that is cut off", () => {
  test("holds, after every cut and loss of power, each file whole: the old one, or the new one once its write was over", async () => {
    let written: string[] = [];
    const cuts = await crashEverywhere({
      start: () => {
        written = [];
        return oldState();
      },
      run: (disk) =>
        storeOn(disk).open(async (session) => {
          for (const name of names) {
            await session.write(name, utf8(newText(name)));
            written.push(name);
          }
        }),
      check: (state, how) =>
        storeOn(makeSimulatedDisk(state).disk).open(async (session) => {
          for (const name of names) {
            const text = await textOf(session, name);
            const allowed = written.includes(name) ? [newText(name)] : [oldText(name), newText(name)];
            expect(allowed, `${name} after cut ${how.cutAt}, power ${how.power}`).toContain(text);
          }
          expect(await session.list()).toEqual([...names, "role.json"].toSorted());
        }),
    });
    expect(cuts).toBeGreaterThan(names.length * 4);
  });

  test("starts from nothing after every cut of its first session", async () => {
    await crashEverywhere({
      start: () => makeSimulatedDisk().state,
      run: (disk) => storeOn(disk).open((session) => session.write("root.json", utf8(newText("root.json")))),
      check: (state) =>
        storeOn(makeSimulatedDisk(state).disk).open(async (session) => {
          expect([undefined, newText("root.json")]).toContain(await textOf(session, "root.json"));
          await session.write("root.json", utf8("again"));
          expect(await textOf(session, "root.json")).toBe("again");
        }),
    });
  });

  test("removes what a killed session left half-written", async () => {
    let leftovers = 0;
    await crashEverywhere({
      start: oldState,
      run: (disk) => storeOn(disk).open((session) => session.cache("role.json", utf8(newText("role.json")))),
      check: async (state) => {
        const { disk } = makeSimulatedDisk(state);
        leftovers += (await disk.list(directory)).filter((name) => name.endsWith(".tmp")).length;
        await storeOn(disk).open(async () => {});
        expect((await disk.list(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      },
    });
    expect(leftovers).toBeGreaterThan(0);
  });

  test("a cached file is whole after a kill", async () => {
    const cuts = await crashEverywhere({
      start: oldState,
      run: (disk) => storeOn(disk).open((session) => session.cache("role.json", utf8(newText("role.json")))),
      check: (state, { power }) =>
        storeOn(makeSimulatedDisk(state).disk).open(async (session) => {
          const text = await textOf(session, "role.json");
          if (!power) expect([oldText("role.json"), newText("role.json")]).toContain(text);
        }),
    });
    expect(cuts).toBe(3);
  });

  test("a disk that is full at any step leaves old files whole, and the next session works", async () => {
    for (let at = 1; at <= 12; at++) {
      for (const times of [1, 100]) {
        const { disk, state } = makeSimulatedDisk(oldState(), { full: { at, times } });
        const outcome = await storeOn(disk)
          .open((session) => session.write("root.json", utf8(newText("root.json"))))
          .then(
            () => "written",
            (error: { readonly code: string }) => error.code,
          );
        const after = await storeOn(makeSimulatedDisk(state.afterPowerCut(() => 0.99)).disk).open(async (session) => {
          const text = await textOf(session, "root.json");
          await session.write("root.json", utf8("again"));
          return text;
        });
        if (outcome === "written") expect(after).toBe(newText("root.json"));
        else
          expect(["TUF_DISK_FULL", oldText("root.json"), newText("root.json")]).toEqual(
            expect.arrayContaining([outcome, after]),
          );
      }
    }
  });
});

describe("a store in a directory", () => {
  test("says that a file is damaged where a directory, a link or too much is, and the next write puts it right", async () => {
    const state = oldState();
    state.addDirectory(`${directory}/snapshot.json`);
    state.put(directory, "timestamp.json", { kind: "link", current: utf8("/etc/passwd"), synced: utf8("/etc/passwd") });
    const damaged = { code: "TUF_STORE_DAMAGED", kind: "malformed" };
    await storeOn(makeSimulatedDisk(state).disk).open(async (session) => {
      await expect(session.read("snapshot.json", mostBytes)).rejects.toMatchObject(damaged);
      await expect(session.read("timestamp.json", mostBytes)).rejects.toMatchObject(damaged);
      await expect(session.read("root.json", 10)).rejects.toMatchObject(damaged);
      for (const name of ["snapshot.json", "timestamp.json"]) await session.write(name, utf8("right"));
      expect(await textOf(session, "snapshot.json")).toBe("right");
      expect(await textOf(session, "timestamp.json")).toBe("right");
    });
  });

  test("asks the disk only for what was there when the session began, or came since", async () => {
    const { disk } = makeSimulatedDisk(oldState());
    const asked: string[] = [];
    const noting = <T>(step: (path: string) => Promise<T>) => {
      return (path: string): Promise<T> => {
        asked.push(path.slice(directory.length + 1));
        return step(path);
      };
    };
    const { stat, open, remove } = disk;
    const noted = { ...disk, stat: noting(stat), open: noting(open), remove: noting(remove) };
    await storeOn(noted).open(async (session) => {
      asked.splice(0);
      expect(await textOf(session, "new.json")).toBeUndefined();
      await session.write("new.json", utf8("new"));
      expect(asked).toEqual([]);
      expect(await textOf(session, "new.json")).toBe("new");
      await session.write("new.json", utf8("newer"));
      expect(await textOf(session, "new.json")).toBe("newer");
      await session.remove("new.json");
      expect(await textOf(session, "new.json")).toBeUndefined();
      expect(await textOf(session, "root.json")).toBe(oldText("root.json"));
      expect(asked).toContain("new.json");
    });
  });

  test("knows a file under another spelling, where the file system does", async () => {
    const { disk } = makeSimulatedDisk(oldState(), { caseBlind: true });
    await storeOn(disk).open(async (session) => {
      expect(await textOf(session, "ROLE.json")).toBe(oldText("role.json"));
    });
  });

  test("writes again what it could not write, in the same session", async () => {
    const { disk } = makeSimulatedDisk(oldState());
    let failures = 2;
    const rename = async (from: string, to: string): Promise<void> => {
      if (failures-- > 0) throw new Error("no rename");
      await disk.rename(from, to);
    };
    // What the first failure leaves cannot be removed at once either.
    let isStuck = true;
    const remove = async (path: string): Promise<void> => {
      if (isStuck && (await disk.stat(path)) !== undefined) isStuck = false;
      else await disk.remove(path);
    };
    await storeOn({ ...disk, rename, remove }).open(async (session) => {
      await expect(session.write("new.json", utf8("new"))).rejects.toThrow("no rename");
      await expect(session.write("new.json", utf8("new"))).rejects.toThrow("no rename");
      await session.write("new.json", utf8("new"));
      expect(await textOf(session, "new.json")).toBe("new");
    });
  });

  test("refuses a name that leads elsewhere, in every operation", async () => {
    const refused = { code: "TUF_STORE_NAME" };
    await storeOn(makeSimulatedDisk().disk).open(async (session) => {
      await expect(session.read("../x", 1)).rejects.toMatchObject(refused);
      await expect(session.write("../x", utf8(""))).rejects.toMatchObject(refused);
      await expect(session.cache("a/b", utf8(""))).rejects.toMatchObject(refused);
      await expect(session.remove("lock")).rejects.toMatchObject(refused);
    });
  });

  test("waits for its turn, and says so when it does not come", async () => {
    const locks = makeSimulatedLocks();
    const { disk } = makeSimulatedDisk();
    const store = storeOn(disk, locks);
    await store.open(async () => {
      await expect(store.open(async () => {})).rejects.toMatchObject({ code: "TUF_STORE_BUSY", kind: "unavailable" });
      const stopped = store.open(async () => {}, { signal: AbortSignal.abort() });
      await expect(stopped).rejects.toMatchObject({ code: "TUF_STORE_ABORTED" });
    });
    await store.open(async () => {});
  });

  test("gives its lock back after a failure", async () => {
    const store = storeOn(makeSimulatedDisk().disk);
    await expect(store.open(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    await expect(store.open(async () => "fine")).resolves.toBe("fine");
  });
});
