import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatApi, publishedPackages, readApi } from "./api.ts";
import { compareApi, snapshotPath } from "./check-api.ts";
import { repositoryRoot } from "./report.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "api-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function api(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return formatApi("x", readApi(folder, "index.d.ts"));
}

test("names are sorted, comments and layout dropped, re-exports followed", () => {
  const found = api({
    "index.d.ts": 'export * from "./a.ts";\nexport { b as c, type B } from "./b.js";\n',
    "a.d.ts":
      '/** What. */\nexport declare function z(\n  a: string, // first\n): void;\nexport interface A { readonly u: "//x" }\n',
    "b.d.ts": "declare const b: 1;\nexport type B = typeof b;\nexport { b };\n",
  });
  expect(found).toBe(`# x
interface A { readonly u: "//x" }
type B = typeof b;
c: declare const b: 1;
declare function z( a: string, ): void;
`);
});

test("what a signature reaches without exporting it is part of the face", () => {
  const found = api({
    "index.d.ts": 'export { a } from "./a.ts";',
    "a.d.ts": 'import type { Inner } from "./b.ts";\nexport declare const a: Inner;\nexport declare const other: 1;',
    "b.d.ts": "type Deep = 2;\nexport interface Inner { deep: Deep }\ninterface Apart {}",
  });
  expect(found).toBe(
    "# x\ndeclare const a: Inner;\n\n# not exported, but part of a signature\ntype Deep = 2;\ninterface Inner { deep: Deep }\n",
  );
});

test("overloads, another package's names and a bundle's export list", () => {
  const found = api({
    "index.d.ts": `import { Q } from "@countersign/core";
declare function f(a: 1): 1;
declare function f(a: 2): 2;
declare class K { private x; }
export { f, K as Key, Q };
export * from "@countersign/tlog";
export { D } from "@countersign/core";`,
  });
  expect(found).toBe(`# x
export { * } from "@countersign/tlog"
export { D } from "@countersign/core"
Key: declare class K { private x; }
export { Q } from "@countersign/core"
declare function f(a: 1): 1; declare function f(a: 2): 2;
`);
});

test("files that import each other", () => {
  const found = api({
    "index.d.ts": 'export * from "./a.ts";\nexport * from "./b.ts";',
    "a.d.ts": 'import type { B } from "./b.ts";\nexport * from "./b.ts";\nexport interface A { b: B }',
    "b.d.ts": 'import type { A } from "./a.ts";\nexport * from "./a.ts";\nexport interface B { a: A }',
  });
  expect(found).toBe("# x\ninterface A { b: B }\ninterface B { a: A }\n");
});

test("a missing file says to build", () => {
  expect(() => api({ "index.d.ts": 'export * from "./gone.ts";' })).toThrow("gone.d.ts does not exist");
});

test("a difference is shown both ways", () => {
  expect(compareApi("# x\na\nb\n", "# x\na\nc\n")).toEqual(["- b", "+ c"]);
  expect(compareApi("# x\na\n", "# x\na\n")).toEqual([]);
  expect(compareApi("a\nb\n", "b\na\n")).toEqual(["the order or number of lines differs"]);
});

test("every published package of the repository is looked at, testkit is not", () => {
  const names = publishedPackages(repositoryRoot).map(({ name }) => name);
  expect(names).toContain("countersign");
  expect(names).toContain("@countersign/core");
  expect(names).not.toContain("@countersign/testkit");
  expect(snapshotPath("@countersign/core")).toBe("docs/api/core.txt");
});
