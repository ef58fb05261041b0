import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { defaultExcludes } from "./exclude.ts";
import {
  linkFileName,
  mockFileName,
  readLinkFile,
  removeLinkFile,
  unfinishedFileName,
  writeLinkFile,
} from "./link-file.node.ts";
import { startRecord, stopRecord } from "./record-session.node.ts";
import { formatRunBinding, parseRunBinding } from "./run-binding.ts";
import { mockStep, runStep } from "./run.node.ts";
import { makeFolder, signer, now, nowMs, node, refusal, openLink, quiet, removeFolders } from "./run.contract.ts";

afterAll(removeFolders);

describe("link files", () => {
  const id = "0123456789abcdef";

  test("names", () => {
    expect(linkFileName("build", id)).toBe("build.01234567.link");
    expect(unfinishedFileName("build", id)).toBe(".build.01234567.link-unfinished");
    expect(mockFileName("build")).toBe("build.link");
  });

  test.each(["../x", "a/b", "a\\b", "", "..", "a\0b", "a\nb", "x".repeat(200)])(
    "I5: the step name %j is refused",
    async (step) => {
      for (const name of [linkFileName, unfinishedFileName, mockFileName])
        expect(() => name(step, id)).toThrow(expect.objectContaining({ code: "INTOTO_NAME_UNSAFE" }));
      const directory = makeFolder();
      const unsafe = refusal("INTOTO_NAME_UNSAFE");
      const run = { step, command: ["touch", join(directory, "ran")] };
      await expect(runStep(run, { signer, directory }, now)).rejects.toEqual(unsafe);
      await expect(mockStep(run, directory, now)).rejects.toEqual(unsafe);
      await expect(startRecord({ step }, { signer, directory })).rejects.toEqual(unsafe);
      await expect(stopRecord({ step }, { signer, directory }, nowMs)).rejects.toEqual(unsafe);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test.each(["", "0123", "../../xx", "ABCDEF0123"])("the key id %j is refused", (keyid) => {
    expect(() => linkFileName("a", keyid)).toThrow(expect.objectContaining({ code: "INTOTO_NAME_UNSAFE" }));
  });

  test("a file is replaced whole, or not at all", () => {
    const directory = makeFolder({ "a.link": "old" });
    expect(writeLinkFile(directory, "a.link", "new")).toBe(join(directory, "a.link"));
    expect(readFileSync(join(directory, "a.link"), "utf8")).toBe("new");
    mkdirSync(join(directory, "b.link"));
    for (const [folder, name] of [
      [directory, "b.link"],
      [join(directory, "none"), "c.link"],
    ] as const)
      expect(() => writeLinkFile(folder, name, "x")).toThrow(
        expect.objectContaining({ code: "INTOTO_LINK_UNWRITABLE" }),
      );
    expect(readdirSync(directory).toSorted()).toEqual(["a.link", "b.link"]);
  });

  test("what is no file is not read, nor waited for", () => {
    const directory = makeFolder();
    spawnSync("mkfifo", [join(directory, "pipe")]);
    for (const name of ["pipe", "none", "."])
      expect(() => readLinkFile(join(directory, name))).toThrow(
        expect.objectContaining({ code: "INTOTO_LINK_UNREADABLE" }),
      );
    expect(() => removeLinkFile(join(directory, "none"))).toThrow(
      expect.objectContaining({ code: "INTOTO_LINK_UNWRITABLE" }),
    );
  });

  test("a link that is too large is not read", () => {
    const directory = makeFolder();
    writeFileSync(join(directory, "big"), "");
    truncateSync(join(directory, "big"), 300 * 1024 * 1024);
    expect(() => readLinkFile(join(directory, "big"))).toThrow(expect.objectContaining({ code: "INTOTO_TOO_LARGE" }));
  });
});

describe.each(["metablock", "dsse"] as const)("running a step, %s", (form) => {
  test("materials, command, products", async () => {
    const base = makeFolder({ in: "in" });
    const directory = makeFolder();
    const command = node("require('fs').writeFileSync('out', 'o'); console.log('hi'); process.exit(3)");
    const outcome = await runStep(
      {
        step: "build",
        materials: ["."],
        products: ["."],
        command,
        record: { base },
        run: { cwd: base, streams: "record", ...quiet() },
        environment: { workdir: "/w", ...formatRunBinding({ id: "run-1" }) },
      },
      { signer, form, directory },
      now,
    );
    expect(outcome).toMatchObject({ exitCode: 3, path: join(directory, `build.${signer.key.keyid.slice(0, 8)}.link`) });
    const link = openLink(outcome.path);
    expect(link).toMatchObject({
      name: "build",
      command,
      byproducts: { "return-value": 3, stdout: "hi\n", stderr: "" },
      environment: { workdir: "/w" },
    });
    expect(parseRunBinding(link)).toEqual({ id: "run-1" });
    expect([[...link.materials.keys()], [...link.products.keys()]]).toEqual([["in"], ["in", "out"]]);
    expect([...outcome.link.products]).toEqual([...link.products]);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test("without a command", async () => {
    const base = makeFolder({ a: "" });
    const { path, exitCode } = await runStep(
      { step: "review", materials: ["a"], record: { base } },
      { signer, form, directory: base },
      now,
    );
    expect(exitCode).toBe(0);
    expect(openLink(path)).toMatchObject({ byproducts: {}, command: [], environment: {} });
  });

  test("lost output is counted in the link", async () => {
    const directory = makeFolder();
    const run = { streams: "record", maxStreamBytes: 2, ...quiet() } as const;
    const program = "process.stdout.write('abc'); process.stderr.write('defg')";
    const { path } = await runStep({ step: "s", command: node(program), run }, { signer, form, directory }, now);
    expect(openLink(path).byproducts).toEqual({
      "return-value": 0,
      stderr: "de",
      "stderr-lost-bytes": 2,
      stdout: "ab",
      "stdout-lost-bytes": 1,
    });
  });

  test("start and stop", async () => {
    const base = makeFolder({ in: "in" });
    const target = { signer, form, directory: base };
    const record = { base, exclude: defaultExcludes };
    const started = await startRecord({ step: "edit", materials: ["."], record, environment: { a: "1" } }, target);
    expect(started.path).toBe(join(base, `.edit.${signer.key.keyid.slice(0, 8)}.link-unfinished`));
    expect(openLink(started.path)).toMatchObject({ name: "edit", environment: { a: "1" } });
    writeFileSync(join(base, "out"), "out");
    const stopped = await stopRecord({ step: "edit", products: ["."], record, environment: { b: "2" } }, target, nowMs);
    const link = openLink(stopped.path);
    expect([[...link.materials.keys()], [...link.products.keys()]]).toEqual([["in"], ["in", "out"]]);
    expect(link).toMatchObject({ name: "edit", byproducts: {}, command: [], environment: { a: "1", b: "2" } });
    expect(readdirSync(base).toSorted()).toEqual([`edit.${signer.key.keyid.slice(0, 8)}.link`, "in", "out"]);
  });
});
