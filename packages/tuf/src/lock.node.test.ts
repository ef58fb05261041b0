import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { nodeLocks } from "./lock.node.ts";

const root = mkdtempSync(join(tmpdir(), "countersign-lock-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("a lock of the platform", () => {
  test("is held by one owner at a time, in this process too", async () => {
    const path = join(root, "one");
    const first = await nodeLocks.take(path);
    expect(first).toBeDefined();
    expect(await nodeLocks.take(path)).toBeUndefined();
    await first?.release();
    await first?.release();
    const second = await nodeLocks.take(path);
    expect(second).toBeDefined();
    await second?.release();
    expect(statSync(path).size).toBe(0);
  });

  test("of a killed owner is free at once; while it lives nobody gets it", async () => {
    const path = join(root, "killed");
    const owner = spawn(process.execPath, [fileURLToPath(new URL("lock-owner.contract.ts", import.meta.url)), path]);
    await once(owner.stdout, "data");
    expect(await nodeLocks.take(path)).toBeUndefined();
    const ended = once(owner, "exit");
    owner.kill("SIGKILL");
    await ended;
    const lock = await nodeLocks.take(path);
    expect(lock).toBeDefined();
    await lock?.release();
  });

  test("heals a file into which somebody wrote", async () => {
    const path = join(root, "written");
    writeFileSync(path, "garbage ".repeat(1000));
    const lock = await nodeLocks.take(path);
    expect(lock).toBeDefined();
    expect(await nodeLocks.take(path)).toBeUndefined();
    await lock?.release();
    expect(readFileSync(path, "utf8")).toBe("");
  });

  test("where none can be had is an error, never a free pass", async () => {
    mkdirSync(join(root, "folder"));
    await expect(nodeLocks.take(join(root, "folder"))).rejects.toMatchObject({ code: "TUF_DISK_READ_ONLY" });
    await expect(nodeLocks.take(join(root, "none", "lock"))).rejects.toMatchObject({ code: "TUF_DISK_READ_ONLY" });
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (() => undefined) as unknown as typeof getBuiltinModule;
    try {
      await expect(nodeLocks.take(join(root, "other"))).rejects.toMatchObject({ code: "TUF_LOCK_FAILED" });
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
  });
});
