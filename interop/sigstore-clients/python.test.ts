import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeClient, type Client } from "./client.ts";
import { openLab, type Lab } from "./lab.ts";
import { installPython } from "./python.ts";

/** `npm run interop:sigstore-python` sets it: to install it takes a network and a minute. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "sigstore-python";
const folder = mkdtempSync(join(tmpdir(), "countersign-python-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = isAsked ? installPython(folder) : { missing: "not asked for" };
describeClient("sigstore-python", found);

describe.skipIf("missing" in found)("bundles of version 0.2 that we and sigstore-python upgrade", () => {
  const client = found as Client;
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  test("both accept both; of what has timestamps it loses them, its own too", { timeout: 120_000 }, async () => {
    const file = lab.write("app", "app");
    const [old, ours, theirs] = [lab.path("old.json"), lab.path("ours.json"), lab.path("theirs.json")];
    const config = ["--signing-config", rekor1(lab), ...lab.trust, "--yes"];
    const token = ["--identity-token", lab.write("token.jwt", await lab.token())];
    expect(await lab.ours("sign", file, "--bundle", old, ...config, ...token)).toMatchObject({ code: 0 });
    lab.write("old.json", JSON.stringify(asVersion02(readJson(old))));
    expect(await lab.ours("bundle", "upgrade", old, "-o", ours)).toMatchObject({ code: 0 });
    copyFileSync(old, theirs);
    expect(await client.upgrade?.(theirs, lab)).toMatchObject({ code: 0 });
    for (const bundle of [old, ours, theirs]) {
      const who = [...lab.expected, ...lab.trust];
      expect(await lab.ours("verify", file, "--bundle", bundle, ...who)).toMatchObject({ code: 0 });
      expect(await client.verify({ file, bundle }, lab)).toMatchObject({ code: 0 });
    }
    const own = lab.path("own.json");
    expect(await client.sign({ file, bundle: own }, lab)).toMatchObject({ code: 0 });
    expect((await client.upgrade?.(own, lab))?.code).not.toBe(0);
    expect(await lab.ours("bundle", "upgrade", own, "-o", lab.path("own-again.json"))).toMatchObject({ code: 0 });
  });
});

/** A signing config with the log of Rekor 1 alone: its entries have promises, so that no timestamp is needed. */
function rekor1(lab: Lab): string {
  const { tsaUrls: _, tsaConfig: __, ...config } = readJson(lab.path("sigstore/signing_config.json"));
  const logs = config["rekorTlogUrls"] as { readonly majorApiVersion: number }[];
  const rekorTlogUrls = logs.filter(({ majorApiVersion }) => majorApiVersion === 1);
  return lab.write("rekor1.json", JSON.stringify({ ...config, rekorTlogUrls }));
}

/** The same evidence as version 0.2 has it. */
function asVersion02(bundle: Record<string, unknown>): object {
  const { certificate, ...rest } = bundle["verificationMaterial"] as Record<string, unknown>;
  return {
    ...bundle,
    mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2",
    verificationMaterial: { x509CertificateChain: { certificates: [certificate] }, ...rest },
  };
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}
