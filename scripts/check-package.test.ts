import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { consumerOf, install, promisedNodes, tryConsumer, type Packed } from "./check-package.ts";
import { repositoryRoot } from "./report.ts";
import { run } from "./run.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "package-test-"));
});
afterEach(() => rmSync(base, { recursive: true }));

/** A packed package made of the given files. */
async function pack(name: string, files: Readonly<Record<string, string>>): Promise<Packed> {
  const folder = join(base, "work", name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, "package"), { recursive: true });
    writeFileSync(join(folder, "package", path), text);
  }
  const tarball = join(base, `${name}.tgz`);
  expect((await run("tar", ["-czf", tarball, "-C", folder, "package"], { cwd: base })).code).toBe(0);
  return { name, folder: join("work", name), index: "", tarball };
}

function manifest(name: string, dependencies: Readonly<Record<string, string>> = {}): string {
  const exports = { ".": { types: "./index.d.ts", default: "./index.js" } };
  return JSON.stringify({ name, version: "1.0.0", type: "module", exports, dependencies });
}

const good = {
  "index.js": "export async function verify() { return { decision: 'allow' }; }",
  "index.d.ts": "export declare function verify(): Promise<{ decision: string }>;",
};

async function consume(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const packed = await pack("countersign", { "package.json": manifest("countersign"), ...files });
  const folder = join(base, "consumer");
  mkdirSync(folder);
  await install(base, [packed], "countersign", folder);
  return tryConsumer(repositoryRoot, folder, consumerOf("countersign"));
}

test("a good package runs in every promised Node and type-checks", async () => {
  expect(promisedNodes(repositoryRoot)).toHaveLength(2);
  expect(await consume(good)).toEqual([]);
});

test.each([
  ["no verify", { "index.js": "export {};" }, "does not provide an export named 'verify'"],
  ["an undeclared dependency", { "index.js": 'import "asn1js"; export const verify = () => 1;' }, "asn1js"],
  ["no types", { "index.d.ts": "" }, "types: "],
  ["any", { "index.d.ts": "export declare const verify: any;" }, "types: "],
  ["a result of any", { "index.d.ts": "export declare function verify(): Promise<any>;" }, "types: "],
  ["broken declarations", { "index.d.ts": `${good["index.d.ts"]}\nexport declare const a: Missing;` }, "types: "],
])("%s is a problem", async (_title, files, says) => {
  expect((await consume({ ...good, ...files })).join("\n")).toContain(says);
});

test("dependencies come from the other tarballs or from the workspace, and only declared ones", async () => {
  const inner = await pack("inner", {
    "package.json": manifest("inner", { outside: "1" }),
    "index.js": 'export * from "outside";',
  });
  const outer = await pack("outer", {
    "package.json": manifest("outer", { inner: "1" }),
    "index.js": 'export * from "inner";',
  });
  const outside = join(base, "work/inner/node_modules/outside");
  mkdirSync(outside, { recursive: true });
  cpSync(join(base, "work/inner/package/package.json"), join(outside, "package.json"));
  writeFileSync(join(outside, "index.js"), "export const a = 1;");
  const folder = join(base, "consumer");
  mkdirSync(folder);
  await install(base, [inner, outer], "outer", folder);
  writeFileSync(join(folder, "run.mjs"), 'import { a } from "outer"; process.stdout.write(String(a));');
  expect(await run(process.execPath, ["run.mjs"], { cwd: folder })).toMatchObject({ code: 0, stdout: "1" });
});
