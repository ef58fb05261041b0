import { existsSync, readFileSync } from "node:fs";
import { githubActionsClaims } from "@countersign/local-sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeClient, type Found, type Job } from "../sigstore-clients/client.ts";
import { cosignClient, givenCosign } from "../sigstore-clients/cosign.ts";
import { givenPython } from "../sigstore-clients/python.ts";
import { buildServices, serviceNames } from "./build.ts";
import { githubToken, openServiceLab, type ServiceLab } from "./lab.ts";
import { checkTiles, fillLog } from "./tiles.ts";

/** `npm run interop:sigstore-services` sets it: to build the services takes a network and minutes. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "sigstore-services";
const services = isAsked ? buildServices() : { missing: "not asked for", remove: (): void => {} };
afterAll(() => services.remove());
if ("missing" in services) process.stdout.write(`skipped: Sigstore's services: ${services.missing}\n`);
else for (const name of serviceNames) process.stdout.write(`${name} ${services.versions[name]}\n`);
const isMissing = "missing" in services;

const openLab = (): Promise<ServiceLab> => {
  if ("missing" in services) throw new Error(services.missing);
  return openServiceLab(services);
};
const ourselves: Found = isMissing ? services : { version: "with our own", ...ownClient(), keys: true };
const cosign = isMissing ? services : givenCosign();
describeClient("countersign", ourselves, openLab);
describeClient("cosign", "missing" in cosign ? cosign : cosignClient(cosign), openLab);
const python = isMissing ? services : givenPython();
describeClient("sigstore-python", python, openLab);

/** The other side of the tables: our command in cosign's spelling. */
function ownClient(): Pick<Extract<Found, { sign: unknown }>, "sign" | "verify"> {
  const cli = { program: process.execPath, version: "", command: new URL("../../apps/cli/dist/main.js", import.meta.url).pathname }; // prettier-ignore
  const as = (lab: ServiceLab): ServiceLab => ({ ...lab, run: (program, ...argv) => lab.run(program, cli.command, ...argv) }); // prettier-ignore
  const client = cosignClient(cli);
  return {
    sign: (job, lab) => client.sign(job, as(lab as ServiceLab)),
    verify: (job, lab) => client.verify(job, as(lab as ServiceLab)),
  };
}

