import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { JsonObject } from "@countersign/core";
import { fileOf, inspection, layout, link, owner, person, signed, step, verdictOf } from "./chain.contract.ts";
import { openInspector, openReferenceInspector, type InspectionPermit, type Inspector } from "./inspect.node.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import { openProduct } from "./product.node.ts";

const ann = person("ann");
let product = "";
let opened: Inspector[] = [];
beforeEach(() => void (product = mkdtempSync(join(tmpdir(), "countersign-product-"))));
afterEach(() => {
  for (const each of opened) each.close();
  opened = [];
  rmSync(product, { recursive: true, force: true });
});

const write = (path: string, content: string | Uint8Array): string => {
  mkdirSync(join(product, path, ".."), { recursive: true });
  writeFileSync(join(product, path), content);
  return join(product, path);
};

/** The verdict on a layout with these inspections only. */
function look(
  inspect: readonly JsonObject[],
  more: Partial<InspectionPermit> & { readonly isCompat?: boolean } = {},
): string {
  const permit = { product, isHidden: () => false, ...more };
  const isCompat = more.isCompat === true;
  const inspector = isCompat ? openReferenceInspector(permit, { PATH: "/usr/bin:/bin" }) : openInspector(permit);
  opened.push(inspector);
  const bytes = signed(layout([ann], [step("make", [ann])], { inspect }), [owner]);
  const files = { [fileOf("make", ann)]: signed(link("make"), [ann]) };
  return verdictOf({
    layout: bytes,
    files,
    inspect: inspector.run,
    product: openProduct(product, () => false),
    mode: isCompat ? "compat" : "strict",
  });
}

const rules = (...list: readonly (readonly string[])[]): JsonObject => ({ expected_products: list });
const nothingElse = ["DISALLOW", "*"];

describe("commands", () => {
  test("run in a copy: the product stays as it is, and the copy goes", () => {
    write("a", "1");
    // A place of its own for copies: in the usual one other processes make theirs.
    const scratch = mkdtempSync(join(tmpdir(), "countersign-scratch-"));
    vi.stubEnv("TMPDIR", scratch);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(scratch, { recursive: true });
    });
    expect(
      look([inspection("cp", ["cp", "a", "b"], rules(["REQUIRE", "b"])), inspection("ls", ["test", "-f", "b"])]),
    ).toBe("allowed");
    expect(readdirSync(product)).toEqual(["a"]);
    expect(readdirSync(scratch)).toHaveLength(1);
    for (const each of opened.splice(0)) each.close();
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("in compat they run in the product itself", () => {
    write("a", "1");
    expect(look([inspection("cp", ["cp", "a", "b"], rules(["REQUIRE", "b"]))], { isCompat: true })).toBe("allowed");
    expect(existsSync(join(product, "b"))).toBe(true);
  });

  test("see an empty environment", () => {
    process.env["COUNTERSIGN_TEST_SECRET"] = "x";
    onTestFinished(() => void delete process.env["COUNTERSIGN_TEST_SECRET"]);
    expect(look([inspection("env", ["sh", "-c", 'test -z "$COUNTERSIGN_TEST_SECRET$HOME"'])])).toBe("allowed");
  });

  test.each([
    ["exit code 1", ["false"], "INTOTO_INSPECTION_FAILED"],
    ["killed by a signal", ["sh", "-c", "kill -9 $$"], "INTOTO_INSPECTION_FAILED"],
    ["no shell", ["test", "-f", "*"], "INTOTO_INSPECTION_FAILED"],
    ["no such program", ["no-such-program-of-ours"], "INTOTO_INSPECTION_COMMAND"],
    ["no words", [], "INTOTO_INSPECTION_EMPTY"],
    ["an empty word", [""], "INTOTO_INSPECTION_COMMAND"],
    ["NUL in the program", ["tr\u0000ue"], "INTOTO_INSPECTION_COMMAND"],
    ["NUL in an argument", ["true", "a\u0000b"], "INTOTO_INSPECTION_COMMAND"],
  ])("%s is refused, as in the reference", (_, run, code) => {
    write("a", "1");
    expect(look([inspection("x", run)])).toBe(code);
    expect(look([inspection("x", run)], { isCompat: true })).not.toBe("allowed");
  });

  test("a program of the product is never run, by path, link or name", () => {
    const evil = write("bin/evil", "#!/bin/sh\ntouch pwned\n");
    chmodSync(evil, 0o755);
    for (const run of [["./bin/evil"], ["bin/evil"], [evil], ["../bin/evil"]])
      expect(look([inspection("x", run)])).toBe("INTOTO_INSPECTION_COMMAND");
    expect(existsSync(join(product, "pwned"))).toBe(false);
  });

  test("a time limit ends it, with what it left running", () => {
    const started = Date.now();
    expect(look([inspection("x", ["sh", "-c", "sleep 60 & sleep 60"])], { timeoutMs: 200 })).toBe(
      "INTOTO_INSPECTION_TIMEOUT",
    );
    expect(Date.now() - started).toBeLessThan(50_000);
  });

  test("only allowed command lines run, all words compared", () => {
    const allowed = [["true", "a"]];
    expect(look([inspection("x", ["true", "a"])], { allowed })).toBe("allowed");
    for (const run of [["true"], ["true", "a", "b"], ["true", "b"], ["/bin/true", "a"]])
      expect(look([inspection("x", run)], { allowed })).toBe("INTOTO_INSPECTION_NOT_ALLOWED");
  });

  test("an inspection's failing rules, and rules that refer to other inspections", () => {
    write("a", "1");
    expect(look([inspection("x", ["true"], rules(["ALLOW", "b"], nothingElse))])).toBe("INTOTO_RULE_DISALLOWED");
    expect(
      look([
        inspection("x", ["true"], rules(["MATCH", "*", "WITH", "PRODUCTS", "FROM", "y"], nothingElse)),
        inspection("y", ["true"]),
      ]),
    ).toBe("allowed");
  });

  test("a pipe in the product is refused, not opened", () => {
    spawnSync("mkfifo", [join(product, "pipe")]);
    expect(look([inspection("x", ["true"])])).toBe("INTOTO_PRODUCT_UNSUPPORTED");
    expect(look([inspection("x", ["true"])], { isCompat: true })).toBe("allowed");
  });
});

