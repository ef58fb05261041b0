import { readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setLayoutStage, signedPart, type LayoutStage } from "./layout-stage.ts";
import { parsed } from "./stage.ts";

let stage: LayoutStage;
let owner: ReturnType<LayoutStage["makeKey"]>;
let ada: ReturnType<LayoutStage["makeKey"]>;
let bob: ReturnType<LayoutStage["makeKey"]>;
const links = "../keys";

/** Two steps in the folder, by two people; their links go beside it. */
beforeAll(async () => {
  stage = setLayoutStage();
  [owner, ada, bob] = [stage.makeKey("owner"), stage.makeKey("ada"), stage.makeKey("bob")];
  const write = (name: string, text: string): string[] => [
    "--",
    process.execPath,
    "-e",
    `fs.writeFileSync("${name}", "${text}")`,
  ];
  await stage.layout(["run", "-n", "write", "-k", ada.secret, "-p", ".", "-d", links, ...write("app.js", "code")]);
  await stage.layout([
    "run",
    "-n",
    "pack",
    "-k",
    bob.secret,
    "-m",
    ".",
    "-p",
    ".",
    "-d",
    links,
    ...write("app.tgz", "packed"),
  ]);
});
afterAll(() => stage.close());

const layoutFile = `${links}/root.layout`;
const linkFiles = (): string[] => {
  return readdirSync(stage.keys)
    .filter((name) => name.endsWith(".link"))
    .map((name) => `${links}/${name}`);
};

describe("a whole chain", () => {
  test("init proposes, sign signs, lint has nothing to say", async () => {
    const made = await stage.layout([
      "init",
      ...linkFiles(),
      "--functionary",
      ada.public,
      bob.public,
      "--product",
      ".",
      "-o",
      layoutFile,
      "--json",
    ]);
    expect(parsed(made)).toMatchObject({ path: layoutFile, steps: ["write", "pack"] });
    expect(made.stderr).toContain(`countersign layout sign ${layoutFile} --key OWNER.PEM`);
    const { expires } = signedPart(stage.read(layoutFile)) as { readonly expires: string };
    expect(Math.round((Date.parse(expires) - Date.now()) / 86_400_000)).toBe(365);
    expect(await stage.layout(["sign", layoutFile, "--key", owner.secret])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^signed: .*root\.layout \(layout, 1 signature: [0-9a-f]{8}\)\n$/) as string,
    });
    expect(await stage.layout(["lint", layoutFile])).toEqual({
      code: 0,
      stdout: "",
      stderr: `nothing found: ${layoutFile}\n`,
    });
  });

  const verify = (): string[] => [
    "verify",
    "--layout",
    layoutFile,
    "--key",
    owner.public,
    "--link-dir",
    links,
    "--json",
  ];

  test("verify allows it", async () => {
    const outcome = await stage.layout(verify());
    expect(outcome.code).toBe(0);
    expect(parsed(outcome)).toMatchObject({ verdict: "allowed" });
  });

  test("and graph shows what the report says", async () => {
    const report = `${links}/report.json`;
    stage.write("more", "");
    stage.write(report, (await stage.layout(verify())).stdout);
    rmSync(`${stage.folder}/more`);
    const { code, stdout } = await stage.layout(["graph", layoutFile, "--report", report]);
    expect(code).toBe(0);
    expect(stdout.match(/:::[a-z-]+/g)).toEqual([":::passed", ":::passed", ":::failed"]);
    stage.write(report, JSON.stringify({ schema: "another" }));
    expect(await stage.layout(["graph", layoutFile, "--report", report])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_REPORT_MALFORMED") as string,
    });
  });

  test("and refuses a file that was changed, or one more", async () => {
    stage.write("app.js", "other code");
    expect(await stage.layout(verify())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_RULE_DISALLOWED") as string,
    });
    stage.write("app.js", "code");
    stage.write("more", "");
    expect(await stage.layout(verify())).toMatchObject({ code: 1 });
    rmSync(`${stage.folder}/more`);
    expect(await stage.layout(verify())).toMatchObject({ code: 0 });
  });

  test("show tells people what is in a layout and a link", async () => {
    const { stdout } = await stage.layout(["show", layoutFile]);
    expect(stdout).toMatch(
      /^UNVERIFIED layout, as a Metablock\n[^]*step 2: pack\n[^]*MATCH \* WITH PRODUCTS FROM write\n/,
    );
    const [link = ""] = linkFiles();
    expect(parsed(await stage.layout(["show", link, "--json"]))).toMatchObject({
      schema: "countersign.layout-description/v1",
      isVerified: false,
      type: "link",
      signed: { name: "pack" },
    });
    expect(parsed(await stage.layout(["show", layoutFile, "--json"]))).toMatchObject({
      type: "layout",
      signed: { _type: "layout" },
    });
  });

  test("graph draws it in three languages", async () => {
    expect((await stage.layout(["graph", layoutFile])).stdout).toMatch(/^flowchart LR\n/);
    expect((await stage.layout(["graph", layoutFile, "--format", "dot"])).stdout).toMatch(/^digraph layout \{/);
    expect(await stage.layout(["graph", layoutFile, "-o", `${links}/chain.svg`])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(stage.read(`${links}/chain.svg`)).toMatch(/^<svg xmlns=/);
    expect(await stage.layout(["graph", layoutFile, "-o", `${links}/chain.gv`])).toMatchObject({ code: 0 });
    expect(stage.read(`${links}/chain.gv`)).toMatch(/^digraph/);
    expect(parsed(await stage.layout(["graph", layoutFile, "--json"]))).toMatchObject({
      nodes: [{ name: "write" }, { name: "pack" }, { name: "product" }],
    });
    expect(await stage.layout(["graph", layoutFile, "-o", layoutFile])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_OUTPUT_SECRET") as string,
    });
  });
});