describe.skipIf(isMissing)("Sigstore's own services", { timeout: 120_000 }, () => {
  let lab: ServiceLab;
  beforeAll(async () => {
    lab = await openLab();
  }, 120_000);
  afterAll(() => lab.close());
  const read = (name: string): Root => JSON.parse(readFileSync(lab.path(name), "utf8")) as Root;

  /** Whether cosign and sigstore-python take what we signed as theirs; as we say where they are not here. */
  const othersTake = async (job: Job, expected: Others): Promise<Others> => {
    const others = { cosign: "missing" in cosign ? cosign : cosignClient(cosign), python };
    const verdict = async (other: Found, said: boolean | undefined) =>
      "missing" in other || said === undefined ? said : (await other.verify(job, lab)).code === 0;
    return { cosign: await verdict(others.cosign, expected.cosign), python: await verdict(python, expected.python) };
  };

  // cosign v3.1.3 hashes by SHA-256 whatever the curve of a key file is, and refuses its own signatures, too; Ed25519ph, which an
  // Ed25519 key signs by for Rekor 2, it does not verify. The peer knows neither Ed25519ph nor ML-DSA: it cannot tell, and says so.
  test.each<[string, readonly string[], { readonly hasPeer: boolean } & Others]>([
    ["ecdsa-p256", [], { hasPeer: true, cosign: true }],
    ["ecdsa-p384", [], { hasPeer: true, cosign: false }],
    ["ecdsa-p521", [], { hasPeer: true, cosign: false }],
    ["rsa-3072", [], { hasPeer: true, cosign: true }],
    ["ed25519", [], { hasPeer: false, cosign: false }],
    ["ed25519", ["--danger-no-log"], { hasPeer: false }],
    ["ml-dsa-65", ["--danger-no-log"], { hasPeer: false }],
  ])("a key of type %s signs a file %j", async (type, how, { hasPeer, ...others }) => {
    const [file, bundle, base] = [lab.write("app", "by key"), lab.path("key.json"), lab.path(`${type}${how.length}`)];
    expect(await lab.ours("key", "generate", "--type", type, "--output", base)).toMatchObject({ code: 0 });
    const timestamp = how.length === 0 ? [] : ["--timestamp"];
    const signed = ["sign", file, "--key", `${base}.key`, "--bundle", bundle, ...lab.signing, ...how, ...timestamp];
    expect(await lab.ours(...signed)).toMatchObject({ code: 0 });
    const verify = ["verify", file, "--key", `${base}.pub`, "--bundle", bundle, ...lab.trust, ...how];
    expect(await lab.ours(...verify)).toMatchObject({ code: 0 });
    expect(await lab.ours(...verify, "--second-opinion")).toMatchObject({ code: hasPeer ? 0 : 3 });
    const job: Job = { file, bundle, key: { secret: `${base}.key`, public: `${base}.pub` } };
    expect(await othersTake(job, others)).toEqual({ python: undefined, ...others });
  });

  // sigstore-python 4.5.1 takes every digest for SHA-256, and ends with a TypeError over a certificate with an RSA key.
  test.each(["ecdsa-sha2-384-nistp384", "ecdsa-sha2-512-nistp521", "rsa-sign-pkcs1-3072-sha256"])(
    "a key made for one signature by %s gets a certificate, a log entry and both opinions",
    async (algorithm) => {
      const [file, bundle] = [lab.write("made", algorithm), lab.path("made.json")];
      const how = [...(await lab.keyless()), "--signing-algorithm", algorithm];
      expect(await lab.ours("sign", file, "--bundle", bundle, ...how)).toMatchObject({ code: 0 });
      const verify = ["verify", file, "--bundle", bundle, ...lab.expected, ...lab.trust, "--second-opinion"];
      expect(await lab.ours(...verify)).toMatchObject({ code: 0 });
      const others = { cosign: true, python: false };
      expect(await othersTake({ file, bundle }, others)).toEqual(others);
    },
  );

  test.each(["rsa-3072", "ed25519"])(
    "a key of type %s signs a file again: the log has it, its entry is read",
    async (type) => {
      const [file, base] = [lab.write("again", type), lab.path(`again-${type}`)];
      expect(await lab.ours("key", "generate", "--type", type, "--output", base)).toMatchObject({ code: 0 });
      const indices = new Set<unknown>();
      for (const bundle of ["once", "twice"].map(lab.path)) {
        const signed = await lab.ours("sign", file, "--key", `${base}.key`, "--bundle", bundle, ...lab.signing);
        expect(signed).toMatchObject({ code: 0 });
        const verified = await lab.ours("verify", file, "--key", `${base}.pub`, "--bundle", bundle, ...lab.trust);
        expect(verified).toMatchObject({ code: 0 });
        const job: Job = { file, bundle, key: { secret: `${base}.key`, public: `${base}.pub` } };
        const others = { cosign: type === "rsa-3072", python: undefined };
        expect(await othersTake(job, others)).toEqual(others);
        const { verificationMaterial } = JSON.parse(readFileSync(bundle, "utf8")) as Logged;
        indices.add(verificationMaterial.tlogEntries[0]?.logIndex);
      }
      expect(indices.size).toBe(1);
    },
  );

  // cosign v3.1.3 signs for Rekor 2 by Ed25519ph and verifies by Ed25519: told of a trust root, it refuses its own signature and writes
  // nothing, but the entry is in the log. Without one it writes what it refuses later; that asks the public Sigstore first.
  test.skipIf("missing" in cosign).each([
    ["a file", undefined],
    ["an attestation", "{}"],
  ])("what cosign signs by an Ed25519 key for the log, %s, it refuses itself", async (about, predicate) => {
    if ("missing" in cosign) throw new Error(cosign.missing);
    const base = lab.path(about.replace(" ", "-"));
    expect(await lab.ours("key", "generate", "--type", "ed25519", "--output", base)).toMatchObject({ code: 0 });
    const job: Job = {
      file: lab.write("theirs", about),
      bundle: `${base}.json`,
      key: { secret: `${base}.key`, public: `${base}.pub` },
      ...(predicate && { predicate: lab.write("theirs.predicate", predicate) }),
    };
    const says = async (): Promise<string> => {
      const { code, text } = await cosignClient(cosign).sign(job, lab);
      expect([code, existsSync(job.bundle)]).toEqual([1, false]);
      return text;
    };
    expect(await says()).toContain("failed to verify signature");
    expect(await says()).toContain("already exists in the transparency log");
  });

  test("a branch that a URI cannot carry: Fulcio's name for it is known as the token's", async () => {
    const [file, bundle] = [lab.write("branch", "branch"), lab.path("branch.json")];
    const claims = githubActionsClaims({ repository: "octo-org/octo-app", ref: 'refs/heads/grün "1"+x' });
    const token = lab.write("branch.jwt", await lab.github.token({ claims }));
    const signed = await lab.ours("sign", file, "--bundle", bundle, ...lab.signing, "--identity-token", token);
    expect(signed).toMatchObject({ code: 0 });
    const identity =
      "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/heads/gr%C3%BCn%20%221%22+x";
    const expected = ["--certificate-identity", identity, "--certificate-oidc-issuer", lab.github.url];
    expect(await lab.ours("verify", file, "--bundle", bundle, ...expected, ...lab.trust)).toMatchObject({ code: 0 });
  });

  test("a certificate for somebody else than was asked for by name: nothing is written", async () => {
    const [file, bundle] = [lab.write("other", "other"), lab.path("other.json")];
    const how = [...(await lab.keyless()), "--certificate-identity", "eve@example.com"];
    const outcome = await lab.ours("sign", file, "--bundle", bundle, ...how);
    expect(outcome.code).toBe(1);
    expect(outcome.text).toContain("SIGSTORE_FULCIO_IDENTITY");
    expect(existsSync(bundle)).toBe(false);
  });

  test("what Fulcio writes of a run of GitHub Actions is read by name", async () => {
    const [file, bundle] = [lab.write("release", "tag"), lab.path("release.json")];
    const token = lab.write("github.jwt", await githubToken(lab));
    const signed = await lab.ours("sign", file, "--bundle", bundle, ...lab.signing, "--identity-token", token);
    expect(signed).toMatchObject({ code: 0 });
    const identity = "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3";
    const policy = (claims: object): string =>
      lab.write("claims.json", JSON.stringify({ version: "countersign.policy/v1", signers: [{ identity, issuer: lab.github.url, claims }] })); // prettier-ignore
    const verify = (claims: object) =>
      lab.ours("verify", file, "--bundle", bundle, "--policy", policy(claims), "--json", ...lab.trust);
    expect(await verify(githubClaims)).toMatchObject({ code: 0 });
    for (const name of Object.keys(githubClaims))
      expect(await verify({ ...githubClaims, [name]: "another" })).toMatchObject({ code: 1 });
  });

  test("the certificate's SCT is of the CT log, and is asked for", async () => {
    const [file, bundle] = [lab.write("sct", "sct"), lab.path("sct.json")];
    expect(await lab.ours("sign", file, "--bundle", bundle, ...(await lab.keyless()))).toMatchObject({ code: 0 });
    const root = { ...read("trusted_root.json"), ctlogs: [] };
    const bare = ["--trusted-root", lab.write("no-ct.json", JSON.stringify(root))];
    const outcome = await lab.ours("verify", file, "--bundle", bundle, ...lab.expected, ...bare);
    expect(outcome.code).toBe(1);
    expect(outcome.text).toContain("SIGSTORE_SCT_UNKNOWN");
  });

  test("a trusted root of version 0.2 knows the same services", async () => {
    const [file, bundle] = [lab.write("second", "0.2"), lab.path("second.json")];
    expect(await lab.ours("sign", file, "--bundle", bundle, ...(await lab.keyless()))).toMatchObject({ code: 0 });
    const root = read("trusted_root.json");
    const short = root.tlogs.map((log) => ({ ...log, checkpointKeyId: { keyId: firstFour(log.logId.keyId) }, logId: undefined })); // prettier-ignore
    const second = { ...root, mediaType: "application/vnd.dev.sigstore.trustedroot.v0.2+json", tlogs: short };
    const trust = ["--trusted-root", lab.write("root-0.2.json", JSON.stringify(second))];
    expect(await lab.ours("verify", file, "--bundle", bundle, ...lab.expected, ...trust)).toMatchObject({ code: 0 });
  });

  test("a witness that the log has asked is counted, another one is not", async () => {
    const [file, bundle] = [lab.write("witnessed", "seen"), lab.path("witnessed.json")];
    expect(await lab.ours("sign", file, "--bundle", bundle, ...(await lab.keyless()))).toMatchObject({ code: 0 });
    const signer = { identity: lab.identity, issuer: lab.url };
    const verify = (vkey = "") => {
      const witnesses = `witness w ${vkey}\nquorum w\n`;
      const policy = JSON.stringify({ version: "countersign.policy/v1", signers: [signer], witnesses });
      return lab.ours("verify", file, "--bundle", bundle, "--policy", lab.write("witness.json", policy), ...lab.trust);
    };
    expect(await verify(lab.around.witnesses[0]?.vkey)).toMatchObject({ code: 0 });
    const other = await verify(lab.github.witnesses[0]?.vkey);
    expect(other.code).toBe(1);
    expect(other.text).toContain("SIGSTORE_LOG_UNWITNESSED");
  });

  test.each([
    ["a token that has expired", { email: "a@example.com", expiresInSeconds: -60 }, "SIGSTORE_TOKEN_EXPIRED"],
    ["a token for another audience", { email: "a@example.com", audience: "npm" }, "SIGSTORE_TOKEN_AUDIENCE"],
    ["an address that was not verified", { claims: { sub: "a", email: "a@example.com", email_verified: false } }, "SIGSTORE_HTTP_REFUSED"], // prettier-ignore
  ])("%s gets no certificate, and nothing is written", async (_, request, code) => {
    const [file, bundle] = [lab.write("refused", "x"), lab.path("refused.json")];
    const token = lab.write("refused.jwt", await lab.around.token(request));
    const outcome = await lab.ours("sign", file, "--bundle", bundle, ...lab.signing, "--identity-token", token);
    expect(outcome.code).toBe(2);
    expect(outcome.text).toContain(code);
    expect(existsSync(bundle)).toBe(false);
  });

  test("the log's tiles: checkpoint, right edge, every entry, and each tree in the next", async () => {
    await fillLog(lab, 3);
    const one = await checkTiles(lab);
    await fillLog(lab, 300);
    const two = await checkTiles(lab, one);
    expect(two.size - one.size).toBe(300n);
    const [file, bundle] = [lab.write("last", "one"), lab.path("last.json")];
    expect(await lab.ours("sign", file, "--bundle", bundle, ...(await lab.keyless()))).toMatchObject({ code: 0 });
    expect((await checkTiles(lab, two)).size).toBe(two.size + 1n);
    expect(await lab.ours("verify", file, "--bundle", bundle, ...lab.expected, ...lab.trust)).toMatchObject({
      code: 0,
    });
  });
});

