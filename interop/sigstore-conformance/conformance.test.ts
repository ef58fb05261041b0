import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalSigstore } from "@countersign/local-sigstore";
import { loadInstance } from "@countersign/pipeline";
import { afterAll, describe, expect, test } from "vitest";
import { hasCases, outcomeOf, readCases, readInput, type Case, type Input, type Mode } from "./case.ts";
import { variants } from "./variant.ts";

const now = new Date("2026-06-01T00:00:00Z");
const modes: readonly Mode[] = ["path", "digest"];
/** Reviewed by hand: for each `_fail` the code that names the reason its README gives. */
const expected = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8")) as Record<string, string>;
const cases = readCases();

/** A case with the trust root spelt out, so that a variant may change it. */
async function inputOf(name: string): Promise<Input> {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  const input = readInput(found);
  const { trustedRoot } = await loadInstance("public-good");
  return input.trustedRoot === undefined ? { ...input, trustedRoot: new TextEncoder().encode(trustedRoot) } : input;
}

describe.skipIf(!hasCases)("the suite's bundles", () => {
  test("every case that is there has a reviewed outcome", () => {
    expect(cases.map(({ name }) => name)).toEqual(Object.keys(expected).toSorted());
    for (const [name, outcome] of Object.entries(expected))
      expect(outcome === "allowed", name).toBe(!name.endsWith("_fail"));
  });

  describe.each(modes)("by %s", (mode) => {
    test.each(cases.map((each) => [each.name, each] as const))("%s", async (name, each) => {
      expect(await outcomeOf(readInput(each), mode, now)).toBe(expected[name]);
    });

    test.each(variants.map((each) => [each.name, each] as const))("edited: %s", async (_, variant) => {
      const inputs = new Map(await Promise.all(cases.map(async ({ name }) => [name, await inputOf(name)] as const)));
      const other = (name: string): Input => inputs.get(name) as Input;
      expect(await outcomeOf(variant.change(other(variant.from), other), mode, now)).toBe(variant.expected);
    });
  });
});

/** Compiled once, the client starts three times as fast. */
const compiled = mkdtempSync(join(tmpdir(), "countersign-conformance-compiled-"));
afterAll(() => rmSync(compiled, { recursive: true }));

/** Runs the client as the suite does, with a PATH on which there is another Node or none. */
function runClient(...args: string[]): Promise<{ status: number | null; stderr: string }> {
  const client = fileURLToPath(new URL("client", import.meta.url));
  const env = { PATH: "/usr/bin:/bin", NODE_COMPILE_CACHE: compiled };
  const child = spawn(client, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stderr })));
}

function argumentsOf(each: Case, mode: Mode): string[] {
  const signer =
    each.keyPath === undefined
      ? ["--certificate-identity", each.identity, "--certificate-oidc-issuer", each.issuer]
      : ["--key", each.keyPath];
  const root = each.trustedRootPath === undefined ? [] : ["--trusted-root", each.trustedRootPath];
  const digest = createHash("sha256").update(readFileSync(each.artifactPath)).digest("hex");
  return [
    "verify-bundle",
    "--bundle",
    each.bundlePath,
    ...signer,
    ...root,
    mode === "path" ? each.artifactPath : `sha256:${digest}`,
  ];
}

describe.skipIf(!hasCases)("the client as a process", () => {
  const few = [
    "happy-path-v0.1",
    "rekor2-dsse-happy-path",
    "managed-key-happy-path",
    "wrong-material_fail",
    "managed-key-wrong-key_fail",
    "rekor2-no-timestamp_fail",
  ];

  test.each(few.flatMap((name) => modes.map((mode) => [name, mode] as const)))("%s by %s", async (name, mode) => {
    const each = cases.find((one) => one.name === name) as Case;
    const { status, stderr } = await runClient(...argumentsOf(each, mode));
    expect(status).toBe(name.endsWith("_fail") ? 1 : 0);
    expect(stderr.startsWith(expected[name] === "allowed" ? "" : `${expected[name]}: `), stderr).toBe(true);
  });

  test("a managed-key bundle without its key is refused, whatever identity is given", async () => {
    const each = { ...(cases.find(({ name }) => name === "managed-key-happy-path") as Case) };
    delete (each as { keyPath?: string }).keyPath;
    const { status, stderr } = await runClient(...argumentsOf(each, "path"));
    expect([status, stderr.split(":")[0]]).toEqual([1, "SIGSTORE_KEY_NEEDED"]);
  });
});

describe("the client's arguments", () => {
  test.each([
    [[]],
    [["verify"]],
    [["verify-bundle", "--bundle", "b", "f"]],
    [["verify-bundle", "--bundle", "b", "--certificate-identity", "i", "f"]],
    [
      [
        "verify-bundle",
        "--bundle",
        "b",
        "--certificate-identity",
        "i",
        "--certificate-oidc-issuer",
        "u",
        "--key",
        "k",
        "f",
      ],
    ],
    [["verify-bundle", "--unheard-of"]],
    [["verify-bundle", "--bundle", "/nonexistent", "--key", "/nonexistent", "f"]],
    [["sign-bundle", "--bundle", "b", "f"]],
  ])("%j end in 1", async (args) => {
    expect((await runClient(...args)).status).toBe(1);
  });
});

describe("sign-bundle against a local Sigstore", () => {
  test("signs a file and a Statement, which verify-bundle then accepts, and writes nothing with a bad token", async () => {
    const stack = await startLocalSigstore();
    const folder = mkdtempSync(join(tmpdir(), "countersign-conformance-"));
    const path = (name: string, content?: string | Uint8Array): string => {
      if (content !== undefined) writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    try {
      const artifact = path("artifact", "signed by the suite\n");
      const sha256 = createHash("sha256").update(readFileSync(artifact)).digest("hex");
      const statement = {
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "artifact", digest: { sha256 } }],
        predicateType: "https://slsa.dev/provenance/v1",
        predicate: {},
      };
      const token = await stack.token({ email: "suite@example.com" });
      const root = ["--trusted-root", path("root.json", stack.trustedRootBytes)];
      const services = [...root, "--signing-config", path("config.json", stack.signingConfigBytes)];
      const who = ["--certificate-identity", "suite@example.com", "--certificate-oidc-issuer", stack.url, ...root];
      const signing = ["--identity-token", token, "--bundle", path("bundle.json"), ...services];
      for (const how of [[artifact], ["--in-toto", path("statement.json", JSON.stringify(statement))]]) {
        expect(await runClient("sign-bundle", ...signing, ...how)).toEqual({ status: 0, stderr: "" });
        for (const what of [artifact, `sha256:${sha256}`]) {
          expect(await runClient("verify-bundle", "--bundle", path("bundle.json"), ...who, what)).toEqual({
            status: 0,
            stderr: "",
          });
        }
      }
      const [head] = token.split(".");
      const refused = await runClient(
        "sign-bundle",
        "--identity-token",
        `${head}.e30.x`,
        "--bundle",
        path("other.json"),
        ...services,
        artifact,
      );
      expect(refused.status).toBe(1);
      expect(refused.stderr).not.toContain(head);
      expect(() => readFileSync(path("other.json"))).toThrow(/ENOENT/);
    } finally {
      await stack.close();
      rmSync(folder, { recursive: true });
    }
  });
});