describe("declarative inspections", () => {
  const archive = (...words: readonly string[]): void => void spawnSync("tar", ["-C", join(product, ".."), ...words]);
  const pack = (name: string, ...options: readonly string[]): void => {
    write("in/src/a", "1");
    write(`in/${"long/".repeat(40)}b`, "2");
    spawnSync("tar", ["-cf", join(product, name), ...options, "-C", join(product, "in"), "."]);
    rmSync(join(product, "in"), { recursive: true });
  };
  const listed = rules(
    ["REQUIRE", "src/a"],
    ["REQUIRE", `${"long/".repeat(40)}b`],
    ["ALLOW", "src/a"],
    ["ALLOW", "long/*"],
    nothingElse,
  );

  test.each([["gnu"], ["posix"], ["ustar"], ["gnu", "-z"]])("archive in format %s %s", (format, ...more) => {
    if (format === "ustar") write("in/x", "");
    pack("app.tar", `--format=${format}`, ...more);
    expect(look([inspection("look", ["countersign:archive", "app.tar"], listed)])).toMatch(
      format === "ustar" ? /allowed|DISALLOWED/ : /^allowed$/,
    );
  });

  test.each([
    ["not an archive", () => write("app.tar", "x".repeat(1024)), "INTOTO_ARCHIVE_MALFORMED"],
    ["a broken gzip", () => write("app.tar", gzipSync("x".repeat(100)).subarray(0, 20)), "INTOTO_ARCHIVE_MALFORMED"],
    [
      "an archive cut short",
      () => (pack("app.tar"), truncateSync(join(product, "app.tar"), 700)),
      "INTOTO_ARCHIVE_MALFORMED",
    ],
    [
      "data after the end",
      () => (pack("app.tar"), spawnSync("sh", ["-c", `printf x >> ${join(product, "app.tar")}`])),
      "INTOTO_ARCHIVE_MALFORMED",
    ],
    [
      "a path out of the archive",
      () => (write("x", "1"), archive("-P", "-cf", join(product, "app.tar"), join(product, "x"))),
      "INTOTO_NAME_UNSAFE",
    ],
    [
      "a symbolic link",
      () => (
        symlinkSync("/etc/passwd", join(product, "l")),
        spawnSync("tar", ["-cf", join(product, "app.tar"), "-C", product, "l"]),
        rmSync(join(product, "l"))
      ),
      "INTOTO_ARCHIVE_MALFORMED",
    ],
    [
      "one path twice",
      () => (write("x", "1"), spawnSync("tar", ["-cf", join(product, "app.tar"), "-C", product, "x", "x"])),
      "INTOTO_ARCHIVE_MALFORMED",
    ],
    ["no such file", () => {}, "INTOTO_PRODUCT_UNREADABLE"],
  ])("%s", (_, make, code) => {
    make();
    expect(look([inspection("look", ["countersign:archive", "app.tar"])])).toBe(code);
  });

  test.each(["../x", "/etc/passwd", "a/../../x"])("a target %s out of the product", (target) => {
    for (const kind of ["archive", "dir", "oci-layout"])
      expect(look([inspection("look", [`countersign:${kind}`, target])])).toBe("INTOTO_NAME_UNSAFE");
  });

  test("a link out of the product is not followed", () => {
    symlinkSync("/etc/passwd", join(product, "app.tar"));
    expect(look([inspection("look", ["countersign:archive", "app.tar"])])).toMatch(
      /^INTOTO_PRODUCT_(UNSUPPORTED|UNREADABLE)$/,
    );
  });

  test("dir", () => {
    write("out/src/a", "1");
    write("other", "2");
    expect(
      look([
        inspection("look", ["countersign:dir", "out"], rules(["REQUIRE", "src/a"], ["ALLOW", "src/a"], nothingElse)),
      ]),
    ).toBe("allowed");
  });

  test("oci-layout: blobs are checked, layers are listed", () => {
    pack("layer.tar");
    const sha = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
    const blob = (content: string): JsonObject => {
      write(`image/blobs/sha256/${sha(content)}`, content);
      return { digest: `sha256:${sha(content)}`, size: content.length };
    };
    const layerBytes = spawnSync("cat", [join(product, "layer.tar")]).stdout;
    const layer = sha(layerBytes);
    mkdirSync(join(product, "image/blobs/sha256"), { recursive: true });
    copyFileSync(join(product, "layer.tar"), join(product, "image/blobs/sha256", layer));
    const manifest = blob(
      JSON.stringify({ schemaVersion: 2, config: blob("{}"), layers: [{ digest: `sha256:${layer}`, size: 1 }] }),
    );
    write("image/oci-layout", '{"imageLayoutVersion":"1.0.0"}');
    write("image/index.json", JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
    const seen = inspection(
      "look",
      ["countersign:oci-layout", "image"],
      rules(["REQUIRE", `layers/${layer}/src/a`], ["ALLOW", "layers/*"], ["ALLOW", "blobs/*"], nothingElse),
    );
    expect(look([seen])).toBe("allowed");
    write(`image/blobs/sha256/${layer}`, "other");
    expect(look([seen])).toBe("INTOTO_OCI_LAYOUT_MALFORMED");
    write("image/oci-layout", '{"imageLayoutVersion":"9"}');
    expect(look([seen])).toBe("INTOTO_OCI_LAYOUT_MALFORMED");
    write("image/oci-layout", "{");
    expect(look([seen])).toBe("INTOTO_OCI_LAYOUT_MALFORMED");
  });

  test("an unknown kind, too many words, and no product to look at", () => {
    for (const run of [["countersign:zip", "a"], ["countersign:dir"], ["countersign:dir", "a", "b"]])
      expect(look([inspection("x", run)])).toBe("INTOTO_INSPECTION_UNKNOWN");
    const bytes = signed(
      layout([ann], [step("make", [ann])], { inspect: [inspection("x", ["countersign:dir", "a"])] }),
      [owner],
    );
    const files = { [fileOf("make", ann)]: signed(link("make"), [ann]) };
    expect(verdictOf({ layout: bytes, files })).toBe("INTOTO_PRODUCT_MISSING");
  });
});

describe("links on disk", () => {
  test("missing ones, directories and pipes are none; one that may not be read is an error of its own", () => {
    const links = openLinkDirectory(product);
    mkdirSync(join(product, "a.01234567.link"));
    spawnSync("mkfifo", [join(product, "b.01234567.link")]);
    write("c.01234567.link", "{}");
    expect(["a", "b", "none", "x".repeat(300)].map((name) => links.open(name, "01234567"))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(links.open("c", "01234567")).toEqual(new Uint8Array(Buffer.from("{}")));
    expect([...links.opened]).toEqual([join(product, "c.01234567.link")]);
    expect(links.list?.("c")).toEqual(["01234567"]);
    expect(links.sub("none").list?.("c")).toEqual([]);
    symlinkSync("loop.01234567.link", join(product, "loop.01234567.link"));
    expect(() => links.open("loop", "01234567")).toThrow(expect.objectContaining({ code: "INTOTO_LINK_UNREADABLE" }));
  });
});
