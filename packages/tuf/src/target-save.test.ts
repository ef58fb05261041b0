import { describe, expect, test } from "vitest";
import { digestOf, equalBytes, utf8, type Digest } from "@countersign/core";
import { crashEverywhere, DiskState, makeSimulatedDisk, makeSimulatedLocks, type DiskFate } from "@countersign/testkit";
import { tufError } from "./errors.ts";
import { saveTarget, type TargetFolder } from "./target-save.ts";
import { streamTarget } from "./target-stream.ts";
import type { Disk } from "./disk.ts";
import type { Fetcher } from "./fetch.ts";
import type { WantedTarget } from "./target-check.ts";

const out = "/out";
const content = Uint8Array.from({ length: 2_500_000 }, (_, at) => (at * 7919) >> 3);
const forged = content.map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte));
const small = utf8("a small file");

/** Quicker than a comparison that could say where two arrays differ. */
function isContent(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && equalBytes(bytes, content);
}

function wantedOf(bytes: Uint8Array, name = "dir/file.bin"): WantedTarget {
  const digests = [digestOf("sha256", bytes), digestOf("sha512", bytes)];
  return { name, length: bytes.length, digests, addresses: [name] };
}

interface Served {
  readonly bytes: Uint8Array;
  /** Breaks off there. */
  readonly cutAt?: number;
  /** Gives all of it whatever is asked. */
  readonly noRanges?: true;
  readonly chunkBytes?: number;
}

/** Mirrors in memory; `starts` tells what was asked. */
function fetcherOf(mirrors: readonly Served[], starts: [number, number][] = []): Fetcher {
  return {
    metadata: async () => undefined,
    target: async (_, { start = 0, fromMirror = 0 }) => {
      const served = mirrors[fromMirror];
      if (served === undefined) return undefined;
      starts.push([fromMirror, start]);
      const from = served.noRanges === true ? 0 : start;
      return { start: from, mirror: fromMirror, body: piecesOf(served, from), validator: '"tag"' };
    },
  };
}

async function* piecesOf(
  { bytes, cutAt = Number.POSITIVE_INFINITY, chunkBytes = 65_536 }: Served,
  from: number,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < Math.min(bytes.length, cutAt); at += chunkBytes)
    yield bytes.subarray(at, Math.min(at + chunkBytes, cutAt));
  if (cutAt < bytes.length) throw tufError("TUF_FETCH_CUT");
}

function folderOn(disk: Disk, overrides: Partial<TargetFolder> = {}): TargetFolder {
  const wait = { sleep: () => new Promise<void>((resolve) => void setImmediate(resolve)), maxWaitMs: 20_000 };
  const locks = makeSimulatedLocks();
  return {
    directory: out,
    disk,
    naming: "posix",
    owner: { kind: "shared", lockDirectory: "/locks", id: "me", locks, ...wait },
    ...overrides,
  };
}

function diskOf(fate: DiskFate = {}): ReturnType<typeof makeSimulatedDisk> {
  return makeSimulatedDisk(startState(), fate);
}

function startState(): DiskState {
  const state = new DiskState();
  state.addDirectory("/");
  return state;
}

function bytesAt(state: DiskState, path: string): Uint8Array | undefined {
  const slash = path.lastIndexOf("/");
  return state.directory(path.slice(0, slash))?.current.get(path.slice(slash + 1))?.current;
}

function namesIn(state: DiskState, directory: string): readonly string[] {
  return [...(state.directory(directory)?.current.keys() ?? [])];
}

