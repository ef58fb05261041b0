import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Registry, type Repository } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { hasDockerRegistry, pushImage, startDockerRegistry, startRegistry } from "@countersign/testkit";
import { predicateType } from "./client.ts";
import { buildCosign } from "./cosign.ts";
import { makeKeys, openLab, type Lab, type Ran } from "./lab.ts";

/** See cosign.test.ts; besides it takes Debian's docker-registry. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "cosign" && hasDockerRegistry();
const cosign = isAsked ? buildCosign() : { missing: "not asked for, or no docker-registry", remove: (): void => {} };
if ("missing" in cosign) process.stdout.write(`skipped: cosign and images: ${cosign.missing}\n`);

const allowed = { code: 0 };
const older = "--new-bundle-format=false";

describe.skipIf("missing" in cosign)("cosign and we, about images", { timeout: 120_000 }, () => {
  let lab: Lab;
  let host = "";
  let close = async (): Promise<void> => {};
  let images = 0;
  beforeAll(async () => {
    lab = await openLab();
    ({ host, close } = await startDockerRegistry());
    lab.write(
      "predicate.json",
      '{"buildDefinition":{"buildType":"urn:b","externalParameters":{}},"runDetails":{"builder":{"id":"urn:b"}}}',
    );
    await makeKeys(lab);
  });
  afterAll(async () => {
    await close();
    await lab.close();
    cosign.remove();
  });

  const theirs = (...argv: readonly string[]): Promise<Ran> =>
    lab.run("program" in cosign ? cosign.program : "", ...argv);
  const ours = (...argv: readonly string[]): Promise<Ran> => lab.ours("image", ...argv);
  const whose = (): readonly string[] => [...lab.trust, ...lab.expected];
  /** An image that nobody has signed. */
  async function makeImage(): Promise<string> {
    const repository: Repository = { registry: host, repository: `interop/app${images++}` };
    const digest = await pushImage(
      new Registry({ http: makeOciHttp(), sleep: async () => {} }),
      repository,
      `image ${images}`,
    );
    return `${host}/${repository.repository}@${digest}`;
  }
  async function expectBoth(image: string, verdict: object, ...more: readonly string[]): Promise<void> {
    expect(await ours("verify", image, ...whose())).toMatchObject(verdict);
    expect((await theirs("verify", image, ...whose(), ...more)).code === 0).toBe(verdict === allowed);
  }

  test("refuse what nobody signed, and a signature of somebody else", async () => {
    const image = await makeImage();
    await expectBoth(image, { code: 1 });
    expect(await ours("sign", image, ...(await lab.keyless()))).toMatchObject(allowed);
    const eve = whose().map((word) => (word === lab.identity ? "eve@example.com" : word));
    expect(await ours("verify", image, ...eve)).toMatchObject({ code: 1 });
    expect((await theirs("verify", image, ...eve)).code).not.toBe(0);
  });

  test("keyless signatures of either", async () => {
    for (const sign of [ours, theirs]) {
      const image = await makeImage();
      expect(await sign("sign", image, ...(await lab.keyless()))).toMatchObject(allowed);
      await expectBoth(image, allowed);
      expect(await ours("verify", image, ...whose(), "--second-opinion")).toMatchObject(allowed);
    }
  });

  test("signatures of either by key", async () => {
    for (const sign of [ours, theirs]) {
      const image = await makeImage();
      expect(await sign("sign", image, ...lab.signing, "--key", lab.path("k.key"))).toMatchObject(allowed);
      const key = [...lab.trust, "--key", lab.path("k.pub")];
      expect(await ours("verify", image, ...key)).toMatchObject(allowed);
      expect(await theirs("verify", image, ...key)).toMatchObject(allowed);
    }
  });

  test("attestations of either; none of them is a signature", async () => {
    const type = ["--type", predicateType];
    for (const attest of [ours, theirs]) {
      const image = await makeImage();
      const predicate = ["--predicate", lab.path("predicate.json")];
      expect(await attest("attest", image, ...type, ...predicate, ...(await lab.keyless()))).toMatchObject(allowed);
      expect(await ours("verify-attestation", image, ...type, ...whose(), "--second-opinion")).toMatchObject(allowed);
      expect(await theirs("verify-attestation", image, ...type, ...whose())).toMatchObject(allowed);
      expect(await ours("verify", image, ...whose())).toMatchObject({ code: 1 });
    }
  });

  test("cosign's older layout: its signature in a log of Rekor 1, which has no second opinion", async () => {
    const image = await makeImage();
    const services = ["--use-signing-config=false", "--rekor-url", lab.url, "--fulcio-url", lab.url];
    const token = ["--identity-token", lab.write("token.jwt", await lab.token()), ...lab.trust, "--yes"];
    expect(await theirs("sign", image, older, ...services, ...token)).toMatchObject(allowed);
    await expectBoth(image, allowed, older);
    expect(await ours("verify", image, ...whose(), "--second-opinion")).toMatchObject({ code: 3 });
  });

  test("cosign's experiment with referrers: a manifest with a signature as a layer", async () => {
    const image = await makeImage();
    const services = [older, "--use-signing-config=false", "--tlog-upload=false", "--yes"];
    const mode = ["--registry-referrers-mode", "oci-1-1", "--key", lab.path("k.key")];
    const experiment = ["COSIGN_EXPERIMENTAL=1", "program" in cosign ? cosign.program : ""];
    expect(await lab.run("env", ...experiment, "sign", image, ...services, ...mode)).toMatchObject(allowed);
    expect((await ours("tree", image)).text).toContain("sig-referrer");
    const key = ["--danger-no-log", "--key", lab.path("k.pub"), ...lab.trust];
    expect(await ours("verify", image, ...key)).toMatchObject(allowed);
    expect(await ours("verify-attestation", image, "--type", predicateType, ...key)).toMatchObject({ code: 1 });
  });

  test("cosign's older layout: ours by key, without a log", async () => {
    const image = await makeImage();
    const sign = ["--legacy", "--danger-no-log", "--key", lab.path("k.key"), ...lab.trust];
    expect(await ours("sign", image, ...sign)).toMatchObject(allowed);
    const key = ["--key", lab.path("k.pub")];
    expect(await theirs("verify", image, older, "--insecure-ignore-tlog", ...key)).toMatchObject(allowed);
    expect(await ours("verify", image, "--danger-no-log", ...key, ...lab.trust)).toMatchObject(allowed);
  });

  test("an attestation in cosign's older layout, with a timestamp", async () => {
    const image = await makeImage();
    const type = ["--type", predicateType];
    const stamped = ["--tlog-upload=false", "--timestamp-server-url", `${lab.url}/api/v1/timestamp`];
    const services = [older, "--use-signing-config=false", ...stamped, "--yes"];
    const predicate = ["--predicate", lab.path("predicate.json")];
    expect(await theirs("attest", image, ...type, ...predicate, ...services, "--key", lab.path("k.key"))).toMatchObject(
      allowed,
    );
    const verify = ["verify-attestation", image, ...type, "--danger-no-log", "--key", lab.path("k.pub"), ...lab.trust];
    expect(await ours(...verify, "--max-age", "1h")).toMatchObject(allowed);
  });

  const bundles = { sign: [] as readonly string[], theirs: [] as readonly string[], ours: [] as readonly string[] };
  const legacy = {
    sign: ["--legacy", "--danger-no-log"],
    theirs: [older, "--insecure-ignore-tlog"],
    ours: ["--danger-no-log"],
  };
  const byKey = (): readonly string[] => ["--key", lab.path("k.pub")];
  const keyed = (): readonly string[] => [...lab.trust, ...byKey()];
  let folders = 0;
  const freshFolder = (): string => lab.path(`layout${folders++}`);
  async function theirSignature(form: "bundle" | "legacy"): Promise<string> {
    const image = await makeImage();
    const more =
      form === "bundle" ? lab.signing : [older, "--use-signing-config=false", "--tlog-upload=false", "--yes"];
    expect(await theirs("sign", image, ...more, "--key", lab.path("k.key"))).toMatchObject(allowed);
    return image;
  }

  test.each([
    ["bundles", bundles],
    ["the older layout", legacy],
  ])("what we save in %s, cosign verifies from the folder", async (_, form) => {
    const image = await makeImage();
    const services = form === bundles ? lab.signing : lab.trust;
    expect(await ours("sign", image, ...services, ...form.sign, "--key", lab.path("k.key"))).toMatchObject(allowed);
    const folder = freshFolder();
    expect(await ours("save", image, "--layout", folder)).toMatchObject(allowed);
    const local = ["verify", "--local-image", folder, ...form.theirs];
    const trust = form === bundles ? keyed() : byKey();
    expect(await theirs(...local, ...trust)).toMatchObject(allowed);
    expect((await theirs(...local, ...trust.map((word) => (word === lab.path("k.pub") ? eve() : word)))).code).not.toBe(
      0,
    );
    const report = await ours("verify", image, "--layout", folder, "--offline", ...keyed(), ...form.ours);
    expect(report).toMatchObject(allowed);
  });

  test.each(["bundle", "legacy"] as const)(
    "what cosign saves (%s) we verify from the folder, and load",
    async (form) => {
      const image = await theirSignature(form);
      const folder = freshFolder();
      expect(await theirs("save", "--dir", folder, image)).toMatchObject(allowed);
      const more = form === "legacy" ? legacy : bundles;
      const offline = ["verify", image, "--layout", folder, "--offline", ...more.ours];
      expect(await ours(...offline, ...keyed())).toMatchObject(allowed);
      expect(await ours(...offline, ...lab.trust, "--key", eve())).toMatchObject({ code: 1 });
      const loaded = `${host}/interop/loaded-${form}:1`;
      expect(await ours("load", loaded, "--layout", folder)).toMatchObject(allowed);
      expect(await ours("verify", loaded, ...keyed(), ...more.ours)).toMatchObject(allowed);
      const trust = form === "legacy" ? byKey() : keyed();
      expect(await theirs("verify", loaded, ...more.theirs, ...trust)).toMatchObject(allowed);
    },
  );

  test("what we save, cosign loads: the older layout anywhere, bundles where blobs may come after their manifests", async () => {
    const loose = await startRegistry({ takesIncomplete: true });
    try {
      for (const [form, target] of [
        [legacy, host],
        [bundles, loose.host],
      ] as const) {
        const image = await makeImage();
        const services = form === bundles ? lab.signing : lab.trust;
        expect(await ours("sign", image, ...services, ...form.sign, "--key", lab.path("k.key"))).toMatchObject(allowed);
        const folder = freshFolder();
        expect(await ours("save", image, "--layout", folder)).toMatchObject(allowed);
        const loaded = `${target}/interop/by-cosign:1`;
        expect(await theirs("load", "--dir", folder, loaded)).toMatchObject(allowed);
        const trust = form === bundles ? keyed() : byKey();
        expect(await theirs("verify", loaded, ...form.theirs, ...trust)).toMatchObject(allowed);
        expect(await ours("verify", loaded, ...keyed(), ...form.ours)).toMatchObject(allowed);
        // Its own folders fare no better there.
        if (form === bundles)
          expect((await theirs("load", "--dir", folder, `${host}/interop/strict:1`)).code).not.toBe(0);
      }
    } finally {
      await loose.close();
    }
  });

  /** A key that signed nothing. */
  function eve(): string {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return lab.write("eve.pub", publicKey.export({ type: "spki", format: "pem" }).toString());
  }

  test("what we copy, with its signature: cosign verifies the copy", async () => {
    const image = await makeImage();
    expect(await theirs("sign", image, ...(await lab.keyless()))).toMatchObject(allowed);
    const copy = `${host}/interop/copy`;
    expect(await ours("copy", image, `${copy}:1`)).toMatchObject(allowed);
    await expectBoth(`${copy}${image.slice(image.indexOf("@"))}`, allowed);
  });
});