interface Root {
  readonly tlogs: readonly { readonly logId: { readonly keyId: string } }[];
}

function firstFour(keyId: string): string {
  return Buffer.from(keyId, "base64").subarray(0, 4).toString("base64");
}

/** Whether they accept; undefined: they are not asked. */
interface Others {
  readonly cosign?: boolean | undefined;
  readonly python?: boolean | undefined;
}

interface Logged {
  readonly verificationMaterial: { readonly tlogEntries: readonly { readonly logIndex: string }[] };
}

/** What Fulcio makes of `githubActionsClaims`, by the names of its extensions. */
const githubClaims: Readonly<Record<string, string>> = {
  buildSignerURI: "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3",
  buildSignerDigest: "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567",
  runnerEnvironment: "github-hosted",
  sourceRepositoryURI: "https://github.com/octo-org/octo-app",
  sourceRepositoryDigest: "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567",
  sourceRepositoryRef: "refs/tags/v1.2.3",
  sourceRepositoryIdentifier: "123456789",
  sourceRepositoryOwnerURI: "https://github.com/octo-org",
  sourceRepositoryOwnerIdentifier: "987654",
  buildConfigURI: "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3",
  buildConfigDigest: "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567",
  buildTrigger: "push",
  runInvocationURI: "https://github.com/octo-org/octo-app/actions/runs/4242424242/attempts/1",
  sourceRepositoryVisibilityAtSigning: "public",
};
