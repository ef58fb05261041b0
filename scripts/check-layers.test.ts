import { describe, expect, test } from "vitest";
import { checkLayers, readFiles, type File } from "./check-layers.ts";
import { repositoryRoot } from "./report.ts";

const manifests: readonly File[] = [
  { path: "packages/core/package.json", text: '{ "name": "@countersign/core", "exports": { ".": "./src/index.ts" } }' },
  {
    path: "packages/pipeline/package.json",
    text: '{ "name": "@countersign/pipeline", "exports": { ".": "./a.js", "./web": "./b.js", "./package.json": "./c" } }',
  },
  ...["tlog", "sigstore", "policy", "testkit", "local-sigstore"].map((name) => ({
    path: `packages/${name}/package.json`,
    text: `{ "name": "@countersign/${name}", "exports": { ".": "./src/index.ts" } }`,
  })),
];

function check(path: string, text: string): readonly string[] {
  return checkLayers([...manifests, { path, text }]);
}

interface Case {
  readonly title: string;
  readonly path: string;
  readonly text: string;
}

function row(title: string, path: string, text: string): Case {
  return { title, path, text };
}

const tlog = "packages/tlog/src/note.ts";

const refused: Readonly<Record<string, readonly Case[]>> = {
  "rule 1": [
    row("sideways", "packages/policy/src/a.ts", 'import { x } from "@countersign/sigstore";'),
    row("upwards", "packages/core/src/a.ts", 'import type { X } from "@countersign/tlog";'),
    row("re-export", tlog, 'export * from "@countersign/policy";'),
    row("type import", tlog, 'type X = import("@countersign/policy").Policy;'),
    row("dynamic", tlog, 'const x = await import("@countersign/policy");'),
    row("computed dynamic", tlog, "const x = await import(name);"),
    row("testkit in source", "packages/sigstore/src/a.ts", 'import { x } from "@countersign/testkit";'),
    row("sideways in a test", "packages/policy/src/a.test.ts", 'import { x } from "@countersign/sigstore";'),
    row("package of others", "packages/core/src/a.ts", 'import { x } from "asn1js";'),
    row("confined package", "packages/pipeline/src/pipeline.ts", 'import { x } from "@sigstore/verify";'),
    row("manifest, sibling", "packages/policy/package.json", '{"dependencies":{"@countersign/tlog":"1"}}'),
    row("manifest, others", "packages/tlog/package.json", '{"dependencies":{"zod":"1"}}'),
    row("unknown folder", "packages/extra/src/a.ts", "export const a = 1;"),
  ],
  "rule 2": [
    row("inside", tlog, 'import { x } from "@countersign/core/src/json.ts";'),
    row("undeclared door", "apps/cli/src/a.ts", 'import { x } from "@countersign/pipeline/node";'),
    row("package.json", "apps/cli/src/a.ts", 'import x from "@countersign/pipeline/package.json";'),
    row("relative", tlog, 'import { x } from "../../core/src/json.ts";'),
    row("in a test", "packages/tlog/src/note.test.ts", 'import { x } from "../../core/src/json.ts";'),
  ],
  "rule 3": [
    row("node:", tlog, 'import { x } from "node:fs";'),
    row("type of node:", tlog, 'import type { KeyObject } from "node:crypto";'),
    row("bare builtin", tlog, 'import { x } from "fs/promises";'),
    row("Buffer", tlog, 'export const a: Uint8Array = Buffer.from("a");'),
    row("global Buffer", tlog, 'export const a: Uint8Array = globalThis.Buffer.from("a");'),
    row("process", tlog, "export const a: string = process.platform;"),
    row("through a node file", tlog, 'import { x } from "./disk.node.ts";'),
  ],
  "rule 4": [
    row("wrong file", "packages/sigstore/src/sign.ts", 'import { vouch } from "@countersign/core"; vouch(x);'),
    row("wrong package", "packages/policy/src/verify.ts", 'import { vouch } from "@countersign/core";'),
    row("alias", "packages/sigstore/src/sign.ts", 'import { vouch as v } from "@countersign/core"; v(x);'),
    row("namespace", "packages/sigstore/src/sign.ts", 'import * as core from "@countersign/core"; core.vouch(x);'),
    row("computed", "packages/sigstore/src/sign.ts", 'import * as core from "@countersign/core"; core["vouch"](x);'),
    row("app", "apps/cli/src/verify.ts", 'import { vouch } from "@countersign/core"; vouch(x);'),
    row("twice", "packages/sigstore/src/verify.ts", 'import { vouch } from "@countersign/core"; vouch(x); vouch(y);'),
    row("renamed", "packages/sigstore/src/verify.ts", 'import { vouch as v } from "@countersign/core"; v(x);'),
  ],
  "rule 5": [
    row("process.env", "packages/core/src/crypto.node.ts", "export const a: string = process.env.HOME;"),
    row("computed env", "packages/core/src/crypto.node.ts", 'export const a: string = process["env"].HOME;'),
    row("console", tlog, "console.log(1);"),
    row("new Date()", tlog, "export const a: Date = new Date();"),
    row("Date()", tlog, "export const a: string = Date();"),
    row("Date.now", tlog, "export const a: () => number = Date.now;"),
    row("alias of Date", tlog, "const D = Date;"),
    row("performance.now", tlog, "performance.now();"),
    row("Math.random", tlog, "Math.random();"),
    row("random taken out of Math", tlog, "const { random } = Math;"),
    row("fetch", tlog, 'await fetch("http://a");'),
    row("globalThis.fetch", tlog, 'await globalThis.fetch("http://a");'),
    row("fetch as default", tlog, "export function a(get = fetch): void {}"),
    row("shorthand", tlog, "export const world = { fetch };"),
  ],
};

