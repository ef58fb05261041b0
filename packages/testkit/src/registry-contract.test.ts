import { digestOf, utf8 } from "@countersign/core";
import {
  attachBundle,
  bundleMediaType,
  deleteManifest,
  descriptorOf,
  formatManifest,
  hasBlob,
  listReferrers,
  mountBlob,
  ociIndexType,
  parseReference,
  pushBlob,
  pushBlobInChunks,
  putManifest,
  Registry,
  type Credential,
  removeReferrer,
  repairTag,
  type Repository,
} from "@countersign/oci";
import { makeOciHttp, type HttpOptions } from "@countersign/oci/node";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasDockerRegistry, startDockerRegistry } from "./docker-registry.ts";
import { buildGoRegistry, goRegistries, type GoRegistry } from "./go-registry.ts";
import { pushImage } from "./registry-sample.ts";
import { startRegistry } from "./registry.ts";
import { startSecureRegistry } from "./secure-registry.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });

function openRegistry({ http = {}, credential }: Access = {}): Registry {
  return new Registry({
    http: makeOciHttp(http),
    sleep: async (ms) => void (await wait(Math.min(ms, 20))),
    // oxlint-disable-next-line typescript/require-await -- as a file or helper would answer
    credentials: async () => credential,
    ...(http.ca !== undefined && { isPlain: () => false }),
  });
}

/** What it takes to be let in. */
interface Access {
  readonly http?: HttpOptions;
  readonly credential?: Credential;
}

/** Debian's docker-registry behind TLS, client certificates and a login service. */
async function startGuarded(): Promise<Running> {
  const { host, files, login, close } = await startSecureRegistry();
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    [files.ca, files.clientCertificate, files.clientKey].map((path) => readFile(path, "utf8")),
  );
  const { username, password } = login;
  const credential: Credential = { kind: "password", username, password };
  return { host, close, access: { http: { ca: [ca], clients: new Map([[host, { certificate, key }]]) }, credential } };
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Subject {
  readonly name: string;
  /** Where readers find the list of referrers. */
  readonly list: "api" | "tag";
  /** Whether it says OCI-Subject: who does not hear it has to write the tag, whatever list there is. */
  readonly saysSubject?: boolean;
  /** What its list takes for the types of artifacts. */
  readonly types?: "of the config";
  /** Whether each repository has its own blobs, so that another one's have to be pushed again. */
  readonly blobs: "of each repository" | "of all";
  /** Why it cannot be run here. */
  readonly missing?: string | undefined;
  start(): Promise<Running>;
}

interface Running {
  readonly host: string;
  readonly access?: Access;
  close(): Promise<void>;
}

const debian = {
  list: "tag",
  blobs: "of each repository",
  missing: hasDockerRegistry() ? undefined : "no /usr/bin/docker-registry",
} as const;

/** What `npm run test:registries` asks for besides, and what `npm run interop:registries` builds. */
function others(wanted: string | undefined): readonly Subject[] {
  if (wanted === undefined) return [];
  const guarded = "Debian's docker-registry with TLS, client certificates and tokens";
  return wanted === "go" ? goRegistries.map(builtSubject) : [{ ...debian, name: guarded, start: startGuarded }];
}

function builtSubject(registry: GoRegistry): Subject {
  const built = buildGoRegistry(registry);
  const program = "program" in built ? built.program : "";
  return {
    ...registry,
    missing: "missing" in built ? built.missing : undefined,
    start: async () => {
      const running = await registry.start(program);
      const close = async (): Promise<void> => {
        await running.close();
        built.remove();
      };
      return { ...running, close };
    },
  };
}

const subjects: readonly Subject[] = [
  { name: "OCI 1.1 in memory", list: "api", saysSubject: true, blobs: "of all", start: () => startRegistry() },
  {
    name: "in memory, without a list of referrers",
    list: "tag",
    blobs: "of all",
    start: () => startRegistry({ referrers: 404 }),
  },
  {
    name: "in memory, with a list that nobody filters",
    list: "api",
    saysSubject: true,
    blobs: "of all",
    start: () => startRegistry({ ignoresFilter: true }),
  },
  {
    name: "in memory, as ECR",
    list: "tag",
    blobs: "of all",
    start: () => startRegistry({ referrers: 405, subjectHeaderOnly: true }),
  },
  { ...debian, name: "Debian's docker-registry", start: () => startDockerRegistry() },
  ...others(process.env["COUNTERSIGN_REGISTRIES"]),
];

