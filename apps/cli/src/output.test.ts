import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import type * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { checkOutput, writeAtomic } from "./output.node.ts";
import { makeFolder } from "./scenario.ts";

const fault = vi.hoisted(() => ({ step: "", code: "" }));

vi.mock("node:fs", async (load) => {
  const real = await load<typeof fs>();
  const failing = <Fn extends (...args: never[]) => unknown>(step: string, act: Fn): Fn =>
    ((...args: never[]) => {
      if (fault.step === step) throw Object.assign(new Error(fault.code), { code: fault.code, syscall: step });
      return act(...args);
    }) as Fn;
  return {
    ...real,
    openSync: failing("open", real.openSync),
    writeSync: failing("write", real.writeSync),
    fsyncSync: failing("fsync", real.fsyncSync),
    renameSync: failing("rename", real.renameSync),
  };
});

const folder = makeFolder();
afterAll(folder.remove);
beforeEach(() => {
  fault.step = "";
});

function emptyFolder(name: string): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  return path;
}

describe("writeAtomic", () => {
  test("writes all of it, over an old file too", () => {
    const path = join(emptyFolder("plain"), "out.json");
    writeAtomic(path, "one");
    writeAtomic(path, "two");
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(readdirSync(join(path, ".."))).toEqual(["out.json"]);
    expect(statSync(path).mode & 0o022).toBe(0);
  });

  test.each([
    { step: "open", code: "EACCES" },
    { step: "write", code: "ENOSPC" },
    { step: "fsync", code: "EIO" },
    { step: "rename", code: "EPERM" },
    { step: "rename", code: "EBUSY" },
  ])("$code at $step leaves the old file and nothing else", ({ step, code }) => {
    const place = emptyFolder(`${step}-${code}`);
    const path = join(place, "out.json");
    writeFileSync(path, "old");
    Object.assign(fault, { step, code });
    expect(() => writeAtomic(path, "new")).toThrow(
      expect.objectContaining({ code: "CLI_OUTPUT_FAILED", kind: "unavailable" }) as Error,
    );
    fault.step = "";
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(place)).toEqual(["out.json"]);
  });
});

describe("checkOutput", () => {
  const refused = expect.objectContaining({ code: "CLI_OUTPUT_SECRET", kind: "usage" }) as Error;

  test("an input is not overwritten, by whatever name", () => {
    const place = emptyFolder("inputs");
    const path = join(place, "release.tgz");
    writeFileSync(path, "x");
    linkSync(path, join(place, "hard"));
    symlinkSync(path, join(place, "soft"));
    const precious = [{ path, what: "the artifact" }];
    for (const name of ["release.tgz", "hard", "soft"])
      expect(() => checkOutput(join(place, name), precious)).toThrow(refused);
    expect(() => checkOutput(join(place, "other"), precious)).not.toThrow();
  });

  test("a private key is not overwritten, even if it is no input", () => {
    const path = join(emptyFolder("keys"), "key.pem");
    writeFileSync(path, "-----BEGIN PRIVATE KEY-----\n");
    expect(() => checkOutput(path, [])).toThrow(refused);
    writeFileSync(path, "anything else");
    expect(() => checkOutput(path, [])).not.toThrow();
  });
});