for (const [rule, cases] of Object.entries(refused)) {
  describe(`${rule} refuses`, () => {
    test.each(cases)("$title", ({ path, text }) => {
      const problems = check(path, text);
      expect(problems).not.toEqual([]);
      expect(problems.filter((problem) => !problem.startsWith(`${path}:1: ${rule}: `))).toEqual([]);
    });
  });
}

describe("allowed", () => {
  test.each([
    row("downwards", "packages/sigstore/src/a.ts", 'import { x } from "@countersign/tlog"; export * from "./b.ts";'),
    row("own imports map", "packages/core/src/a.ts", 'import { x } from "#crypto";'),
    row("door", "apps/page/src/a.ts", 'import { x } from "@countersign/pipeline/web";'),
    row(
      "test reads testkit",
      "packages/tlog/src/a.test.ts",
      'import "@countersign/testkit"; import "node:fs"; import "pkijs";',
    ),
    row("bench", "packages/tlog/bench/a.ts", 'import "@countersign/local-sigstore"; console.log(performance.now());'),
    row("node file", "packages/core/src/crypto.node.ts", 'import "node:crypto"; Buffer.from("a");'),
    row("type of a node file", tlog, 'import type { X } from "./disk.node.ts";'),
    row("second opinion", "packages/pipeline/src/second-opinion.ts", 'import "@sigstore/verify";'),
    row("world", "packages/pipeline/src/world.ts", "export const now = (): number => Date.now(); await fetch(url);"),
    row("server", "packages/local-sigstore/src/log.ts", 'import "node:http"; Date.now();'),
    row("pure dates", tlog, "new Date(0); Date.UTC(1, 2); x instanceof Date; const d: Date = y;"),
    row("member names", tlog, "options.fetch(x); interface A { console: string } const o = { fetch: x, Date: 1 };"),
    row("types", tlog, "type F = typeof fetch; let d: Date; let b: Buffer;"),
    row(
      "words in text",
      tlog,
      '// Date.now() and vouch()\nconst a = "console.log, node:fs, Buffer, @countersign/policy";',
    ),
    row("Math", tlog, "Math.max(1, 2);"),
    row("one vouch", "packages/sigstore/src/verify.ts", 'import { vouch } from "@countersign/core"; vouch(x);'),
    row(
      "vouch under test",
      "packages/core/src/claims.test.ts",
      'import { vouch } from "./claims.ts"; vouch(x); vouch(y);',
    ),
    row("400 lines", tlog, "export const a = 1;\n".repeat(400)),
    row("long test", "packages/tlog/src/note.test.ts", "test;\n".repeat(500)),
  ])("$title", ({ path, text }) => {
    expect(check(path, text)).toEqual([]);
  });
});

test("a file of 401 lines is refused", () => {
  expect(check(tlog, "export const a = 1;\n".repeat(401))).toEqual([
    `${tlog}:401: 401 lines, the ceiling is 400: does it hold one idea?`,
  ]);
});

test("a file that does not parse is named", () => {
  expect(() => check(tlog, "let = ;")).toThrow(/packages\/tlog\/src\/note\.ts/);
});

test("the repository's own files are found", () => {
  const paths = readFiles(repositoryRoot).map((file) => file.path);
  expect(paths).toContain("packages/core/src/errors.ts");
  expect(paths).toContain("apps/cli/package.json");
});
