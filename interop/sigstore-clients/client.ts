import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKeys, openLab, type Lab, type Ran } from "./lab.ts";

/** What is signed: an artifact, or with a predicate a statement about it. */
export interface Job {
  readonly file: string;
  readonly bundle: string;
  /** A file; then it is an attestation. */
  readonly predicate?: string;
  /** A pair of key files, in place of an identity. */
  readonly key?: { readonly secret: string; readonly public: string };
  /** Whose signature is expected, if not that of the lab's identity. */
  readonly identity?: string;
}

/** Another Sigstore client. */
export interface Client {
  readonly version: string;
  readonly sign: (job: Job, lab: Lab) => Promise<Ran>;
  readonly verify: (job: Job, lab: Lab) => Promise<Ran>;
  /** Brings a bundle's file to the newest version, in its place. */
  readonly upgrade?: (bundle: string, lab: Lab) => Promise<Ran>;
  /** Whether it knows key files. */
  readonly keys?: true;
  /** Its verifier does not compare a statement's subjects with an artifact. */
  readonly ignoresSubjects?: true;
}

/** A client, or why it is not here. */
export type Found = Client | { readonly missing: string };

/** The type of every predicate here: clients in Python take only types that they know. */
export const predicateType = "https://slsa.dev/provenance/v1";

const predicate = JSON.stringify({
  buildDefinition: { buildType: "https://example.com/build", externalParameters: { source: "here" } },
  runDetails: { builder: { id: "https://example.com/builder" } },
});

type Variant = readonly [name: string, make: (lab: Lab) => Partial<Job>];
const keyless: readonly Variant[] = [
  ["an artifact", () => ({})],
  ["an attestation", (lab) => ({ predicate: lab.path("predicate.json") })],
];
const keyed: readonly Variant[] = keyless.map(([name, make]) => [
  `${name}, by key`,
  (lab) => ({ ...make(lab), key: { secret: lab.path("k.key"), public: lab.path("k.pub") } }),
]);

/** Both sign, both verify, both refuse; with the services of `open`. */
export function describeClient(name: string, found: Found, open: () => Promise<Lab> = openLab): void {
  process.stdout.write("missing" in found ? `skipped: ${name}: ${found.missing}\n` : `${name} ${found.version}\n`);
  const client = found as Client;
  describe.skipIf("missing" in found)(`${name} and we`, { timeout: 120_000 }, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await open();
      lab.write("predicate.json", predicate);
      await makeKeys(lab);
    });
    afterAll(() => lab.close());
    const variants = client.keys === true ? [...keyless, ...keyed] : keyless;

    test.each(variants)("verify what we sign: %s", async (_, make) => {
      const job: Job = { file: lab.write("app", "ours"), bundle: lab.path("ours.json"), ...make(lab) };
      expect(await signOurs(job, lab)).toMatchObject({ code: 0 });
      await expectVerdicts(client, job, lab);
    });

    test.each(variants)("verify what it signs: %s", async (_, make) => {
      const job: Job = { file: lab.write("app", "theirs"), bundle: lab.path("theirs.json"), ...make(lab) };
      expect(await client.sign(job, lab)).toMatchObject({ code: 0 });
      await expectVerdicts(client, job, lab);
    });
  });
}

/** Both accept; both refuse another artifact and, where there is one, another identity. */
async function expectVerdicts(client: Client, job: Job, lab: Lab): Promise<void> {
  expect(await client.verify(job, lab)).toMatchObject({ code: 0 });
  expect(await verifyOurs(job, lab)).toMatchObject({ code: 0 });
  const other = { ...job, file: lab.write("other", "another artifact") };
  const accepts = client.ignoresSubjects === true && job.predicate !== undefined;
  expect((await client.verify(other, lab)).code === 0).toBe(accepts);
  expect(await verifyOurs(other, lab)).toMatchObject({ code: 1 });
  if (job.key !== undefined) return;
  const elsewhom = { ...job, identity: "eve@example.com" };
  expect((await client.verify(elsewhom, lab)).code).not.toBe(0);
  expect(await verifyOurs(elsewhom, lab)).toMatchObject({ code: 1 });
}

async function signOurs({ file, bundle, predicate, key }: Job, lab: Lab): Promise<Ran> {
  const words = predicate === undefined ? ["sign"] : ["attest", "--type", predicateType, "--predicate", predicate];
  const how = key === undefined ? await lab.keyless() : [...lab.signing, "--key", key.secret];
  return lab.ours(...words, file, "--bundle", bundle, ...how);
}

/** With a second opinion: what others sign is what it is for. */
function verifyOurs({ file, bundle, predicate, key, identity }: Job, lab: Lab): Promise<Ran> {
  const type = predicate === undefined ? [] : ["--type", predicateType];
  const who =
    key === undefined
      ? ["--certificate-identity", identity ?? lab.identity, "--certificate-oidc-issuer", lab.url]
      : ["--key", key.public];
  return lab.ours("verify", file, "--bundle", bundle, ...type, ...who, ...lab.trust, "--second-opinion");
}
