import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHash, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { formatMetadata, parseSignerFile, signMetadata, type InTotoSigner } from "@countersign/in-toto";
import type { JsonObject } from "@countersign/core";
import { makeFolder, runBuilt, runHere } from "./scenario.ts";

const { path: folder, remove } = makeFolder();
afterAll(remove);
const product = join(folder, "product");
const env = { PATH: process.env["PATH"] ?? "" };
const verify = (...words: readonly string[]) => runHere(["layout", "verify", ...words], { cwd: product, env });
const usual = ["--layout", "root.layout", "--key", "../owner.pub"];

let owner: InTotoSigner;
let ann: InTotoSigner;

function makeSigner(name: string): InTotoSigner {
  const pair = generateKeyPairSync("ed25519");
  writeFileSync(join(folder, `${name}.pub`), pair.publicKey.export({ type: "spki", format: "pem" }));
  return parseSignerFile(Buffer.from(pair.privateKey.export({ type: "pkcs8", format: "pem" })));
}

async function writeSigned(path: string, payload: JsonObject, signer: InTotoSigner): Promise<void> {
  writeFileSync(join(product, path), formatMetadata(await signMetadata(payload, [signer], "metablock")));
}

const sha256 = (content: string): JsonObject => ({ sha256: createHash("sha256").update(content).digest("hex") });

/** One step that makes app, and an inspection that compares it with what lies there. */
async function lay(change: JsonObject = {}, linkChange: JsonObject = {}): Promise<void> {
  rmSync(product, { recursive: true, force: true });
  mkdirSync(product);
  writeFileSync(join(product, "app"), "app");
  const step = {
    _type: "step",
    name: "make",
    pubkeys: [ann.key.keyid],
    threshold: 1,
    expected_command: [],
    expected_materials: [],
    expected_products: [
      ["CREATE", "{name}"],
      ["ALLOW", "app"],
      ["DISALLOW", "*"],
    ],
  };
  const look = {
    _type: "inspection",
    name: "look",
    run: ["test", "-f", "app"],
    expected_materials: [
      ["MATCH", "app", "WITH", "PRODUCTS", "FROM", "make"],
      ["DISALLOW", "app"],
    ],
    expected_products: [],
  };
  const layout = {
    _type: "layout",
    expires: "2099-01-01T00:00:00Z",
    readme: "",
    keys: { [ann.key.keyid]: ann.key.json },
    steps: [step],
    inspect: [look],
    ...change,
  };
  await writeSigned("root.layout", layout, owner);
  const link = {
    _type: "link",
    name: "make",
    command: [],
    materials: {},
    products: { app: sha256("app") },
    byproducts: { "return-value": 0 },
    environment: {},
    ...linkChange,
  };
  await writeSigned(`make.${ann.key.keyid.slice(0, 8)}.link`, link, ann);
}

beforeAll(() => {
  [owner, ann] = [makeSigner("owner"), makeSigner("ann")];
});
beforeEach(() => lay());

