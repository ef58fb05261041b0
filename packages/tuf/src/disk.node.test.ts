import {
  chmodSync,
  chownSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { equalBytes, utf8 } from "@countersign/core";
import { makeNodeDisk, maxWindowsTries, nodeFiles, type DiskFunctions } from "./disk.node.ts";
import { makeDirectories, replaceFile, type Disk } from "./disk.ts";

const root = mkdtempSync(join(tmpdir(), "countersign-disk-"));
afterAll(() => rmSync(root, { recursive: true }));

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`injected ${code}`), { code });
}

/** The real functions, but these fail so many times first. */
function failing(name: keyof DiskFunctions, code: string, times = Number.POSITIVE_INFINITY): DiskFunctions {
  let left = times;
  const real = nodeFiles[name] as (...given: unknown[]) => unknown;
  const broken = (...given: unknown[]): unknown => {
    if (left-- > 0) throw errno(code);
    return real(...given);
  };
  return { ...nodeFiles, [name]: broken };
}

async function put(disk: Disk, name: string): Promise<string> {
  const path = `${root}/${name}`;
  await replaceFile(disk, { path, temporary: `${root}/.${name}.tmp`, bytes: utf8(name) });
  return readFileSync(path, "utf8");
}

describe("the platform's disk", () => {
  const disk = makeNodeDisk();

  test("writes, reads, replaces, lists and removes", async () => {
    expect(await put(disk, "file")).toBe("file");
    expect(await put(disk, "file")).toBe("file");
    const file = await disk.reopen(`${root}/file`);
    await file?.write(utf8("XY"), 2);
    await file?.truncate(5);
    const buffer = new Uint8Array(10);
    expect(await file?.read(buffer, 1)).toBe(4);
    expect(buffer.subarray(0, 4)).toEqual(utf8("iXY\0"));
    await file?.close();
    expect(await disk.list(root)).toContain("file");
    expect(await disk.stat(`${root}/file`)).toEqual({ kind: "file", size: 5 });
    await disk.remove(`${root}/file`);
    await disk.remove(`${root}/file`);
    expect(await disk.stat(`${root}/file`)).toBeUndefined();
    expect(await disk.open(`${root}/file`)).toBeUndefined();
    expect(await disk.list(`${root}/none`)).toEqual([]);
  });

  test("reads and writes what is large, in another thread, as what is small", async () => {
    const bytes = Uint8Array.from({ length: 700_000 }, (_, at) => at % 251);
    for (let count = 0; count < 2; count++)
      await replaceFile(disk, { path: `${root}/large`, temporary: `${root}/.large.tmp`, bytes });
    const file = await disk.open(`${root}/large`);
    const buffer = new Uint8Array(bytes.length + 1);
    expect(await file?.read(buffer, 0)).toBe(bytes.length);
    expect(equalBytes(buffer.subarray(0, -1), bytes)).toBe(true);
    expect(await file?.read(buffer, 100_000)).toBe(600_000);
    await file?.close();
    await expect(file?.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "TUF_DISK_FAILED" });
  });

  test("makes directories, and removes empty ones only", async () => {
    await makeDirectories(disk, `${root}/a/b`);
    await makeDirectories(disk, `${root}/a/b`);
    await expect(disk.remove(`${root}/a`)).rejects.toMatchObject({ code: "TUF_DISK_FAILED" });
    await disk.remove(`${root}/a/b`);
    expect(await disk.stat(`${root}/a`)).toEqual({ kind: "directory", size: 0 });
  });

  test("opens neither links, nor pipes, nor directories, and creates through no link", async () => {
    writeFileSync(`${root}/precious`, "precious");
    symlinkSync("precious", `${root}/link`);
    execFileSync("mkfifo", [`${root}/pipe`]);
    mkdirSync(`${root}/folder`);
    for (const name of ["link", "pipe", "folder"])
      await expect(disk.open(`${root}/${name}`)).rejects.toMatchObject({ code: "TUF_DISK_FAILED" });
    await expect(disk.create(`${root}/link`)).rejects.toMatchObject({ code: "TUF_DISK_FAILED" });
    expect(await disk.stat(`${root}/link`)).toMatchObject({ kind: "link" });
    expect(await disk.stat(`${root}/pipe`)).toMatchObject({ kind: "other" });
    expect(readFileSync(`${root}/precious`, "utf8")).toBe("precious");
  });

  test("reopens no file that somebody else may change", async () => {
    for (const name of ["ours", "linked", "shared"]) writeFileSync(`${root}/${name}`, name, { mode: 0o644 });
    linkSync(`${root}/linked`, `${root}/other-name`);
    chmodSync(`${root}/shared`, 0o666);
    const ours = await disk.reopen(`${root}/ours`);
    expect(ours).toBeDefined();
    await ours?.close();
    expect(await disk.reopen(`${root}/linked`)).toBeUndefined();
    expect(await disk.reopen(`${root}/shared`)).toBeUndefined();
    if (process.getuid?.() !== 0) return;
    chownSync(`${root}/ours`, 12_345, 12_345);
    expect(await disk.reopen(`${root}/ours`)).toBeUndefined();
  });

  test.each([
    ["ENOSPC", "TUF_DISK_FULL"],
    ["EDQUOT", "TUF_DISK_FULL"],
    ["EROFS", "TUF_DISK_READ_ONLY"],
    ["EACCES", "TUF_DISK_READ_ONLY"],
    ["EIO", "TUF_DISK_FAILED"],
  ])("%s is %s, and leaves the old file", async (code, expected) => {
    await put(disk, code);
    for (const name of ["openSync", "renameSync"] as const) {
      const broken = makeNodeDisk({ files: failing(name, code) });
      await expect(put(broken, code)).rejects.toMatchObject({ code: expected, kind: "unavailable" });
    }
    expect(readFileSync(`${root}/${code}`, "utf8")).toBe(code);
    expect((await disk.list(root)).filter((name) => name === `.${code}.tmp`)).toEqual([]);
  });

  test("takes a file system that cannot sync directories as it is", async () => {
    const fsync: DiskFunctions["fsync"] = async (descriptor) => {
      if (fstatSync(descriptor).isDirectory()) throw errno("EINVAL");
      await nodeFiles.fsync(descriptor);
    };
    expect(await put(makeNodeDisk({ files: { ...nodeFiles, fsync } }), "unsynced")).toBe("unsynced");
  });
});

