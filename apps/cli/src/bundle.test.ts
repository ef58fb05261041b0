import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { TrustError } from "@countersign/core";
import { bundlePathOf, readBundle } from "./bundle.ts";
import { makeFolder } from "./scenario.ts";
import { readEvidence } from "./umbrella.ts";

const { path: folder, remove } = makeFolder();
afterAll(remove);
const at = (name: string): string => join(folder, name);
const codeOf = (error: unknown): string => (error instanceof TrustError ? error.code : String(error));
const outcome = (path: string, given?: string): string => {
  try {
    return `${readBundle(path, given).length} bytes`;
  } catch (error) {
    return codeOf(error);
  }
};

describe("a bundle that nobody named but that lies beside the artifact", () => {
  test("is read through a link", () => {
    writeFileSync(at("plain"), "{}");
    symlinkSync(at("plain"), at("link"));
    expect(outcome(at("link"))).toBe("2 bytes");
  });

  // Opening one waits until somebody writes into it: an unpacked archive could stop the verifier for ever.
  test("is refused if it is a pipe or a device", () => {
    execFileSync("mkfifo", [at("pipe")]);
    symlinkSync("/dev/zero", at("device"));
    symlinkSync(at("pipe"), at("link-to-pipe"));
    for (const name of ["pipe", "link-to-pipe", "device"]) expect(outcome(at(name))).toBe("CLI_FILE_UNREADABLE");
  });

  test("is reported as before if it is missing or a directory", () => {
    mkdirSync(at("folder"));
    symlinkSync(at("nowhere"), at("dangling"));
    expect([outcome(at("missing")), outcome(at("dangling")), outcome(at("folder"))]).toEqual([
      "CLI_BUNDLE_MISSING",
      "CLI_BUNDLE_MISSING",
      "CLI_FILE_DIRECTORY",
    ]);
    expect(outcome(at("missing"), at("missing"))).toBe("CLI_FILE_MISSING");
  });
});

test("the name that bundles had before counts where there is none of today's", () => {
  const operand = at("app");
  expect(bundlePathOf({ operand })).toBe(at("app.sigstore.json"));
  writeFileSync(at("app.sigstore"), "{}");
  expect(bundlePathOf({ operand })).toBe(at("app.sigstore"));
  expect(bundlePathOf({ operand, given: "other" })).toBe("other");
  writeFileSync(at("app.sigstore.json"), "{}");
  expect(bundlePathOf({ operand })).toBe(at("app.sigstore.json"));
});

describe("readEvidence of the library", () => {
  test("reads no more than a bundle can be, and fails with errors of ours", async () => {
    writeFileSync(at("bundle"), "{}");
    expect(await readEvidence(at("bundle"))).toEqual({ source: at("bundle"), bytes: new TextEncoder().encode("{}") });
    expect(await readEvidence("/dev/zero").catch(codeOf)).toBe("CLI_FILE_TOO_LARGE");
    expect(await readEvidence(at("missing")).catch(codeOf)).toBe("CLI_FILE_MISSING");
  });
});
