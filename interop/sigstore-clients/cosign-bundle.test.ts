import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCosign } from "./cosign.ts";
import { openLab, type Lab, type Ran } from "./lab.ts";

/** See cosign.test.ts. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "cosign";
const cosign = isAsked ? buildCosign() : { missing: "not asked for", remove: (): void => {} };
if ("missing" in cosign) process.stdout.write(`skipped: cosign and forms of bundles: ${cosign.missing}\n`);

const allowed = { code: 0 };

describe.skipIf("missing" in cosign)("cosign's older forms, and its bundle commands", { timeout: 120_000 }, () => {
  let lab: Lab;
  let app = "";
  beforeAll(async () => {
    lab = await openLab();
    app = lab.write("app", "app");
    const services = ["--use-signing-config=false", "--rekor-url", lab.url, "--fulcio-url", lab.url];
    const token = ["--identity-token", lab.write("token.jwt", await lab.token()), ...lab.trust, "--yes"];
    const parts = ["--output-signature", lab.path("app.sig"), "--output-certificate", lab.path("app.pem")];
    const form = ["--new-bundle-format=false", "--bundle", lab.path("app.bundle"), ...parts];
    const { code, text } = await theirs("sign-blob", app, ...form, ...services, ...token);
    if (code !== 0) throw new Error(text);
  });
  afterAll(async () => {
    await lab.close();
    cosign.remove();
  });

  const theirs = (...argv: readonly string[]): Promise<Ran> =>
    lab.run("program" in cosign ? cosign.program : "", ...argv);
  const bundle = (...argv: readonly string[]): Promise<Ran> => lab.ours("bundle", ...argv);
  const log = (): readonly string[] => ["--rekor-url", lab.url];
  async function expectBoth(path: string): Promise<void> {
    const who = [...lab.expected, ...lab.trust];
    expect(await lab.ours("verify", app, "--bundle", path, ...who)).toMatchObject(allowed);
    expect(await theirs("verify-blob", app, "--bundle", path, ...who)).toMatchObject(allowed);
    expect(await theirs("bundle", "inspect", path)).toMatchObject(allowed);
    expect((await bundle("inspect", path)).text).toContain("UNVERIFIED: ");
  }
  function readJson(path: string): Record<string, unknown> {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  }

  test("--bundle of before: converted without asking anybody, and with the log's proof", async () => {
    const [promise, proof] = [lab.path("promise.json"), lab.path("proof.json")];
    const convert = ["convert", lab.path("app.bundle"), "--artifact", app];
    expect(await bundle(...convert, "-o", promise)).toMatchObject(allowed);
    expect(await bundle(...convert, ...log(), "-o", proof)).toMatchObject(allowed);
    for (const path of [promise, proof]) await expectBoth(path);
  });

  test("a signature and a certificate in files: the log is asked for the entry", async () => {
    const made = lab.path("made.json");
    const create = ["create", app, "--certificate", lab.path("app.pem"), "-o", made];
    expect(await bundle(...create, ...log())).toMatchObject(allowed);
    await expectBoth(made);
  });

  test("both upgrade 0.1 by asking the log, and both accept both", async () => {
    const [old, ours, others] = [lab.path("old.json"), lab.path("up-ours.json"), lab.path("up-theirs.json")];
    expect(await bundle("convert", lab.path("app.bundle"), "--artifact", app, "-o", old)).toMatchObject(allowed);
    expect(await bundle("upgrade", old, ...log(), "-o", ours)).toMatchObject(allowed);
    expect(await theirs("bundle", "upgrade", old, ...log(), "--out", others)).toMatchObject(allowed);
    for (const path of [ours, others]) await expectBoth(path);
  });

  test("both make the same bundle of parts that no log has seen", async () => {
    const [ours, others] = [lab.path("parts-ours.json"), lab.path("parts-theirs.json")];
    const parts = ["--signature", lab.path("app.sig"), "--certificate", lab.path("app.pem")];
    expect(await bundle("create", app, ...parts, "-o", ours)).toMatchObject(allowed);
    const create = ["bundle", "create", "--artifact", app, ...parts, "--ignore-tlog", "--out", others];
    expect(await theirs(...create)).toMatchObject(allowed);
    // cosign writes the type of version 0.3 as those before it were written.
    expect(readJson(others)["mediaType"]).toBe("application/vnd.dev.sigstore.bundle+json;version=0.3");
    expect({ ...readJson(others), mediaType: "" }).toEqual({ ...readJson(ours), mediaType: "" });
  });
});
