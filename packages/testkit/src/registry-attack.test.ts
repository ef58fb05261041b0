import { digestOf, quote, utf8 } from "@countersign/core";
import {
  attachBundle,
  defaultConcurrency,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatManifest,
  listReferrers,
  maxReferrerPages,
  maxReferrers,
  ociIndexType,
  ociManifestType,
  pushBlob,
  pushBlobInChunks,
  putManifest,
  Registry,
  type Credential,
} from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { attach, attachment, code, open, serve, stage } from "./registry-stage.contract.ts";

const textsOf = (found: Awaited<ReturnType<typeof findEvidence>>): readonly string[] =>
  found.evidence.map((each) => new TextDecoder().decode(each.bytes)).toSorted();

describe("O3: lists that name what speaks about another image", () => {
  test("a foreign entry of the list is passed over and noted", async () => {
    const { registry, repository, digest, faults } = await stage();
    const other = await pushImage(open(), repository, "another");
    const foreign = await attach(open(), repository, other, '{"bundle":"foreign"}');
    faults.foreignReferrers = [foreign];
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(textsOf(found)).toEqual(['{"bundle":1}']);
    expect(found.rejected).toEqual([code("OCI_SUBJECT_MISMATCH")]);
  });

  test.each(["GitLab's answer", "an image under the tag"])("the fallback tag is no list: %s", async (kind) => {
    const { registry, repository, digest, faults } = await stage({ referrers: 404 });
    if (kind.startsWith("GitLab")) faults.fallbackIsImage = true;
    else
      await putManifest(open(), repository, (await open().manifest({ ...repository, digest })).bytes, {
        mediaType: ociManifestType,
        tag: fallbackTag(digest),
      });
    const list = await listReferrers(registry, repository, digest);
    expect(list).toMatchObject({ source: "none", entries: [], problems: [] });
    expect(list.notes).toHaveLength(1);
  });

  test("a tag that holds another image is a problem, and is not written over", async () => {
    const { registry, repository, digest } = await stage({ referrers: 404 });
    await pushImage(open(), repository, "squatter", fallbackTag(digest));
    const list = await listReferrers(registry, repository, digest);
    expect(list.problems).toEqual([code("OCI_MANIFEST_TYPE")]);
    await expect(attach(open(), repository, digest, "x")).rejects.toEqual(code("OCI_TAG_OCCUPIED"));
  });
});

describe("O4: pages of referrers", () => {
  test("every page is followed", async () => {
    const { registry, repository, digest } = await stage({ pageSize: 1 });
    for (const text of ["2", "3", "4"]) await attach(open(), repository, digest, text);
    expect(textsOf(await findEvidence(registry, { repository, digest, wanted: "all" }))).toHaveLength(4);
  });

  test("a circle ends", async () => {
    const { registry, repository, digest, server } = await stage({ pageSize: 1, pageLoop: true });
    const list = await listReferrers(registry, repository, digest);
    expect(list.problems).toEqual([code("OCI_PAGE_LOOP")]);
    expect(server.requests.length).toBeLessThan(maxReferrerPages);
  });

  test("more referrers than the limit are a problem, not a shorter list", async () => {
    const { registry, repository, digest, server } = await stage({ referrers: 404 });
    const entry = { mediaType: ociManifestType, digest: digestOf("sha256", utf8("x")), size: 1 };
    const lie = utf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndexType,
        manifests: Array.from({ length: maxReferrers + 1 }, () => entry),
      }),
    );
    const before = await open().manifest({ ...repository, digest });
    const empty = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [] });
    const put = await putManifest(open(), repository, empty, { mediaType: ociIndexType, tag: fallbackTag(digest) });
    server.faults.replaced = new Map([[put.digest, lie]]);
    server.faults.digestHeader = digestOf("sha256", lie);
    expect(before.digest).toBe(digest);
    expect((await listReferrers(registry, repository, digest)).problems).toEqual([code("OCI_TOO_MANY")]);
  });
});

