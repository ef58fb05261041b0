import { afterAll, expect, test } from "vitest";
import { describeClient } from "./client.ts";
import { buildCosign, cosignClient } from "./cosign.ts";
import { openLab, password } from "./lab.ts";

/** `npm run interop:cosign` sets it: to fetch and build cosign takes a network and minutes. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "cosign";
const cosign = isAsked ? buildCosign() : { missing: "not asked for", remove: (): void => {} };
afterAll(() => cosign.remove());

describeClient("cosign", "missing" in cosign ? cosign : cosignClient(cosign));

// Into Rekor 2 it cannot follow an Ed25519 key; without a log it can, since the bundle names the file's digest.
test.skipIf("missing" in cosign)("cosign verifies what an Ed25519 key signed without a log", async () => {
  const lab = await openLab();
  try {
    const [base, file, secret] = [lab.path("ed"), lab.write("ed.txt", "x"), lab.write("password", password)];
    const given = ["--password-file", secret];
    expect(await lab.ours("key", "generate", "--type", "ed25519", "-o", base, ...given)).toMatchObject({ code: 0 });
    const predicate = lab.write("any.json", "{}");
    for (const [sign, verify] of [
      [
        ["sign", file],
        ["verify-blob", file],
      ],
      [
        ["attest", file, "--type", "urn:x", "--predicate", predicate],
        ["verify-blob-attestation", "--type", "urn:x", file],
      ],
    ] as const) {
      const bundle = lab.path(`${sign[0]}.json`);
      const signed = await lab.ours(...sign, "--key", `${base}.key`, ...given, "--danger-no-log", "--bundle", bundle);
      expect(signed).toMatchObject({ code: 0 });
      const asked = ["--key", `${base}.pub`, "--bundle", bundle, "--insecure-ignore-tlog", ...lab.trust];
      const program = "program" in cosign ? cosign.program : "";
      expect(await lab.run(program, ...verify, ...asked)).toMatchObject({ code: 0 });
      lab.write("ed.txt", "y");
      expect((await lab.run(program, ...verify, ...asked)).code).not.toBe(0);
      lab.write("ed.txt", "x");
    }
  } finally {
    await lab.close();
  }
});