describe("countersign layout verify", () => {
  test("refuses a command that was not allowed, and says how to allow it", async () => {
    const { code, stdout, stderr } = await verify(...usual);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("[INTOTO_INSPECTION_NOT_ALLOWED]");
    expect(stderr).toContain("--allow-inspections");
  });

  test("allows the chain, in words and as JSON", async () => {
    const words = await verify(...usual, "--allow-inspections");
    expect([words.code, words.stdout]).toEqual([0, ""]);
    expect(words.stderr).toMatch(/^allowed: root\.layout\n.*\n +make +passed/);
    const json = await verify(...usual, "--allow-inspections", "--json", "--quiet");
    expect([json.code, json.stderr]).toEqual([0, ""]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      schema: "countersign.layout-report/v1",
      verdict: "allowed",
      mode: "strict",
      claims: { via: "in-toto", layout: { steps: [{ name: "make" }] } },
      layout: {
        inspections: [
          {
            name: "look",
            materials: { rules: [{ consumed: ["app"], from: "make", side: "products" }, { consumed: [] }] },
          },
        ],
      },
    });
    expect((await verify(...usual, "--allow-inspections", "--verbose")).stderr).toContain(
      "MATCH app WITH PRODUCTS FROM make",
    );
  });

  test("a changed product is refused, with the rule", async () => {
    writeFileSync(join(product, "app"), "evil");
    const { code, stdout } = await verify(...usual, "--allow-inspections", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "refused",
      findings: [{ level: "fail", code: "INTOTO_RULE_DISALLOWED" }],
    });
  });

  test("--compat is marked and claims nothing; it allows no command by itself", async () => {
    expect((await verify(...usual, "--compat")).stderr).toContain("[INTOTO_INSPECTION_NOT_ALLOWED]");
    const { code, stdout, stderr } = await verify(...usual, "--compat", "--allow-inspections", "--json");
    expect(code).toBe(0);
    expect(stderr).toContain("compat");
    const report = JSON.parse(stdout) as JsonObject;
    expect(report).toMatchObject({ verdict: "allowed", mode: "compat" });
    expect(report).not.toHaveProperty("claims");
  });

  test("--allow-command allows exact command lines only", async () => {
    const allow = (line: string): Promise<{ readonly code: number | null }> =>
      verify(...usual, "--allow-inspections", "--allow-command", line);
    expect((await allow('["test","-f","app"]')).code).toBe(0);
    expect((await allow('["test","-f"]')).code).toBe(1);
    expect((await allow("test -f app")).code).toBe(2);
  });

  test("--substitute gives values, --link-dir another place", async () => {
    await lay({ inspect: [] });
    expect((await verify(...usual)).code).toBe(0);
    expect((await verify(...usual, "--substitute", "name=app")).code).toBe(0);
    expect((await verify(...usual, "--substitute", "other=app")).stderr).toContain("[INTOTO_SUBSTITUTION_UNKNOWN]");
    expect((await verify(...usual, "--substitute", "app")).code).toBe(2);
    const [link = ""] = readdirSync(product).filter((name) => name.endsWith(".link"));
    cpSync(join(product, link), join(folder, "links", link));
    rmSync(join(product, link));
    expect((await verify(...usual)).stderr).toContain("[INTOTO_LINK_MISSING]");
    expect((await verify(...usual, "--link-dir", "../links")).code).toBe(0);
  });

  test("run binding", async () => {
    await lay(
      { inspect: [] },
      { environment: { "countersign.run": { id: "run/1", commit: "abc", time: "2026-11-22T06:00:00Z" } } },
    );
    expect(
      (
        await verify(
          ...usual,
          "--run-id",
          "run/1",
          "--commit",
          "abc",
          "--one-run",
          "--not-before",
          "2026-11-22T06:00:00Z",
          "--not-after",
          "2026-11-22T06:00:00Z",
        )
      ).code,
    ).toBe(0);
    for (const words of [
      ["--run-id", "run/2"],
      ["--commit", "abd"],
      ["--not-before", "2026-11-22T06:00:01Z"],
      ["--not-after", "2026-11-22T05:59:59Z"],
    ])
      expect((await verify(...usual, ...words)).stderr).toContain("[INTOTO_RUN_MISMATCH]");
  });

  test.each([
    [["--key", "../owner.pub"], 2],
    [["--layout", "root.layout"], 2],
    [["operand", ...usual], 2],
    [["--layout", "none", "--key", "../owner.pub"], 3],
    [["--layout", "root.layout", "--key", "none"], 3],
    [["--layout", "app", "--key", "../owner.pub"], 1],
    [["--layout", "root.layout", "--key", "app"], 1],
    [["--layout", "root.layout", "--key", "../ann.pub"], 1],
    [["--layout", "root.layout", "--key", "../owner.pub", "../ann.pub"], 1],
  ])("%j exits with %i, and says so as JSON too", async (words, code) => {
    const outcome = await verify(...words, "--json");
    expect(outcome.code).toBe(code);
    expect(JSON.parse(outcome.stdout)).toHaveProperty("findings");
  });

  test("an allowing flag is not inherited from the environment", async () => {
    const env = { COUNTERSIGN_ALLOW_INSPECTIONS: "1", COUNTERSIGN_COMPAT: "1" };
    expect((await runBuilt(["layout", "verify", ...usual], { cwd: product, env })).code).toBe(1);
  });
});

const golden = fileURLToPath(new URL("../../../../shared/data/in-toto/golden/", import.meta.url));
const isThere = existsSync(golden);
const cases = isThere ? readdirSync(join(golden, "cases")).filter((name) => name.endsWith(".json")) : [];

describe.skipIf(!isThere)("golden cases of the reference, through the command with --compat", () => {
  test.each(cases.filter((_, at) => at % 6 === 0))("%s", async (file) => {
    const { args, "1.3.1": reference } = JSON.parse(readFileSync(join(golden, "cases", file), "utf8")) as {
      readonly args: readonly string[];
      readonly "1.3.1": { readonly exit: number };
    };
    const base = join(folder, "golden", file);
    const cwd = join(base, "cases", "case");
    cpSync(join(golden, "cases", file.replace(".json", "")), cwd, { recursive: true });
    cpSync(join(golden, "keys"), join(base, "keys"), { recursive: true });
    const names: Readonly<Record<string, string>> = { "-l": "--layout", "-k": "--key" };
    const withoutType = args
      .filter((word, at) => word !== "-t" && args[at - 1] !== "-t")
      .map((word) => names[word] ?? word);
    const { code } = await runBuilt(
      ["layout", "verify", ...withoutType, "--compat", "--allow-inspections", "--allow-sublayout-inspections"],
      { cwd, env: { PATH: "/usr/bin:/bin" } },
    );
    expect(code === 0).toBe(reference.exit === 0);
  });
});
