import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setRunStage, signedPart, type RunStage } from "./layout-stage.ts";
import { parsed } from "./stage.ts";

let stage: RunStage;
let ada: RunStage["ada"];
let bob: RunStage["bob"];
beforeAll(() => {
  stage = setRunStage();
  ({ ada, bob } = stage);
});
afterAll(() => stage.close());
const node = process.execPath;
const say = [node, "-e", "console.log('said'); console.error('moaned')"];

function linkOf(name: string): Readonly<Record<string, unknown>> {
  const file = stage.list().find((each) => each.startsWith(`${name}.`));
  return signedPart(stage.read(file ?? ""));
}

describe("run", () => {
  test("signs what was used and made, and passes the exit code through", async () => {
    const command = [node, "-e", "require('fs').writeFileSync('out.bin', 'x'); process.exit(7)"];
    const outcome = await stage.layout([
      "run",
      "-n",
      "make",
      "-k",
      ada.secret,
      "-m",
      "src",
      "-p",
      "src",
      "out.bin",
      "--",
      ...command,
    ]);
    expect(outcome).toMatchObject({ code: 7, stdout: "" });
    expect(outcome.stderr).toMatch(/^signed: make\.[0-9a-f]{8}\.link \(1 materials, 2 products, exit code 7\)\n$/);
    const link = linkOf("make");
    expect(link).toMatchObject({ _type: "link", name: "make", command, environment: {} });
    expect(link["byproducts"]).toEqual({ "return-value": 7, stdout: "", stderr: "" });
    expect(Object.keys(link["materials"] as object)).toEqual(["src/a.txt"]);
    expect(Object.keys(link["products"] as object)).toEqual(["out.bin", "src/a.txt"]);
  });

  test("the command's streams are the caller's, and are recorded only if asked", async () => {
    const quiet = await stage.layout(["run", "-n", "say", "-k", ada.secret, "--", ...say]);
    expect(quiet.stdout).toBe("said\n");
    expect(quiet.stderr).toMatch(/^moaned\nsigned: say\./);
    expect(linkOf("say")["byproducts"]).toMatchObject({ stdout: "", stderr: "" });
    const recorded = await stage.layout(["run", "-n", "say", "-k", ada.secret, "--record-streams", "--", ...say]);
    expect(recorded.stdout).toBe("said\n");
    expect(linkOf("say")["byproducts"]).toMatchObject({ stdout: "said\n", stderr: "moaned\n" });
  });

  test.each([{ extra: [] }, { extra: ["-s"] }])(
    "with --json standard output holds one object $extra",
    async ({ extra }) => {
      const outcome = await stage.layout(["run", "-n", "say", "-k", ada.secret, "--json", ...extra, "--", ...say]);
      expect(parsed(outcome)).toMatchObject({
        schema: "countersign.link/v1",
        step: "say",
        materials: 0,
        products: 0,
        exitCode: 0,
      });
      expect(outcome.stderr).toContain("said\n");
    },
  );

  test("options of the command are its own, and it needs no shell", async () => {
    const show = [node, "-p", "process.argv.slice(1).join()", "--", "--json", "-n", "$HOME"];
    expect(await stage.layout(["run", "-n", "own", "-k", ada.secret, "-q", "--", ...show])).toEqual({
      code: 0,
      stdout: "--json,-n,$HOME\n",
      stderr: "",
    });
  });

  test("without a command a link is made all the same", async () => {
    expect(await stage.layout(["run", "-n", "review", "-k", ada.secret, "-m", "src"])).toMatchObject({ code: 0 });
    expect(linkOf("review")).toMatchObject({ command: [], byproducts: {} });
  });

  test("a DSSE envelope, another folder, other hashes, prefixes off, nothing left out", async () => {
    const argv = ["run", "-n", "dsse", "-k", ada.secret, "-m", "src", "--dsse", "-d", "links", "--json"];
    const outcome = await stage.layout([...argv, "--hash", "sha256", "sha512", "--lstrip", "src/", "--record-all"]);
    const { path } = parsed(outcome) as { readonly path: string };
    const envelope = JSON.parse(stage.read(path)) as { readonly payload: string; readonly payloadType: string };
    expect(envelope.payloadType).toBe("application/vnd.in-toto+json");
    const link = JSON.parse(Buffer.from(envelope.payload, "base64").toString("utf8")) as { readonly materials: object };
    expect(Object.entries(link.materials)).toMatchObject([
      ["a.txt", { sha256: expect.any(String) as string, sha512: expect.any(String) as string }],
      ["b.pyc", {}],
    ]);
  });

  test("the environment: what the command gets, what the link says, which run it is", async () => {
    const env = { GIVEN: "1", HIDDEN: "2" };
    const show = [node, "-p", "Object.keys(process.env).filter((name) => /^(GIVEN|HIDDEN)$/.test(name)).join()"];
    const argv = [
      "run",
      "-n",
      "env",
      "-k",
      ada.secret,
      "--pass-env",
      "GIVEN",
      "--record-env",
      "GIVEN",
      "--run-id",
      "r1",
      "--commit",
      "c1",
    ];
    expect(await stage.layout([...argv, "--", ...show], { env })).toMatchObject({ code: 0, stdout: "GIVEN\n" });
    expect(linkOf("env")["environment"]).toEqual({
      variables: { GIVEN: "1" },
      "countersign.run": {
        id: "r1",
        commit: "c1",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      },
    });
    expect(await stage.layout(["run", "-n", "env", "-k", ada.secret, "--record-env", "NONE"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_ENVIRONMENT_VALUE") as string,
    });
  });

  test.skipIf(process.platform === "win32")("what was passed over is said", async () => {
    stage.write("tree/a", "x");
    symlinkSync("nowhere", join(stage.folder, "tree/broken"));
    symlinkSync("../src", join(stage.folder, "tree/dir"));
    const outcome = await stage.layout(["run", "-n", "tree", "-k", ada.secret, "-m", "tree", "--json"]);
    expect(parsed(outcome)).toMatchObject({
      materials: 1,
      skipped: [{ why: "broken-link" }, { why: "directory-link" }],
    });
    expect(outcome.stderr).toContain("note: not recorded: tree/dir is a link to a directory");
    expect(
      parsed(await stage.layout(["run", "-n", "tree", "-k", ada.secret, "-m", "tree", "--json", "--follow-links"])),
    ).toMatchObject({
      materials: 2,
    });
  });

  test("a command that takes too long ends, and there is no link", async () => {
    const outcome = await stage.layout([
      "run",
      "-n",
      "slow",
      "-k",
      ada.secret,
      "--timeout",
      "1",
      "--",
      node,
      "-e",
      "setTimeout(()=>{}, 60000)",
    ]);
    expect(outcome).toMatchObject({ code: 3, stderr: expect.stringContaining("INTOTO_RUN_TIMEOUT") as string });
    expect(stage.list().filter((name) => name.startsWith("slow"))).toEqual([]);
  });
});

describe("what would stop the link from being written is said before the command runs", () => {
  const touch = ["--", node, "-e", "require('fs').writeFileSync('ran', '')"];
  test.each([
    { name: "no step", argv: (): string[] => ["-k", ada.secret], code: "CLI_USAGE" },
    { name: "no key", argv: (): string[] => ["-n", "x"], code: "CLI_USAGE" },
    { name: "a public key", argv: (): string[] => ["-n", "x", "-k", ada.public], code: "SIGSTORE_KEY_PUBLIC" },
    {
      name: "a step's name with a path",
      argv: (): string[] => ["-n", "../x", "-k", ada.secret],
      code: "CLI_OPTION_VALUE",
    },
    {
      name: "a folder that is none",
      argv: (): string[] => ["-n", "x", "-k", ada.secret, "-d", "none"],
      code: "CLI_FILE_MISSING",
    },
    {
      name: "a file as folder",
      argv: (): string[] => ["-n", "x", "-k", ada.secret, "-d", "src/a.txt"],
      code: "CLI_FILE_MISSING",
    },
    {
      name: "another hash",
      argv: (): string[] => ["-n", "x", "-k", ada.secret, "--hash", "md5"],
      code: "CLI_USAGE",
    },
    {
      name: "materials that are not there",
      argv: (): string[] => ["-n", "x", "-k", ada.secret, "-m", "none"],
      code: "INTOTO_RECORD_MISSING",
    },
  ])("$name", async ({ argv, code }) => {
    const outcome = await stage.layout(["run", ...argv(), ...touch]);
    expect(outcome.stderr).toContain(`[${code}]`);
    expect(outcome.code).toBeGreaterThan(1);
    expect(stage.list()).not.toContain("ran");
    expect(outcome.stderr).not.toContain("BEGIN");
  });
});

describe("record", () => {
  test("start and stop make one link, and nothing is left over", async () => {
    stage.write("grown", "before");
    expect(await stage.layout(["record", "start", "-n", "grow", "-k", ada.secret, "-m", "grown"])).toMatchObject({
      code: 0,
    });
    expect(stage.list().filter((name) => name.includes("unfinished"))).toHaveLength(1);
    stage.write("grown", "after");
    const outcome = await stage.layout([
      "record",
      "stop",
      "-n",
      "grow",
      "-k",
      ada.secret,
      "-p",
      "grown",
      "--run-id",
      "r",
    ]);
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringMatching(/^signed: grow\./) as string });
    expect(stage.list().filter((name) => name.includes("unfinished"))).toEqual([]);
    const { materials, products, environment } = linkOf("grow");
    expect(materials).not.toEqual(products);
    expect(environment).toMatchObject({ "countersign.run": { id: "r" } });
  });

  test("stop without start, or with another key, is refused", async () => {
    await stage.layout(["record", "start", "-n", "other", "-k", ada.secret]);
    for (const argv of [
      ["-n", "other", "-k", bob.secret],
      ["-n", "never", "-k", ada.secret],
    ]) {
      const outcome = await stage.layout(["record", "stop", ...argv]);
      expect(outcome).toMatchObject({
        code: 3,
        stderr: expect.stringContaining("INTOTO_RECORD_NOT_STARTED") as string,
      });
    }
  });
});