describe("a disk of Windows", () => {
  test.each(["EPERM", "EACCES", "EBUSY"])("tries a rename again that says %s, with growing pauses", async (code) => {
    const pauses: number[] = [];
    const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
    const disk = makeNodeDisk({ platform: "win32", files: failing("renameSync", code, 4), sleep });
    expect(await put(disk, `windows-${code}`)).toBe(`windows-${code}`);
    expect(pauses).toEqual([10, 20, 40, 80]);
  });

  test("gives up at last, with the old file in its place and no leftover", async () => {
    await put(makeNodeDisk(), "held");
    let pauses = 0;
    const sleep = async (): Promise<void> => void pauses++;
    const disk = makeNodeDisk({ platform: "win32", files: failing("renameSync", "EPERM"), sleep });
    await expect(put(disk, "held")).rejects.toMatchObject({ code: "TUF_DISK_READ_ONLY" });
    expect(pauses).toBe(maxWindowsTries - 1);
    expect(readFileSync(`${root}/held`, "utf8")).toBe("held");
    expect(await disk.list(root)).not.toContain(".held.tmp");
  });

  test("tries a removal again, and syncs no directory", async () => {
    await put(makeNodeDisk(), "busy");
    const directories: unknown[] = [];
    const files = failing("unlink", "EBUSY", 2);
    const openSync: DiskFunctions["openSync"] = (path, flags, mode) => {
      if (flags === "r") directories.push(path);
      return nodeFiles.openSync(path, flags, mode);
    };
    const disk = makeNodeDisk({ platform: "win32", files: { ...files, openSync }, sleep: async () => {} });
    await disk.remove(`${root}/busy`);
    await disk.syncDirectory(root);
    expect(await disk.stat(`${root}/busy`)).toBeUndefined();
    expect(directories).toEqual([]);
  });

  test("elsewhere nothing is tried twice", async () => {
    let pauses = 0;
    const sleep = async (): Promise<void> => void pauses++;
    const disk = makeNodeDisk({ platform: "linux", files: failing("renameSync", "EPERM", 1), sleep });
    await expect(put(disk, "once")).rejects.toMatchObject({ code: "TUF_DISK_READ_ONLY" });
    expect(pauses).toBe(0);
  });
});
