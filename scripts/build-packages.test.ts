import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runNode } from "./eager-code.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

test("what Node gets exports what all others get", () => {
  for (const path of ["core/dist/index.js", "tuf/dist/index.js", "tuf/dist/index.node.js"]) {
    const names = namesOf(path);
    expect(names.length).toBeGreaterThan(5);
    expect(namesOf(path.replace("dist/", "dist/node/"))).toEqual(names);
  }
});

/** What a module exports, asked in a process of its own: the tests' own imports would be of the sources. */
function namesOf(path: string): readonly string[] {
  const code = `process.stdout.write(JSON.stringify(Object.keys(await import(process.argv[1]))))`;
  return JSON.parse(runNode(["--input-type=module", "-e", code, here(`../packages/${path}`)])) as readonly string[];
}

test("an update client runs on what Node gets", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-packages-"));
  try {
    runNode(["--conditions=@countersign/source", here("packages-sample.ts"), folder]);
    expect(runNode([here("packages-sample-client.ts"), folder])).toContain("/packages/tuf/dist/node/index.js");
    expect(readFileSync(join(folder, "out/b/two.bin"), "utf8")).toBe("b/two.bin".repeat(1000));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