describe("mock", () => {
  test("writes an unsigned link", async () => {
    const outcome = await stage.layout([
      "mock",
      "-n",
      "try",
      "-m",
      "src",
      "--json",
      "--",
      node,
      "-e",
      "process.exit(3)",
    ]);
    expect(outcome.code).toBe(3);
    expect(parsed(outcome)).toMatchObject({ path: "try.link", materials: 1, exitCode: 3 });
    expect(JSON.parse(stage.read("try.link"))).toMatchObject({ signatures: [], signed: { name: "try" } });
    expect(outcome.stderr).toMatch(/^unsigned: try\.link/);
  });
});

describe("match-products", () => {
  test("0 the same, 1 different, and what differs is said", async () => {
    stage.write("dist/a", "1");
    stage.write("dist/b", "2");
    const made = parsed(await stage.layout(["run", "-n", "dist", "-k", ada.secret, "-p", "dist", "--json"])) as {
      readonly path: string;
    };
    const argv = ["match-products", made.path, "--key", ada.public, "-p", "dist"];
    expect(await stage.layout(argv)).toEqual({ code: 0, stdout: "", stderr: `the same: ${made.path}\n` });
    stage.write("dist/b", "3");
    stage.write("dist/c", "4");
    const outcome = await stage.layout([...argv, "--json"]);
    expect(outcome.code).toBe(1);
    expect(parsed(outcome)).toMatchObject({
      isSame: false,
      differ: ["dist/b"],
      notInProducts: ["dist/c"],
      onlyInProducts: [],
    });
    expect(outcome.stderr).toContain("  other content   dist/b\n");
    const all = await stage.layout(["match-products", made.path]);
    expect(all.code).toBe(1);
    expect(all.stderr).toContain("nobody's signature was checked");
  });

  test("the signature counts if a key is given", async () => {
    const { path } = parsed(await stage.layout(["run", "-n", "sig", "-k", ada.secret, "--json"])) as {
      readonly path: string;
    };
    expect(await stage.layout(["match-products", path, "--key", bob.public])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_SIGNATURE_MISSING") as string,
    });
    expect(await stage.layout(["match-products", path, "--key", ada.secret])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_KEY_PRIVATE") as string,
    });
  });
});

