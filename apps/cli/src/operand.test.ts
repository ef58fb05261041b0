import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { digestOf, TrustError } from "@countersign/core";
import { readArtifact } from "./artifact.node.ts";
import { makeFolder } from "./scenario.ts";
import { openTerminal } from "./terminal.ts";

const { path: folder, remove } = makeFolder();
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  remove();
});

const digest = digestOf("sha256", new TextEncoder().encode("the honest file"));
const read = (operand: string): Promise<unknown> =>
  readArtifact(operand, { hashes: ["sha256"] }, openTerminal()).then(
    (artifact) => artifact.digests[0],
    (error: unknown) => (error instanceof TrustError ? error.code : String(error)),
  );

// for f in *; do countersign verify "$f" …: a file with other content could be named after the digest of an honest one.
test("a digest is refused where a file of that name lies, whatever it is", async () => {
  process.chdir(folder);
  expect(await read(digest)).toBe(digest);
  writeFileSync(join(folder, digest), "something else");
  expect(await read(digest)).toBe("CLI_OPERAND_AMBIGUOUS");
  expect(await read(`./${digest}`)).toBe(digestOf("sha256", new TextEncoder().encode("something else")));
  unlinkSync(join(folder, digest));
  symlinkSync("nowhere", join(folder, digest));
  expect(await read(digest)).toBe("CLI_OPERAND_AMBIGUOUS");
  unlinkSync(join(folder, digest));
  mkdirSync(join(folder, "sha256:evil"));
  expect(await read("sha256:evil")).toBe("CLI_OPERAND_AMBIGUOUS");
});
