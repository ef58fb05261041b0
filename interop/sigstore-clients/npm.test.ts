import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { attest, sign, verify, type Bundle } from "sigstore";
import { describeClient, predicateType, type Client, type Job } from "./client.ts";
import type { Lab, Ran } from "./lab.ts";

/** `npm run interop:sigstore-npm` sets it. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "sigstore-npm";
const { version } = createRequire(import.meta.url)("sigstore/package.json") as { readonly version: string };
const payloadType = "application/vnd.in-toto+json";

const client: Client = {
  version,
  ignoresSubjects: true,
  sign: (job, lab) =>
    outcomeOf(async () => writeFileSync(job.bundle, JSON.stringify(await bundleOf(job, await services(lab))))),
  verify: ({ file, bundle, predicate, identity }, lab) =>
    outcomeOf(async () => {
      const options = {
        tufMirrorURL: `${lab.url}/tuf`,
        tufRootPath: lab.path("sigstore/tuf_root.json"),
        tufCachePath: lab.path("npm-cache"),
        certificateIdentityEmail: identity ?? lab.identity,
        certificateIssuer: lab.url,
      };
      const read = JSON.parse(readFileSync(bundle, "utf8")) as Bundle;
      await (predicate === undefined ? verify(read, readFileSync(file), options) : verify(read, options));
    }),
};

describeClient("sigstore (npm)", isAsked ? client : { missing: "not asked for" });

async function services(lab: Lab) {
  const tsaServerURL = lab.url;
  return { fulcioURL: lab.url, rekorURL: lab.url, tsaServerURL, identityToken: await lab.token() };
}

function bundleOf({ file, predicate }: Job, options: Awaited<ReturnType<typeof services>>): Promise<Bundle> {
  const bytes = readFileSync(file);
  if (predicate === undefined) return sign(bytes, options);
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: basename(file), digest: { sha256: createHash("sha256").update(bytes).digest("hex") } }],
    predicateType,
    predicate: JSON.parse(readFileSync(predicate, "utf8")) as unknown,
  };
  return attest(Buffer.from(JSON.stringify(statement)), payloadType, options);
}

async function outcomeOf(work: () => Promise<void>): Promise<Ran> {
  try {
    await work();
    return { code: 0, text: "" };
  } catch (error) {
    return { code: 1, text: String(error) };
  }
}