describe("nothing is written outside of the metadata directory", () => {
  const everything = (): readonly string[] =>
    readdirSync(dirname(stage.folder), { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith(join("work", "links")))
      .toSorted();

  test.each(["../out", "a/b", "/tmp/countersign-out", "..", "a\\b", "x\u0001", "a\nb"])(
    "by a step %j",
    async (name) => {
      const before = everything();
      for (const words of [["run"], ["record", "start"], ["record", "stop"], ["mock"]]) {
        const key = words[0] === "mock" ? [] : ["-k", ada.secret];
        expect(await stage.layout([...words, "-n", name, ...key, "-d", "links"])).toMatchObject({ code: 2 });
      }
      expect(everything()).toEqual(before);
      expect(existsSync("/tmp/countersign-out")).toBe(false);
    },
  );

  test("by a good step, and nothing at all by verify", async () => {
    const before = everything();
    const run = ["run", "-n", "within", "-k", ada.secret, "-p", "src", "-d", "links", "-q"];
    expect(await stage.layout(run)).toMatchObject({ code: 0 });
    const step = {
      _type: "step",
      name: "within",
      threshold: 1,
      pubkeys: ["0".repeat(64)],
      expected_command: [],
      expected_materials: [],
      expected_products: [],
    };
    const inspection = {
      _type: "inspection",
      name: "../out",
      run: ["true"],
      expected_materials: [],
      expected_products: [],
    };
    const layout = {
      _type: "layout",
      expires: "2050-01-01T00:00:00Z",
      readme: "",
      keys: {},
      steps: [step],
      inspect: [inspection],
    };
    stage.write("links/root.layout", JSON.stringify({ signatures: [], signed: layout }));
    for (const mode of [[], ["--compat"]]) {
      const verify = ["verify", "--layout", "links/root.layout", "--key", ada.public, "--link-dir", "links", ...mode];
      expect(await stage.layout([...verify, "--allow-inspections"])).toMatchObject({ code: 1 });
    }
    expect(everything()).toEqual(before);
  });
});