describe("O5: a list that cannot be had is never replaced in silence", () => {
  test("an error of the API is reported, and other sources are still read", async () => {
    const { registry, repository, digest } = await stage({ referrers: 500 });
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(found).toMatchObject({ evidence: [], problems: [code("OCI_REGISTRY_UNAVAILABLE")] });
  });

  test.each([400, 404, 405, 406, "page"] as const)(
    "a registry that has none (%s) is asked for the tag, and only once for the list",
    async (answer) => {
      const { registry, repository, digest, server } = await stage({}, { referrers: answer });
      expect(textsOf(await findEvidence(registry, { repository, digest, wanted: "all" }))).toEqual(['{"bundle":1}']);
      await listReferrers(registry, repository, digest);
      expect(server.requests.filter(({ url }) => url.includes("/referrers/"))).toHaveLength(1);
    },
  );
});

describe("O6: content that is not what its digest names", () => {
  test("a manifest, by digest and by a tag whose header lies", async () => {
    const { registry, repository, digest, faults } = await stage();
    faults.replaced = new Map([[digest, utf8('{"schemaVersion":2}')]]);
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
    await expect(registry.manifest({ ...repository, tag: "1.0" })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
    faults.replaced = new Map();
    faults.digestHeader = digestOf("sha256", utf8("other"));
    await expect(registry.manifest({ ...repository, tag: "1.0" })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
  });

  test.each([
    ["shorter", "x", "OCI_SIZE_MISMATCH"],
    ["longer", "content and more", "OCI_SIZE_MISMATCH"],
    ["changed", "Content", "OCI_DIGEST_MISMATCH"],
  ])("a blob that is %s", async (_, text, name) => {
    const { registry, repository, faults } = await stage();
    const expected = { digest: digestOf("sha256", utf8("content")), size: 7 };
    faults.replaced = new Map([[expected.digest, utf8(text)]]);
    await expect(registry.blob(repository, expected)).rejects.toEqual(code(name));
  });

  test("a descriptor that lies about the size, and one that asks for too much", async () => {
    const { registry, repository } = await stage();
    const digest = digestOf("sha256", utf8("content"));
    await expect(registry.blob(repository, { digest, size: 8 })).rejects.toEqual(code("OCI_SIZE_MISMATCH"));
    await expect(registry.blob(repository, { digest, size: 2 ** 40 })).rejects.toEqual(code("OCI_TOO_LARGE"));
  });

  test("a body that stops early, and one that never comes", async () => {
    const { repository, faults, digest } = await stage();
    faults.cutBodyAt = 3;
    await expect(open().blob(repository, { digest: digestOf("sha256", utf8("content")), size: 7 })).rejects.toEqual(
      code("OCI_BODY_CUT"),
    );
    faults.silent = true;
    await expect(open(undefined, { timeoutMs: 50 }).manifest({ ...repository, digest })).rejects.toEqual(
      code("OCI_REGISTRY_SILENT"),
    );
  });

  test("a manifest larger than the limit is not read to its end", async () => {
    const { registry, repository, digest, faults } = await stage();
    faults.replaced = new Map([[digest, new Uint8Array(5 * 1024 * 1024)]]);
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_TOO_LARGE"));
  });

  test("a registry that says it stored something else", async () => {
    const { registry, repository, faults } = await stage();
    faults.putDigest = digestOf("sha256", utf8("other"));
    await expect(pushImage(registry, repository, "new")).rejects.toEqual(code("OCI_UPLOAD_MISMATCH"));
  });
});

describe("O8: logins and addresses", () => {
  const credential: Credential = { kind: "password", username: "me", password: "s3cret-pass" };
  const basic = `Basic ${Buffer.from("me:s3cret-pass").toString("base64")}`;

  async function tokenServer(
    answer: string,
    status = 200,
  ): Promise<{ url: string; seen: { url: string; authorization: string | undefined; body: string }[] }> {
    const seen: { url: string; authorization: string | undefined; body: string }[] = [];
    const host = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen.push({ url: request.url ?? "", authorization: request.headers.authorization, body });
        response.writeHead(status, { "content-type": "application/json" }).end(answer);
      });
    });
    return { url: `http://${host}/token`, seen };
  }

  test("a token is asked for once, with the scope and the login, and used", async () => {
    const { repository, digest, faults, server } = await stage();
    const tokens = await tokenServer('{"token":"abc.def"}');
    faults.auth = {
      challenge: `Bearer realm="${tokens.url}",service="reg"`,
      accepts: (text) => text === "Bearer abc.def",
    };
    const registry = open(credential);
    await registry.manifest({ ...repository, digest });
    await registry.manifest({ ...repository, digest });
    expect(tokens.seen).toHaveLength(1);
    expect(tokens.seen[0]?.url).toBe("/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull");
    expect(tokens.seen[0]?.authorization).toBe(basic);
    expect(server.requests.filter(({ headers }) => headers["authorization"] === undefined)).toHaveLength(1);
  });

  test("a stranger gets a token without a login; an identity token is changed for one by POST", async () => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer('{"access_token":"abc"}');
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: (text) => text === "Bearer abc" };
    await open().manifest({ ...repository, digest });
    await open({ kind: "identity-token", token: "refresh-me" }).manifest({ ...repository, digest });
    expect(tokens.seen[0]?.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(tokens.seen[1]?.body))).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "refresh-me",
    });
  });

  test("Basic, and a token of the registry's own", async () => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    await expect(open(credential).manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_UNAUTHORIZED"));
    faults.auth = { challenge: 'Bearer realm="http://127.0.0.1:9/"', accepts: (text) => text === "Bearer fixed" };
    await expect(
      open({ kind: "registry-token", token: "fixed" }).manifest({ ...repository, digest }),
    ).resolves.toMatchObject({ digest });
  });

  test.each([
    ["plain http elsewhere", "http://auth.example.com/token"],
    ["a private address", "http://10.0.0.1/token"],
    ["link-local", "http://169.254.169.254/token"],
    ["with a user name", "http://me:pass@127.0.0.1/token"],
  ])("a login service at %s is not asked", async (_, realm) => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: `Bearer realm="${realm}"`, accepts: () => false };
    const outcome = open(credential).manifest({ ...repository, digest });
    await expect(outcome).rejects.toEqual(code("OCI_ADDRESS_REFUSED"));
  });

  test.each([
    ["no token", "{}", "OCI_TOKEN_MALFORMED"],
    ["no JSON", "<html>", "OCI_TOKEN_MALFORMED"],
    ["a token that ends the header", '{"token":"a\\r\\nx: y"}', "OCI_TOKEN_MALFORMED"],
  ])("a login service that answers %s", async (_, answer, name) => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer(answer);
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: () => false };
    await expect(open(credential).manifest({ ...repository, digest })).rejects.toEqual(code(name));
  });

  test("what a login service says is not repeated, since it may hold the password", async () => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer("s3cret-pass", 401);
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: () => false };
    const error: unknown = await open(credential)
      .manifest({ ...repository, digest })
      .catch((thrown: unknown) => thrown);
    expect(error).toEqual(code("OCI_UNAUTHORIZED"));
    expect(String(error)).not.toContain("s3cret");
  });

  test("a realm that is no address, and a login of another kind", async () => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: 'Bearer realm="nowhere"', accepts: () => false };
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_ANSWER_MALFORMED"));
    faults.auth = { challenge: "Negotiate", accepts: () => false };
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_CHALLENGE_UNSUPPORTED"));
  });

  test("a redirect gets no credentials, and none to a place that is refused", async () => {
    const { repository, faults } = await stage();
    const elsewhere = await tokenServer("content");
    const expected = { digest: digestOf("sha256", utf8("content")), size: 7 };
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    faults.blobRedirect = elsewhere.url;
    expect(await open(credential).blob(repository, expected)).toEqual(Buffer.from("content"));
    expect(elsewhere.seen[0]?.authorization).toBeUndefined();
    faults.blobRedirect = "http://169.254.169.254/DIGEST";
    await expect(open(credential).blob(repository, expected)).rejects.toEqual(code("OCI_ADDRESS_REFUSED"));
    faults.blobRedirect = `http://${repository.registry}/v2/team/app/blobs/DIGEST`;
    await expect(open(credential).blob(repository, expected)).rejects.toEqual(code("OCI_REDIRECTS"));
  });

  test("an upload elsewhere gets no credentials, and none to a place that is refused", async () => {
    const { repository, faults } = await stage();
    const elsewhere = await tokenServer("", 201);
    const content = utf8("upload");
    const expected = { digest: digestOf("sha256", content), size: content.length };
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    faults.uploadLocation = elsewhere.url;
    await pushBlob(open(credential), repository, expected, content);
    expect(elsewhere.seen).toMatchObject([{ authorization: undefined, body: "upload" }]);
    for (const address of ["http://169.254.169.254/upload", "http://upload.example.com/"]) {
      faults.uploadLocation = address;
      await expect(pushBlob(open(credential), repository, expected, content)).rejects.toEqual(
        code("OCI_ADDRESS_REFUSED"),
      );
    }
    faults.uploadLocation = "http://[";
    await expect(pushBlob(open(credential), repository, expected, content)).rejects.toEqual(
      code("OCI_ANSWER_MALFORMED"),
    );
    faults.uploadLocation = "http://[";
    await expect(pushBlobInChunks(open(credential), repository, expected, (async function* () {})())).rejects.toEqual(
      code("OCI_ANSWER_MALFORMED"),
    );
  });
});