describe("a target that is saved", () => {
  test("is whole under its name, and nothing else is left", async () => {
    const { disk, state } = diskOf();
    const progress: number[] = [];
    const saved = await saveTarget(fetcherOf([{ bytes: content }]), wantedOf(content), folderOn(disk), {
      onProgress: (bytes) => void progress.push(bytes),
    });
    expect(saved).toEqual({ path: "/out/dir/file.bin", reusedBytes: 0 });
    expect(isContent(bytesAt(state, saved.path))).toBe(true);
    expect(namesIn(state, "/out/dir")).toEqual(["file.bin"]);
    expect(progress.at(0)).toBe(0);
    expect(progress.at(-1)).toBe(content.length);
  });

  test("may be empty, or one byte", async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(1)]) {
      const { disk, state } = diskOf();
      await saveTarget(fetcherOf([{ bytes }]), wantedOf(bytes), folderOn(disk));
      expect(bytesAt(state, "/out/dir/file.bin")).toEqual(bytes);
    }
  });

  test("is not fetched again if it is there and right, and replaced if it is not", async () => {
    const { disk, state } = diskOf();
    const starts: [number, number][] = [];
    const fetcher = fetcherOf([{ bytes: content }], starts);
    for (let times = 0; times < 2; times++) await saveTarget(fetcher, wantedOf(content), folderOn(disk));
    expect(starts).toHaveLength(1);
    for (const wrong of [forged, content.subarray(1), new Uint8Array(0)]) {
      state.put("/out/dir", "file.bin", { kind: "file", current: wrong, synced: wrong });
      await saveTarget(fetcher, wantedOf(content), folderOn(disk));
      expect(isContent(bytesAt(state, "/out/dir/file.bin"))).toBe(true);
    }
    expect(starts).toHaveLength(4);
  });

  test.each([
    ["the last byte is another", forged, "TUF_TARGET_HASH"],
    ["it is shorter", content.subarray(0, -1), "TUF_TARGET_LENGTH"],
    ["it is empty", new Uint8Array(0), "TUF_TARGET_LENGTH"],
  ])("is refused if %s, and nothing shows under its name", async (_, bytes, code) => {
    const { disk, state } = diskOf();
    const refused = saveTarget(fetcherOf([{ bytes }]), wantedOf(content), folderOn(disk));
    await expect(refused).rejects.toMatchObject({ code, kind: "untrusted" });
    expect(namesIn(state, "/out/dir")).not.toContain("file.bin");
  });

  test("keeps the old file if the new one is refused", async () => {
    const { disk, state } = diskOf();
    await saveTarget(fetcherOf([{ bytes: small }]), wantedOf(small), folderOn(disk));
    const refused = saveTarget(fetcherOf([{ bytes: forged }]), wantedOf(content), folderOn(disk));
    await expect(refused).rejects.toMatchObject({ code: "TUF_TARGET_HASH" });
    expect(bytesAt(state, "/out/dir/file.bin")).toEqual(small);
  });

  test("every hash must be right, and there must be one", async () => {
    const { disk } = diskOf();
    const other = digestOf("sha512", forged);
    const halfRight = { ...wantedOf(content), digests: [digestOf("sha256", content), other] };
    const fetcher = fetcherOf([{ bytes: content }]);
    await expect(saveTarget(fetcher, halfRight, folderOn(disk))).rejects.toMatchObject({ code: "TUF_TARGET_HASH" });
    const none = { ...wantedOf(content), digests: [] as Digest[] };
    await expect(saveTarget(fetcher, none, folderOn(disk))).rejects.toMatchObject({ code: "TUF_TARGET_HASH" });
  });

  test("that no mirror has is an error", async () => {
    const { disk } = diskOf();
    const refused = saveTarget(fetcherOf([]), wantedOf(content), folderOn(disk));
    await expect(refused).rejects.toMatchObject({ code: "TUF_TARGET_ABSENT", kind: "unavailable" });
  });

  test("comes from the next mirror if the first one lies", async () => {
    const { disk, state } = diskOf();
    const starts: [number, number][] = [];
    const mirrors = [{ bytes: forged }, { bytes: content.subarray(1) }, { bytes: content }];
    await saveTarget(fetcherOf(mirrors, starts), wantedOf(content), folderOn(disk));
    expect(isContent(bytesAt(state, "/out/dir/file.bin"))).toBe(true);
    expect(starts).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
  });
});

