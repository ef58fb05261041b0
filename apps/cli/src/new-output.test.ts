import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkNewOutput, writeNewOutput } from "./new-output.ts";
import { makeFolder } from "./scenario.ts";

const { path: folder, remove } = makeFolder();
afterAll(remove);
const at = (name: string): string => join(folder, name);
const taken: object = expect.objectContaining({ code: "CLI_OUTPUT_EXISTS" }) as object;

test("a new file is written whole, with nothing left beside it", () => {
  checkNewOutput(at("new"));
  writeNewOutput(at("new"), "text");
  expect(readFileSync(at("new"), "utf8")).toBe("text");
  expect(readdirSync(folder)).toEqual(["new"]);
});

test("what is there is kept, also what came after the look and a link to nothing", () => {
  expect(() => checkNewOutput(at("new"))).toThrow(taken);
  expect(() => writeNewOutput(at("new"), "other")).toThrow(taken);
  expect(readFileSync(at("new"), "utf8")).toBe("text");
  symlinkSync("nowhere", at("link"));
  expect(() => writeNewOutput(at("link"), "other")).toThrow(taken);
  expect(existsSync(at("nowhere"))).toBe(false);
  expect(readdirSync(folder).toSorted()).toEqual(["link", "new"]);
});

test("a directory that is not there: said so", () => {
  writeFileSync(at("file"), "");
  const failed = expect.objectContaining({ code: "CLI_OUTPUT_FAILED" }) as object;
  expect(() => writeNewOutput(at("none/x"), "text")).toThrow(failed);
});

test("a pipe has nothing to lose", () => {
  execFileSync("mkfifo", [at("pipe")]);
  const fd = openSync(at("pipe"), "r+");
  try {
    checkNewOutput(at("pipe"));
    writeNewOutput(at("pipe"), "text");
    const read = Buffer.alloc(10);
    expect(read.subarray(0, readSync(fd, read)).toString()).toBe("text");
  } finally {
    closeSync(fd);
  }
});