describe.each(subjects)("registry: $name", ({ name, list, saysSubject, types, blobs, missing, start }) => {
  const isMissing = missing !== undefined;
  if (isMissing) process.stdout.write(`skipped: ${name}: ${missing}\n`);
  let running: Running | undefined;
  let repository: Repository = { registry: "", repository: "team/app" };
  let registry = openRegistry();

  beforeAll(async () => {
    if (isMissing) return;
    running = await start();
    registry = openRegistry(running.access);
    repository = { registry: running.host, repository: "team/app" };
  });
  afterAll(async () => await running?.close());

  test.skipIf(isMissing)("what was pushed comes back, by tag and by digest", async () => {
    const digest = await pushImage(registry, repository, "one", "1.0");
    const byTag = await registry.manifest({ ...repository, tag: "1.0" });
    expect(byTag.digest).toBe(digest);
    const byDigest = await registry.manifest(parseReference(`${running?.host}/team/app@${digest}`));
    expect(byDigest.bytes).toEqual(byTag.bytes);
    if (byTag.manifest.kind !== "image") throw new Error("an image");
    const [layer] = byTag.manifest.layers;
    expect(await registry.blob(repository, layer as never)).toEqual(Buffer.from("one"));
    await expect(registry.manifest({ ...repository, tag: "gone" })).rejects.toEqual(code("OCI_NOT_FOUND"));
    expect(await registry.findManifest({ ...repository, tag: "gone" })).toBeUndefined();
  });

  test.skipIf(isMissing)("a blob is stored once, in chunks too, and taken over from a neighbour", async () => {
    const content = utf8("blob of its own");
    const expected = { digest: digestOf("sha256", content), size: content.length };
    expect(await pushBlob(registry, repository, expected, content)).toBe(true);
    expect(await pushBlob(registry, repository, expected, content)).toBe(false);
    const big = Buffer.alloc(9 * 1024 * 1024, "x");
    const chunked = { digest: digestOf("sha256", big), size: big.length };
    // oxlint-disable-next-line typescript/require-await -- a stream
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield big.subarray(0, 5_000_000);
      yield big.subarray(5_000_000);
    };
    await pushBlobInChunks(registry, repository, chunked, stream());
    expect((await bytesOf(await registry.blobStream(repository, chunked))).equals(big)).toBe(true);
    const neighbour = { ...repository, repository: "team/other" };
    const mounted = await mountBlob(registry, neighbour, expected, repository.repository);
    expect(await hasBlob(registry, neighbour, expected.digest)).toBe(mounted || blobs === "of all");
    const stream2 = (): AsyncIterable<Uint8Array> => stream();
    expect(await pushBlob(registry, { ...repository, repository: "team/third" }, chunked, stream2)).toBe(
      blobs === "of each repository",
    );
  });

  test.skipIf(isMissing)("a wrong digest is refused by the registry", async () => {
    const expected = { digest: digestOf("sha256", utf8("something else")), size: 3 };
    await expect(pushBlob(registry, repository, expected, utf8("abc"))).rejects.toEqual(code("OCI_REGISTRY_REFUSED"));
  });

  test.skipIf(isMissing)("bundles are attached, listed and removed", async () => {
    const digest = await pushImage(registry, repository, `attach ${list}`);
    const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
    const attach = (text: string) =>
      attachBundle(
        registry,
        repository,
        {
          subject,
          bundle: utf8(text),
          content: "dsse-envelope",
          predicateType: "https://example.com/p",
          created: "2026-01-01T00:00:00Z",
        },
        { random: () => 0 },
      );
    const [first, second] = [await attach('{"n":1}'), await attach('{"n":2}')];
    expect(first).toMatchObject({ listedBy: saysSubject === true ? "api" : "tag", pruned: [] });
    const found = await listReferrers(registry, repository, digest);
    expect(found).toMatchObject({ source: list, problems: [] });
    expect(found.entries.map((each) => each.digest).toSorted()).toEqual([first.digest, second.digest].toSorted());
    expect(found.entries[0]?.annotations.get("dev.sigstore.bundle.predicateType")).toBe("https://example.com/p");
    const ofType = async (type: string): Promise<readonly string[]> =>
      (await listReferrers(registry, repository, digest, type)).entries.map((each) => each.digest).toSorted();
    // Where an entry has the type of its config, nothing is known of it, and it is handed on.
    expect(await ofType("application/spdx+json")).toHaveLength(types === "of the config" ? 2 : 0);
    expect(await ofType(bundleMediaType)).toEqual([first.digest, second.digest].toSorted());
    expect(await removeReferrer(registry, repository, { subject: digest, digest: first.digest })).toBe(true);
    expect((await listReferrers(registry, repository, digest)).entries.map((each) => each.digest)).toEqual([
      second.digest,
    ]);
    expect(await removeReferrer(registry, repository, { subject: digest, digest: first.digest })).toBe(false);
  });

  test.skipIf(isMissing)("attaches of one process at the same time lose nothing", async () => {
    const digest = await pushImage(registry, repository, `parallel ${list}`);
    const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
    const attached = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        attachBundle(
          registry,
          repository,
          { subject, bundle: utf8(`{"parallel":${n}}`), content: "dsse-envelope", created: "2026-01-01T00:00:00Z" },
          { random: () => 0.5 },
        ),
      ),
    );
    const found = await listReferrers(registry, repository, digest);
    expect(new Set(found.entries.map((each) => each.digest))).toEqual(new Set(attached.map((each) => each.digest)));
  });

  test.skipIf(isMissing || list === "api")(
    "a tag that lists what is gone is mended while writing, and by repair",
    async () => {
      const digest = await pushImage(registry, repository, `prune ${name}`);
      const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
      const attachment = { subject, content: "dsse-envelope", created: "2026-01-01T00:00:00Z" } as const;
      const first = await attachBundle(registry, repository, { ...attachment, bundle: utf8("1") }, { random: () => 0 });
      await deleteManifest(registry, repository, first.digest);
      const second = await attachBundle(
        registry,
        repository,
        { ...attachment, bundle: utf8("2") },
        { random: () => 0 },
      );
      expect(second.pruned).toEqual([first.digest]);
      const tag = `sha256-${digest.slice(7)}`;
      const empty = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [] });
      await putManifest(registry, repository, empty, { mediaType: ociIndexType, tag });
      const repaired = await repairTag(registry, repository, digest, [first.digest, second.digest]);
      expect(repaired.entries.map((each) => each.digest)).toEqual([second.digest]);
      expect(repaired.dropped).toEqual([first.digest]);
      expect((await listReferrers(registry, repository, digest)).entries).toHaveLength(1);
    },
  );
});