describe("T7: a target that was cut off", () => {
  test("goes on where the last process ended, with all of it hashed", async () => {
    const { disk, state } = diskOf();
    const starts: [number, number][] = [];
    const cutAt = 1_800_000;
    const cut = saveTarget(fetcherOf([{ bytes: content, cutAt }], starts), wantedOf(content), folderOn(disk));
    await expect(cut).rejects.toMatchObject({ code: "TUF_FETCH_CUT" });
    expect(namesIn(state, "/out/dir")).not.toContain("file.bin");
    const saved = await saveTarget(fetcherOf([{ bytes: content }], starts), wantedOf(content), folderOn(disk));
    expect(saved.reusedBytes).toBe(cutAt);
    expect(starts).toEqual([
      [0, 0],
      [0, cutAt],
    ]);
    expect(isContent(bytesAt(state, "/out/dir/file.bin"))).toBe(true);
    expect(namesIn(state, "/out/dir")).toEqual(["file.bin"]);
  });

  test("begins anew at a server that knows no ranges", async () => {
    const { disk, state } = diskOf();
    await saveTarget(fetcherOf([{ bytes: content, cutAt: 900_000 }]), wantedOf(content), folderOn(disk)).catch(
      () => {},
    );
    await saveTarget(fetcherOf([{ bytes: content, noRanges: true }]), wantedOf(content), folderOn(disk));
    expect(isContent(bytesAt(state, "/out/dir/file.bin"))).toBe(true);
  });

  test("begins anew, at the same mirror, if what the last process left was wrong", async () => {
    for (const left of [forged.subarray(0, 1_000_000).fill(1), forged, new Uint8Array(content.length + 1)]) {
      const { disk, state } = diskOf();
      await saveTarget(fetcherOf([{ bytes: content, cutAt: 10 }]), wantedOf(content), folderOn(disk)).catch(() => {});
      const part = namesIn(state, "/out/dir").find((name) => name.endsWith(".part")) ?? "";
      state.put("/out/dir", part, { kind: "file", current: left, synced: left });
      const saved = await saveTarget(fetcherOf([{ bytes: content }]), wantedOf(content), folderOn(disk));
      expect(saved.reusedBytes).toBe(0);
      expect(isContent(bytesAt(state, "/out/dir/file.bin"))).toBe(true);
    }
  });

  test("that only misses its last step needs no mirror", async () => {
    const { disk, state } = diskOf();
    await saveTarget(fetcherOf([{ bytes: content, cutAt: 10 }]), wantedOf(content), folderOn(disk)).catch(() => {});
    const part = namesIn(state, "/out/dir").find((name) => name.endsWith(".part")) ?? "";
    state.put("/out/dir", part, { kind: "file", current: content, synced: content });
    const saved = await saveTarget(fetcherOf([]), wantedOf(content), folderOn(disk));
    expect(saved.reusedBytes).toBe(content.length);
  });

  test("leaves nothing if nobody could go on", async () => {
    const { disk, state } = diskOf();
    const folder = folderOn(disk, { owner: { kind: "alone", newId: () => "once" } });
    const cut = saveTarget(fetcherOf([{ bytes: content, cutAt: 10 }]), wantedOf(content), folder);
    await expect(cut).rejects.toMatchObject({ code: "TUF_FETCH_CUT" });
    expect(namesIn(state, "/out/dir")).toEqual([]);
    await saveTarget(fetcherOf([{ bytes: content }]), wantedOf(content), folder);
    expect(namesIn(state, "/out/dir")).toEqual(["file.bin"]);
  });

  test("is waited for if another process has it in hand", async () => {
    const { disk } = diskOf();
    const folder = folderOn(disk);
    if (folder.owner.kind !== "shared") throw new Error("shared");
    const stripe = Number.parseInt(wantedOf(content).digests[0]?.slice(7, 9) ?? "", 16) % 64;
    const lock = await folder.owner.locks.take(`/locks/${stripe}`);
    const fetcher = fetcherOf([{ bytes: content }]);
    await expect(saveTarget(fetcher, wantedOf(content), folder)).rejects.toMatchObject({ code: "TUF_TARGET_BUSY" });
    const stopped = saveTarget(fetcher, wantedOf(content), folder, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "TUF_FETCH_ABORTED" });
    await lock?.release();
    const both = await Promise.all([1, 2].map(() => saveTarget(fetcher, wantedOf(content), folder)));
    expect(both.map(({ reusedBytes }) => reusedBytes)).toEqual([0, content.length]);
  });
});

describe("T6: a target under its final name", () => {
  const wanted = wantedOf(small);

  test("is, after every cut and loss of power, the right one or none, and the next process gets it", async () => {
    let seen = 0;
    await crashEverywhere({
      start: startState,
      run: async (disk) => void (await saveTarget(fetcherOf([{ bytes: small }]), wanted, folderOn(disk))),
      check: async (state, how) => {
        const bytes = bytesAt(state, "/out/dir/file.bin");
        if (bytes !== undefined) {
          seen++;
          expect(bytes, `cut ${how.cutAt}, power ${how.power}`).toEqual(small);
        }
        await saveTarget(fetcherOf([{ bytes: small }]), wanted, folderOn(makeSimulatedDisk(state).disk));
        expect(bytesAt(state, "/out/dir/file.bin")).toEqual(small);
        expect(namesIn(state, "/out/dir")).toEqual(["file.bin"]);
      },
    });
    expect(seen).toBeGreaterThan(0);
  });

  test("is the old one or the new one when it is replaced", async () => {
    const old = utf8("another file");
    await crashEverywhere({
      start: () => {
        const state = startState();
        for (const path of ["/out", "/out/dir"]) state.addDirectory(path);
        state.put("/out/dir", "file.bin", { kind: "file", current: old, synced: old });
        return state;
      },
      run: async (disk) => void (await saveTarget(fetcherOf([{ bytes: small }]), wanted, folderOn(disk))),
      check: async (state) => {
        expect([old, small]).toContainEqual(bytesAt(state, "/out/dir/file.bin"));
      },
    });
  });

  test("is not there when the disk is full, and comes once there is room", async () => {
    for (let at = 1; at < 12; at++) {
      const { disk, state } = diskOf({ full: { at, times: 50 } });
      const outcome = await saveTarget(fetcherOf([{ bytes: small }]), wanted, folderOn(disk)).then(
        () => "saved",
        (error: { readonly code: string }) => error.code,
      );
      const bytes = bytesAt(state, "/out/dir/file.bin");
      expect(bytes === undefined || bytes.every((byte, index) => byte === small[index])).toBe(true);
      expect(["saved", "TUF_DISK_FULL"]).toContain(outcome);
      await saveTarget(fetcherOf([{ bytes: small }]), wanted, folderOn(makeSimulatedDisk(state).disk));
      expect(bytesAt(state, "/out/dir/file.bin")).toEqual(small);
    }
  });
});