describe("init", () => {
  test("overwrites nothing, takes links only, and wants to know who signs", async () => {
    const files = linkFiles();
    for (const { argv, code } of [
      { argv: [...files, "--functionary", ada.public, "-o", layoutFile], code: "CLI_OUTPUT_EXISTS" },
      { argv: [layoutFile, "--functionary", ada.public, "-o", "x"], code: "CLI_LINK_NEEDED" },
      { argv: [...files, "-o", "x"], code: "INTOTO_INIT_KEY_MISSING" },
      { argv: [...files, "--functionary", ada.secret, "-o", "x"], code: "CLI_KEY_PRIVATE" },
      {
        argv: [...files, "--functionary", ada.public, "-o", "x", "--expires", "tomorrow"],
        code: "INTOTO_LAYOUT_MALFORMED",
      },
    ])
      expect((await stage.layout(["init", ...argv])).stderr).toContain(`[${code}]`);
    expect(stage.list()).not.toContain("x");
  });

  test("until a given time", async () => {
    const argv = ["init", ...linkFiles(), "--functionary", ada.public, bob.public, "--readme", "r", "-o"];
    const options = ["--expires", "2099-01-01T00:00:00Z", "-q"];
    expect(await stage.layout([...argv, `${links}/late.layout`, ...options])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const { stdout } = await stage.layout(["show", `${links}/late.layout`]);
    expect(stdout).toContain("  signed by nobody\n  expires   2099-01-01T00:00:00Z\n  readme    r\n");
  });
});

describe("sign", () => {
  const keyids = (text: string): string[] =>
    (JSON.parse(text) as { readonly signatures: readonly { readonly keyid: string }[] }).signatures.map(
      ({ keyid }) => keyid,
    );

  test("as a DSSE envelope", async () => {
    const file = `${links}/dsse.layout`;
    expect(await stage.layout(["sign", layoutFile, "-k", owner.secret, "--dsse", "-o", file])).toMatchObject({
      code: 0,
    });
    expect((await stage.layout(["show", file])).stdout).toMatch(
      /^UNVERIFIED layout, as a DSSE envelope\n  signed by [0-9a-f]{64}\n/,
    );
    const { code } = await stage.layout(["verify", "--layout", file, "--key", owner.public, "--link-dir", links]);
    expect(code).toBe(0);
    expect(await stage.layout(["sign", file, "-k", owner.secret, "--dsse"])).toMatchObject({ code: 0 });
  });

  test.each(["root.layout", "dsse.layout"])("%s: replaces, appends, verifies", async (name) => {
    const [file, copy] = [`${links}/${name}`, `${links}/copy-${name}`];
    expect(await stage.layout(["sign", file, "-k", ada.secret, "-o", copy])).toMatchObject({ code: 0 });
    expect(keyids(stage.read(copy))).toHaveLength(1);
    expect(await stage.layout(["sign", copy, "-k", bob.secret, "--append"])).toMatchObject({ code: 0 });
    expect(keyids(stage.read(copy))).toHaveLength(2);
    const both = await stage.layout(["sign", copy, "--verify", "-k", ada.public, bob.public, "--json"]);
    expect(both.code).toBe(0);
    expect(parsed(both)).toMatchObject({ isVerified: true, keyids: keyids(stage.read(copy)) });
    expect(await stage.layout(["sign", copy, "-k", bob.secret, "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(keyids(stage.read(copy))).toHaveLength(1);
    const gone = await stage.layout(["sign", copy, "--verify", "-k", ada.public]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("INTOTO_SIGNATURE_MISSING") as string });
  });

  test.each(["root.layout", "dsse.layout"])(
    "%s: moves the end of a layout, and warns of what lint finds",
    async (name) => {
      const copy = `${links}/late-${name}`;
      expect(
        await stage.layout([
          "sign",
          `${links}/${name}`,
          "-k",
          ada.secret,
          "--expires",
          "2001-01-01T00:00:00Z",
          "-o",
          copy,
        ]),
      ).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("warning: the layout has expired and nothing passes any more") as string,
      });
      expect((await stage.layout(["show", copy])).stdout).toContain("expires   2001-01-01T00:00:00Z");
      expect(await stage.layout(["sign", copy, "--verify", "-k", ada.public])).toMatchObject({ code: 0 });
      const linted = await stage.layout(["lint", copy, "--json"]);
      expect(linted.code).toBe(1);
      expect(parsed(linted)).toMatchObject({ verdict: "failed", findings: [{ code: "INTOTO_LINT_EXPIRED" }] });
    },
  );

  test("a link too, by its functionary", async () => {
    const [link = ""] = linkFiles();
    expect(await stage.layout(["sign", link, "-k", ada.secret, "-o", "again.link"])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^signed: again\.link \(link, 1 signature: [0-9a-f]{8}\)\n$/) as string,
    });
    expect(await stage.layout(["sign", "again.link", "--verify", "-k", ada.public])).toMatchObject({ code: 0 });
    rmSync(`${stage.folder}/again.link`);
  });

  test("what was changed after it was signed is found", async () => {
    stage.write("bad.layout", stage.read(layoutFile).replace('"readme": ""', '"readme": "changed"'));
    expect(await stage.layout(["sign", "bad.layout", "--verify", "-k", owner.public])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_SIGNATURE_BAD") as string,
    });
  });

  test("nothing is written that could not be read again, nor over a key", async () => {
    stage.write(
      "bad.layout",
      JSON.stringify({ signatures: [], signed: { ...signedPart(stage.read(layoutFile)), expires: "soon" } }),
    );
    const before = stage.read("bad.layout");
    for (const { argv, code, exit } of [
      { argv: ["bad.layout", "-k", owner.secret], code: "INTOTO_LAYOUT_MALFORMED", exit: 1 },
      { argv: [layoutFile, "-k", owner.secret, "-o", owner.secret], code: "CLI_OUTPUT_SECRET", exit: 2 },
      { argv: [layoutFile], code: "CLI_USAGE", exit: 2 },
      {
        argv: [layoutFile, "-k", owner.secret, "--append", "--expires", "2099-01-01T00:00:00Z"],
        code: "CLI_OPTION_CONFLICT",
        exit: 2,
      },
      { argv: [layoutFile, "-k", owner.secret, "--append", "--verify"], code: "CLI_OPTION_CONFLICT", exit: 2 },
    ]) {
      const outcome = await stage.layout(["sign", ...argv]);
      expect(outcome.code).toBe(exit);
      expect(outcome.stderr).toContain(code === "CLI_OPTION_CONFLICT" ? "[CLI_" : `[${code}]`);
    }
    expect(stage.read("bad.layout")).toBe(before);
  });
});

describe("a link where a layout is needed", () => {
  test.each(["lint", "graph"])("%s", async (command) => {
    const [link = ""] = linkFiles();
    expect(await stage.layout([command, link])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_LAYOUT_NEEDED") as string,
    });
  });
});
