import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { checkOutput, rewriteFile, writeAtomic } from "./output.node.ts";
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
    accessSync: failing("access", real.accessSync),
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

test("rewriteFile keeps a file's rights and the link that leads to it, and the old text if it fails", () => {
  const [path, link] = [join(folder.path, "rights.yaml"), join(folder.path, "link.yaml")];
  writeFileSync(path, "one", { mode: 0o640 });
  fs.chmodSync(path, 0o640);
  symlinkSync("rights.yaml", link);
  rewriteFile(link, "two");
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  fault.step = "fsync";
  fault.code = "ENOSPC";
  expect(() => rewriteFile(link, "three")).toThrow(expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }) as Error);
  expect(readFileSync(path, "utf8")).toBe("two");
});

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

describe.skipIf(process.platform === "win32")("what is no file", () => {
  test("a pipe, also behind a link, is written into and stays a pipe", async () => {
    const place = emptyFolder("pipes");
    const pipe = join(place, "pipe");
    execFileSync("mkfifo", [pipe]);
    symlinkSync(pipe, join(place, "link"));
    // Opened for both ends, so that nobody waits for the other.
    const fd = fs.openSync(pipe, "r+");
    for (const name of ["pipe", "link"]) {
      const path = join(place, name);
      checkOutput(path, []);
      writeAtomic(path, `into ${name}`);
      const buffer = Buffer.alloc(64);
      expect(buffer.toString("utf8", 0, fs.readSync(fd, buffer))).toBe(`into ${name}`);
    }
    fs.closeSync(fd);
    expect(statSync(pipe).isFIFO()).toBe(true);
    expect(readdirSync(place).toSorted()).toEqual(["link", "pipe"]);
  });

  test.skipIf(process.platform !== "linux")("where /dev/stdout leads is written to, and not replaced", () => {
    const place = emptyFolder("stdout");
    const path = join(place, "redirected");
    const fd = fs.openSync(path, "w");
    const { ino } = statSync(path);
    checkOutput(`/proc/self/fd/${fd}`, []);
    writeAtomic(`/proc/self/fd/${fd}`, "a bundle");
    fs.closeSync(fd);
    expect([readFileSync(path, "utf8"), statSync(path).ino]).toEqual(["a bundle", ino]);
  });

  test("a pipe that nobody may write to", () => {
    const pipe = join(emptyFolder("no-pipe"), "pipe");
    execFileSync("mkfifo", [pipe]);
    Object.assign(fault, { step: "open", code: "EACCES" });
    expect(() => writeAtomic(pipe, "x")).toThrow(expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }) as Error);
    fault.step = "";
    expect(statSync(pipe).isFIFO()).toBe(true);
  });
});

describe("checkOutput", () => {
  test.each([
    ["a directory", ".", "CLI_FILE_DIRECTORY", "usage"],
    ["a directory that is not there", "none/out.json", "CLI_FILE_MISSING", "usage"],
    ["a file for a directory", "file/out.json", "CLI_FILE_MISSING", "usage"],
  ])("%s is no place for an output", (_, name, code, kind) => {
    const place = emptyFolder(`place-${name.replace("/", "-")}`);
    writeFileSync(join(place, "file"), "x");
    expect(() => checkOutput(join(place, name), [])).toThrow(expect.objectContaining({ code, kind }) as Error);
  });

  test("a directory that nothing may be written in", () => {
    const place = emptyFolder("read-only");
    Object.assign(fault, { step: "access", code: "EACCES" });
    expect(() => checkOutput(join(place, "out.json"), [])).toThrow(
      expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }) as Error,
    );
    fault.step = "";
  });

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

test("a name that is too long is no bug of ours", () => {
  const path = join(folder.path, "x".repeat(300));
  for (const use of [() => checkOutput(path, []), () => writeAtomic(path, "x")])
    expect(use).toThrowError(expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }) as Error);
});