describe("a target that would go elsewhere", () => {
  const fetcher = fetcherOf([{ bytes: small }]);

  test.each(["../x", "/x", "a/../../x", "a\\b"])(
    "by the name %j is refused before anything is touched",
    async (name) => {
      const { disk, changes } = diskOf();
      await expect(saveTarget(fetcher, wantedOf(small, name), folderOn(disk))).rejects.toMatchObject({
        code: "TUF_TARGET_NAME",
      });
      expect(changes()).toBe(0);
    },
  );

  test("through a link or anything that is no folder is refused", async () => {
    for (const kind of ["link", "other", "file"] as const) {
      const { disk, state } = diskOf();
      state.addDirectory(out);
      state.put(out, "dir", { kind, current: small, synced: small });
      await expect(saveTarget(fetcher, wantedOf(small), folderOn(disk))).rejects.toMatchObject({
        code: "TUF_TARGET_BLOCKED",
      });
    }
  });

  test("onto a link, a pipe or a folder is refused", async () => {
    for (const kind of ["link", "other"] as const) {
      const { disk, state } = diskOf();
      state.addDirectory(out);
      state.put(out, "file", { kind, current: small, synced: small });
      const refused = saveTarget(fetcher, wantedOf(small, "file"), folderOn(disk));
      await expect(refused).rejects.toMatchObject({ code: "TUF_TARGET_BLOCKED", kind: "usage" });
    }
    const { disk, state } = diskOf();
    for (const path of [out, `${out}/file`]) state.addDirectory(path);
    await expect(saveTarget(fetcher, wantedOf(small, "file"), folderOn(disk))).rejects.toMatchObject({
      code: "TUF_TARGET_BLOCKED",
    });
  });

  test("onto another one whose name differs only in case is refused where the disk takes both for one", async () => {
    const { disk, state } = diskOf({ caseBlind: true });
    await saveTarget(fetcher, wantedOf(small, "Dir/File"), folderOn(disk));
    for (const name of ["Dir/file", "Dir/FILE"])
      await expect(saveTarget(fetcher, wantedOf(small, name), folderOn(disk))).rejects.toMatchObject({
        code: "TUF_TARGET_COLLISION",
      });
    await saveTarget(fetcher, wantedOf(small, "Dir/File"), folderOn(disk));
    expect(namesIn(state, "/out/Dir")).toEqual(["File"]);
  });

  test("on Windows by a device's name is refused", async () => {
    const { disk } = diskOf();
    const folder = folderOn(disk, { naming: "windows" });
    await expect(saveTarget(fetcher, wantedOf(small, "a/con.txt"), folder)).rejects.toMatchObject({
      code: "TUF_TARGET_NAME",
    });
  });
});

describe("a target as a stream", () => {
  async function read(served: Served, wanted = wantedOf(content)): Promise<{ bytes: number; problem?: string }> {
    let bytes = 0;
    try {
      for await (const piece of streamTarget(fetcherOf([served]), wanted)) bytes += piece.length;
      return { bytes };
    } catch (error) {
      return { bytes, problem: (error as { readonly code: string }).code };
    }
  }

  test("comes whole if it is right", async () => {
    for (const chunkBytes of [1000, 65_536, 10_000_000])
      expect(await read({ bytes: content, chunkBytes })).toEqual({ bytes: content.length });
    expect(await read({ bytes: new Uint8Array(0) }, wantedOf(new Uint8Array(0)))).toEqual({ bytes: 0 });
  });

  test.each([
    [forged, "TUF_TARGET_HASH"],
    [content.subarray(0, -1), "TUF_TARGET_LENGTH"],
  ])("ends with an error before its last piece if it is wrong", async (bytes, problem) => {
    for (const chunkBytes of [1000, 65_536, 10_000_000]) {
      const outcome = await read({ bytes, chunkBytes });
      expect(outcome.problem).toBe(problem);
      expect(outcome.bytes).toBeLessThan(bytes.length);
    }
  });

  test("that no mirror has, or that is cut off, is an error", async () => {
    const none = streamTarget(fetcherOf([]), wantedOf(content)).next();
    await expect(none).rejects.toMatchObject({ code: "TUF_TARGET_ABSENT" });
    expect((await read({ bytes: content, cutAt: 100_000 })).problem).toBe("TUF_FETCH_CUT");
  });
});