describe("a registry with troubles", () => {
  test("busy answers are waited out, as long as it asks for, three times at most", async () => {
    const { registry, repository, digest, faults, server } = await stage();
    faults.failFirst = { count: 2, status: 429, retryAfter: "1" };
    await expect(registry.manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    expect(server.requests).toHaveLength(3);
    faults.failFirst = { count: 3, status: 503 };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_UNAVAILABLE"));
  });

  test.each([
    ["1", 1000],
    ["20", 20_000],
    ["3600", 20_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 300],
    [undefined, 300],
  ])("Retry-After %s means a wait of %i ms", async (retryAfter, waitMs) => {
    const { repository, digest, faults } = await stage();
    const waits: number[] = [];
    // oxlint-disable-next-line typescript/require-await -- as a clock would
    const registry = new Registry({ http: makeOciHttp(), sleep: async (ms) => void waits.push(ms) });
    faults.failFirst = { count: 1, status: 429, ...(retryAfter !== undefined && { retryAfter }) };
    await expect(registry.manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    expect(waits).toEqual([waitMs]);
  });

  test("no more requests are under way than allowed", async () => {
    let [now, most] = [0, 0];
    // Nothing is answered before as many are under way as may be, and then only after those had time to come that may not.
    const { promise: full, resolve } = Promise.withResolvers<void>();
    const host = await serve((_, response) => {
      most = Math.max(most, ++now);
      if (most === defaultConcurrency) resolve();
      void full.then(() =>
        setTimeout(() => {
          now--;
          response.writeHead(404).end();
        }, 5),
      );
    });
    const registry = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        registry.findManifest({ registry: host, repository: `team/app${n}`, tag: "1.0" }),
      ),
    );
    expect(most).toBe(defaultConcurrency);
  });

  test("a login that ran out is made anew, once", async () => {
    const { repository, digest, faults } = await stage();
    let issued = 0;
    const tokens = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token: `t${++issued}` }));
    });
    const challenge = `Bearer realm="http://${tokens}/token"`;
    faults.auth = { challenge, accepts: (text) => text === `Bearer t${Math.max(issued, 1)}` };
    const registry = open();
    await registry.manifest({ ...repository, digest });
    issued++;
    await registry.manifest({ ...repository, digest });
    expect(issued).toBe(3);
    faults.auth = { challenge, accepts: () => false };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_UNAUTHORIZED"));
    expect(issued).toBe(4);
  });

  test("a refusal is not repeated", async () => {
    const { registry, repository, digest, faults, server } = await stage();
    faults.failFirst = { count: 9, status: 418 };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_REFUSED"));
    expect(server.requests).toHaveLength(1);
  });

  test("nobody there", async () => {
    const { registry, repository, digest, server } = await stage();
    await server.close();
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_UNREACHABLE"));
  });

  test("a registry whose tag others keep overwriting", async () => {
    const { registry, repository, digest } = await stage({ referrers: 404 });
    const empty = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [] });
    const rival = new Registry({
      http: makeOciHttp(),
      sleep: async () =>
        void (await putManifest(open(), repository, empty, { mediaType: ociIndexType, tag: fallbackTag(digest) })),
    });
    const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
    const bundle = { ...attachment, subject, bundle: utf8("x") };
    await expect(attachBundle(rival, repository, bundle, { random: () => 0 })).rejects.toEqual(
      code("OCI_TAG_CONTESTED"),
    );
  });

  test("evidence of every layout is found, and what is none is noted", async () => {
    const { registry, repository, digest } = await stage();
    const layer = utf8("payload");
    const part = {
      mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      digest: digestOf("sha256", layer),
      size: layer.length,
      annotations: { a: "b" },
    };
    const config = { ...part, mediaType: "application/vnd.oci.image.config.v1+json" };
    await pushBlob(open(), repository, part, layer);
    const subject = {
      mediaType: ociManifestType,
      digest,
      size: (await open().manifest({ ...repository, digest })).bytes.length,
    };
    const put = async (extra: object, tag?: string) =>
      await putManifest(
        open(),
        repository,
        utf8(JSON.stringify({ schemaVersion: 2, mediaType: ociManifestType, config, layers: [part], ...extra })),
        {
          mediaType: ociManifestType,
          ...(tag !== undefined && { tag }),
        },
      );
    await put({}, `sha256-${digest.slice(7)}.sig`);
    await put(
      { layers: [{ ...part, mediaType: "application/vnd.dsse.envelope.v1+json" }, part] },
      `sha256-${digest.slice(7)}.att`,
    );
    await put({ subject, artifactType: "application/vnd.dev.cosign.artifact.sig.v1+json" });
    await put({
      subject,
      artifactType: "application/vnd.in-toto+json",
      layers: [{ ...part, mediaType: "application/vnd.in-toto+json" }],
    });
    await put({ subject, artifactType: "application/vnd.cncf.notary.signature" });
    await put({ subject, artifactType: "application/spdx+json" });
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(found.problems).toEqual([]);
    expect(found.evidence.map((each) => each.layout).toSorted()).toEqual([
      "att-referrer",
      "att-tag",
      "bundle",
      "sig-referrer",
      "sig-tag",
    ]);
    expect(found.notes.join("\n")).toMatch(/Notary Project signature/);
    expect(found.notes.join("\n")).toContain(quote("application/spdx+json"));
    const signatures = await findEvidence(registry, { repository, digest, wanted: "signature" });
    expect(signatures.evidence.map((each) => each.layout).toSorted()).toEqual(["bundle", "sig-referrer", "sig-tag"]);
    const attestations = await findEvidence(registry, { repository, digest, wanted: "attestation" });
    expect(attestations.evidence.map((each) => each.layout).toSorted()).toEqual(["att-referrer", "att-tag", "bundle"]);
  });
});
