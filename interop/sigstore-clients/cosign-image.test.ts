import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Registry, type Repository } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { hasDockerRegistry, pushImage, startDockerRegistry } from "@countersign/testkit";
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

  test("cosign's older layout: ours by key, without a log", async () => {
    const image = await makeImage();
    const sign = ["--legacy", "--danger-no-log", "--key", lab.path("k.key"), ...lab.trust];
    expect(await ours("sign", image, ...sign)).toMatchObject(allowed);
    const key = ["--key", lab.path("k.pub")];
    expect(await theirs("verify", image, older, "--insecure-ignore-tlog", ...key)).toMatchObject(allowed);
    expect(await ours("verify", image, "--danger-no-log", ...key, ...lab.trust)).toMatchObject(allowed);
  });

  test("what cosign saves, without its signature: no index of the folder lists that", async () => {
    const image = await makeImage();
    expect(await theirs("sign", image, ...(await lab.keyless()))).toMatchObject(allowed);
    expect(await theirs("save", "--dir", lab.path("theirs"), image)).toMatchObject(allowed);
    const loaded = `${host}/interop/loaded${image.slice(image.indexOf("@"))}`;
    expect(await ours("load", loaded, "--layout", lab.path("theirs"))).toMatchObject(allowed);
    expect(await ours("verify", loaded, ...whose())).toMatchObject({ code: 1 });
  });

  test("what we copy, with its signature: cosign verifies the copy", async () => {
    const image = await makeImage();
    expect(await theirs("sign", image, ...(await lab.keyless()))).toMatchObject(allowed);
    const copy = `${host}/interop/copy`;
    expect(await ours("copy", image, `${copy}:1`)).toMatchObject(allowed);
    await expectBoth(`${copy}${image.slice(image.indexOf("@"))}`, allowed);
  });
});
