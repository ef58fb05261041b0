import {
  fallbackTag,
  formatManifest,
  ociIndexType,
  ociManifestType,
  putManifest,
  Registry,
  type Repository,
} from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { hasDockerRegistry, pushImage, startDockerRegistry, startRegistry } from "@countersign/testkit";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runBuilt } from "./scenario.ts";
import { setStage, type Stage } from "./stage.ts";

/** Lists the sockets that the process opens. */
const sockets = fileURLToPath(new URL("sockets.preload.ts", import.meta.url));

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const expected = (): string[] => [...stage.expected, ...stage.trust];
const registry = (): Registry => new Registry({ http: makeOciHttp(), sleep: async () => {} });

const subjects = [
  { name: "a registry with a list of referrers", isMissing: false, start: () => startRegistry() },
  { name: "Debian's docker-registry", isMissing: !hasDockerRegistry(), start: () => startDockerRegistry() },
] as const;

describe.each(subjects)("countersign image, against $name", ({ isMissing, start }) => {
  let host = "";
  let close: () => Promise<void> = async () => {};
  let images = 0;
  beforeAll(async () => {
    if (isMissing) return;
    const running = await start();
    host = running.host;
    close = () => running.close();
  });
  afterAll(() => close());

  async function makeImage(): Promise<{ name: string; pinned: string; repository: Repository }> {
    const repository = { registry: host, repository: `team/cli${images++}` };
    const digest = await pushImage(registry(), repository, `cli ${images}`, "1.0");
    const name = `${host}/${repository.repository}`;
    return { name: `${name}:1.0`, pinned: `${name}@${digest}`, repository };
  }
  const keyless = (): string[] => [...stage.signing, "--identity-token", stage.path("token.jwt"), "--yes"];

  test.skipIf(isMissing)("signs keyless by digest, verifies, and prints the pinned reference", async () => {
    const { name, pinned } = await makeImage();
    const signed = await stage.run(["image", "sign", pinned, ...keyless()]);
    expect(signed).toMatchObject({ code: 0, stdout: `${pinned}\n` });
    expect(signed.stderr).not.toMatch(/warning/);
    const verified = await stage.run(["image", "verify", name, ...expected()]);
    expect(verified).toMatchObject({ code: 0, stdout: `${pinned}\n` });
    expect(verified.stderr).toMatch(/^allowed: /);
    const agreed = await stage.run(["image", "verify", name, ...expected(), "--second-opinion"]);
    expect(agreed).toMatchObject({ code: 0, stderr: expect.stringMatching(/opinion .* agrees/) as string });
    expect(await stage.run(["image", "verify", name, ...expected(), "--max-age", "1h"])).toMatchObject({ code: 0 });
    const json = await stage.run(["image", "verify", name, ...expected(), "--json", "--quiet"]);
    const report = JSON.parse(json.stdout) as { verdict: string; reports: { pinned: string }[] };
    expect([report.verdict, report.reports[0]?.pinned]).toEqual(["allowed", pinned]);
  });

  test.skipIf(isMissing)("refuses what nobody signed, and another identity", async () => {
    const { name, pinned } = await makeImage();
    expect(await stage.run(["image", "verify", name, ...expected()])).toMatchObject({ code: 1, stdout: "" });
    await stage.run(["image", "sign", pinned, ...keyless()]);
    const other = expected().map((word) => (word === stage.identity ? "eve@example.com" : word));
    const refused = await stage.run(["image", "verify", name, ...other]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("POLICY_IDENTITY_MISMATCH");
  });

  test.skipIf(isMissing)("names a Notary Project signature, which does not count", async () => {
    const { name, repository } = await makeImage();
    const { bytes, digest, manifest: image } = await registry().manifest({ ...repository, tag: "1.0" });
    if (image.kind !== "image") throw new Error("an image");
    const part = { digest: image.config.digest, size: image.config.size };
    const manifest = formatManifest({
      schemaVersion: 2,
      mediaType: ociManifestType,
      config: { ...part, mediaType: "application/vnd.cncf.notary.signature" },
      layers: [{ ...part, mediaType: "application/jose+json" }],
      subject: { mediaType: ociManifestType, digest, size: bytes.length },
    });
    const put = await putManifest(registry(), repository, manifest, { mediaType: ociManifestType });
    const entry = { mediaType: ociManifestType, digest: put.digest, size: manifest.length };
    const list = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [entry] });
    await putManifest(registry(), repository, list, { mediaType: ociIndexType, tag: fallbackTag(digest) });
    const outcome = await stage.run(["image", "verify", name, ...expected()]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("a Notary Project signature, which countersign does not verify");
    expect(outcome.stderr).toContain(put.digest);
  });

  test.skipIf(isMissing)("by a policy of two signers, whose signatures lie in two layouts", async () => {
    const { name, pinned } = await makeImage();
    const [ada, bob] = [stage.makeKey(`ada-${images}`), stage.makeKey(`bob-${images}`)];
    const policy = stage.write(
      `two-${images}.yaml`,
      `version: countersign.policy/v1
signers:
  - key: ${ada.public}
  - key: ${bob.public}
threshold: 2
require: { logEntries: 0 }
`,
    );
    const sign = (key: { secret: string }, ...more: readonly string[]) =>
      stage.run(["image", "sign", pinned, "--key", key.secret, "--danger-no-log", ...stage.trust, ...more]);
    const verify = ["image", "verify", name, "--policy", policy, ...stage.trust];
    await sign(ada);
    await sign(ada, "--legacy");
    const one = await stage.run(verify);
    expect(one.stderr).toContain("POLICY_TOO_FEW_SIGNERS");
    await sign(bob, "--legacy");
    expect(await stage.run(verify)).toMatchObject({
      code: 0,
      stdout: `${pinned}
`,
    });
  });

  test.skipIf(isMissing)("by key, without a log, and with annotations", async () => {
    const { name, pinned } = await makeImage();
    const key = stage.makeKey("image");
    const signed = await stage.run([
      "image",
      "sign",
      name,
      "--key",
      key.secret,
      "--danger-no-log",
      "-a",
      "env=prod",
      ...stage.trust,
    ]);
    expect(signed).toMatchObject({ code: 0, stdout: `${pinned}\n` });
    expect(signed.stderr).toContain("CLI_IMAGE_TAG");
    const verify = ["image", "verify", name, "--key", key.public, ...stage.trust];
    expect((await stage.run(verify)).stderr).toContain("SIGSTORE_TOO_FEW_LOG_ENTRIES");
    expect(await stage.run([...verify, "--danger-no-log", "-a", "env=prod"])).toMatchObject({ code: 0 });
    expect(await stage.run([...verify, "--danger-no-log", "-a", "env=test"])).toMatchObject({ code: 1 });
    expect(await stage.run([...verify, "-a", "env"])).toMatchObject({ code: 2 });
    for (const mirror of [
      "x",
      "ghcr.io/a:1=localhost:5000",
      "acme=localhost:5000",
      "ghcr.io=localhost:5000/a@b",
      "a.b=c=d",
    ])
      expect(await stage.run([...verify, "--mirror", mirror]), mirror).toMatchObject({ code: 2 });
    const mirrored = ["image", "verify", `upstream.example/${name.slice(name.indexOf("/") + 1)}`, ...verify.slice(3)];
    const beside = [
      "--evidence-repository",
      `upstream.example/${pinned.slice(pinned.indexOf("/") + 1, pinned.indexOf("@"))}`,
    ];
    expect(
      await stage.run([...mirrored, "--danger-no-log", "--mirror", `upstream.example=${host}`, ...beside]),
    ).toMatchObject({ code: 0 });
    for (const age of ["0d", "1", "-1h", "1y"])
      expect(await stage.run([...verify, "--max-age", age])).toMatchObject({ code: 2 });
    const timeless = await stage.run([...verify, "--danger-no-log", "--max-age", "1h"]);
    expect(timeless.code).toBe(1);
    expect(timeless.stderr).toContain("PIPELINE_IMAGE_AGE");
  });

  test.skipIf(isMissing)("older layout by key, and a tree of what is there", async () => {
    const { name, pinned } = await makeImage();
    const key = stage.makeKey("legacy");
    const sign = ["image", "sign", pinned, "--key", key.secret, "--danger-no-log", ...stage.trust];
    expect(await stage.run([...sign, "--legacy"])).toMatchObject({ code: 0 });
    expect(await stage.run(sign)).toMatchObject({ code: 0 });
    expect(
      await stage.run([
        "image",
        "verify",
        name,
        "--key",
        key.public,
        "--danger-no-log",
        "--match-name",
        ...stage.trust,
      ]),
    ).toMatchObject({ code: 0 });
    const tree = await stage.run(["image", "tree", name]);
    expect(tree.stdout).toMatch(/sig-tag/);
    expect(tree.stdout).toMatch(/bundle .*unverified/);
    const json = JSON.parse((await stage.run(["image", "tree", name, "--json"])).stdout) as {
      verified: boolean;
      nodes: { evidence: unknown[] }[];
    };
    expect([json.verified, json.nodes[0]?.evidence.length]).toEqual([false, 2]);
  });

  test.skipIf(isMissing)("attestations by type", async () => {
    const { name, pinned } = await makeImage();
    const predicate = stage.write(
      "sbom.json",
      '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","dataLicense":"CC0-1.0","documentNamespace":"https://example.com/x","creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: x"]},"packages":[]}',
    );
    const attested = await stage.run([
      "image",
      "attest",
      pinned,
      "--type",
      "spdxjson",
      "--predicate",
      predicate,
      ...keyless(),
    ]);
    expect(attested).toMatchObject({ code: 0 });
    const verify = ["image", "verify-attestation", name, ...expected()];
    expect(await stage.run([...verify, "--type", "spdxjson"])).toMatchObject({ code: 0, stdout: `${pinned}\n` });
    const whole = (hex: string): string =>
      stage.write(
        "statement.json",
        `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${hex}"}}],"predicateType":"https://example.com/x","predicate":{}}`,
      );
    const attest = ["image", "attest", pinned, ...keyless(), "--statement"];
    expect((await stage.run([...attest, whole("0".repeat(64))])).stderr).toContain("PIPELINE_NOT_A_SUBJECT");
    expect(await stage.run([...attest, whole(pinned.slice(-64))])).toMatchObject({ code: 0 });
    expect(await stage.run([...verify, "--type", "https://example.com/x"])).toMatchObject({ code: 0 });
    expect(await stage.run(["image", "attest", pinned, "--type", "vuln"])).toMatchObject({ code: 2 });
    const wrong = await stage.run([...verify, "--type", "vuln"]);
    expect(wrong.stderr).toContain("PIPELINE_IMAGE_ROLE");
    expect(wrong.code).toBe(1);
    expect(await stage.run(verify)).toMatchObject({ code: 2 });
    expect((await stage.run(["image", "verify", name, ...expected()])).stderr).toContain("PIPELINE_IMAGE_ROLE");
  });

  test.skipIf(isMissing)(
    "copied, saved, verified without a socket, loaded; downloaded, attached, cleaned, repaired",
    async () => {
      const { name, pinned } = await makeImage();
      const key = stage.makeKey(`move-${host.replace(":", "-")}`);
      const trust = ["--key", key.public, "--danger-no-log", ...stage.trust];
      await stage.run(["image", "sign", pinned, "--key", key.secret, "--danger-no-log", ...stage.trust]);
      const digest = pinned.slice(pinned.indexOf("@") + 1);
      const copy = `${host}/copied/app${images}:2.0`;
      expect(await stage.run(["image", "copy", name, copy])).toMatchObject({
        code: 0,
        stdout: `${copy.replace(":2.0", "")}@${digest}\n`,
      });
      expect(await stage.run(["image", "verify", copy, ...trust])).toMatchObject({ code: 0 });
      const layout = stage.path(`layout-${host.replace(":", "-")}`);
      expect(await stage.run(["image", "save", name, "--layout", layout])).toMatchObject({ code: 0 });
      const offline = await runBuilt(["image", "verify", name, "--layout", layout, "--offline", ...trust], {
        preload: sockets,
        env: { SOCKETS_FILE: stage.path("sockets.json") },
      });
      expect(JSON.parse(readFileSync(stage.path("sockets.json"), "utf8"))).toEqual([]);
      expect(offline).toMatchObject({ code: 0, stdout: `${pinned}\n` });
      expect(await stage.run(["image", "verify", name, "--offline", ...trust])).toMatchObject({ code: 2 });
      const loaded = `${host}/loaded/app${images}:3.0`;
      expect(await stage.run(["image", "load", loaded, "--layout", layout])).toMatchObject({ code: 0 });
      expect(await stage.run(["image", "verify", loaded, ...trust])).toMatchObject({ code: 0 });
      const bundle = await stage.run(["image", "download", loaded]);
      expect(bundle.code).toBe(0);
      expect(await stage.run(["image", "clean", loaded])).toMatchObject({ code: 2 });
      expect(await stage.run(["image", "clean", loaded, "--yes"])).toMatchObject({ code: 0 });
      expect(await stage.run(["image", "verify", loaded, ...trust])).toMatchObject({ code: 1 });
      const none = await stage.run(["image", "download", loaded]);
      expect(none).toMatchObject({ code: 1, stdout: "" });
      expect(none.stderr).toContain("PIPELINE_IMAGE_UNSIGNED");
      const unnamed = await stage.run(["image", "verify", `${host}/a/b:9`, "--layout", layout, ...trust]);
      expect(unnamed).toMatchObject({ code: 3, stderr: expect.stringContaining("the layout has 1.0") as string });
      const file = stage.write("downloaded.jsonl", `${bundle.stdout}${bundle.stdout}`);
      const attached = await stage.run(["image", "attach", loaded, file]);
      expect(attached.code).toBe(0);
      expect(attached.stdout.trim().split("\n")).toHaveLength(2);
      expect(await stage.run(["image", "verify", loaded, ...trust])).toMatchObject({ code: 0 });
      expect(await stage.run(["image", "repair", loaded])).toMatchObject({ code: 0 });
      const places = await stage.run(["image", "triangulate", loaded]);
      expect(places.stdout.split("\n")).toContain(`${loaded.replace(":3.0", "")}:sha256-${digest.slice(7)}.sig`);
      const other = await makeImage();
      const wrong = await stage.run(["image", "attach", other.name, file]);
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toContain("CLI_BUNDLE_OTHER_IMAGE");
    },
  );

  test.skipIf(isMissing)(
    "kinds are told apart by what was signed: shown, downloaded and cleaned by themselves",
    async () => {
      const { name, pinned } = await makeImage();
      const type = "https://example.com/predicate/v1";
      const key = stage.makeKey(`kinds-${images}`);
      const as = ["--key", key.secret, "--danger-no-log", ...stage.trust];
      const predicate = ["--type", type, "--predicate", stage.write("kinds.json", "{}")];
      for (const layout of [[], ["--legacy"]]) {
        await stage.run(["image", "sign", pinned, ...as, ...layout]);
        await stage.run(["image", "attest", pinned, ...predicate, ...as, ...layout]);
      }
      const kinds = async (): Promise<readonly string[]> => {
        const { nodes } = JSON.parse((await stage.run(["image", "tree", name, "--json"])).stdout) as {
          nodes: { evidence: { layout: string; kind: string; predicateType?: string }[] }[];
        };
        return (nodes[0]?.evidence ?? []).map((each) => `${each.layout} ${each.kind}`).toSorted();
      };
      const signatures = ["bundle signature", "sig-tag signature"];
      const attestations = ["att-tag attestation", "bundle attestation"];
      expect(await kinds()).toEqual([...attestations, ...signatures].toSorted());
      const verify = ["image", "verify", name, "--key", key.public, "--danger-no-log", ...stage.trust];
      // That there are attestations as well is nothing to warn of.
      expect((await stage.run(verify)).stderr).not.toContain("PIPELINE_IMAGE_ROLE");
      expect((await stage.run([...verify, "--verbose"])).stderr).toContain("PIPELINE_IMAGE_ROLE");
      expect((await stage.run(["image", "tree", name])).stdout).toContain(`unverified) ${type}`);
      for (const kind of ["signature", "attestation"]) {
        const { stdout } = await stage.run(["image", "download", name, "--kind", kind]);
        expect(stdout.trim().split("\n")).toHaveLength(2);
        // Payload and signature: one without the other is of no use.
        if (kind === "signature")
          expect(stdout).toMatch(
            /^\{"Base64Signature":"[\w+/=]{60,}","Payload":"[\w+/=]+","Cert":null,"Chain":null,"Bundle":null/m,
          );
      }
      expect(await stage.run(["image", "clean", name, "--kind", "signature", "--yes"])).toMatchObject({ code: 0 });
      expect(await kinds()).toEqual(attestations);
      expect(await stage.run(["image", "clean", name, "--yes"])).toMatchObject({ code: 0 });
      expect(await kinds()).toEqual([]);
    },
  );

  test.skipIf(isMissing)("several images: each is judged, the worst decides", async () => {
    const [signed, unsigned] = [await makeImage(), await makeImage()];
    await stage.run(["image", "sign", signed.pinned, ...keyless()]);
    const missing = `${host}/team/none:1.0`;
    const outcome = await stage.run(["image", "verify", signed.name, missing, ...expected(), "--json"]);
    expect(outcome.code).toBe(3);
    const { reports } = JSON.parse(outcome.stdout) as { reports: { decision: { verdict: string } }[] };
    expect(reports.map((report) => report.decision.verdict)).toEqual(["allowed", "unknown"]);
    expect((await stage.run(["image", "verify", signed.name, unsigned.name, missing, ...expected()])).code).toBe(1);
  });
});

test("cosign's spellings mean the same, or are answered with ours", async () => {
  const verify = [
    "image",
    "verify",
    "registry.invalid:1/app",
    "--key",
    stage.makeKey("spelling").public,
    ...stage.trust,
  ];
  const spelled =
    "--insecure-ignore-tlog=true --check-claims=true --max-workers=3 -t 3m --experimental-oci11=true --annotations a=b -a c=d --attachment-tag-prefix x";
  const asked = await stage.run([...verify, ...spelled.split(" ")]);
  expect(asked).toMatchObject({ code: 3, stderr: expect.stringContaining("OCI_REGISTRY_UNREACHABLE") as string });
  const hints = [
    ["--annotations", "a", "NAME=VALUE"],
    ["--registry-cacert", "none.pem", "CLI_FILE_MISSING"],
    ["--allow-http-registry", "", "--plain-http HOST"],
    ["--registry-username=x", "", "docker login"],
    ["--local-image", "", "--layout DIR"],
    ["--new-bundle-format=false", "", "--legacy"],
    ["--rekor-url", "x", "asks no log"],
  ] as const;
  for (const [option, value, hint] of hints) {
    const outcome = await stage.run([...verify, option, ...(value === "" ? [] : [value])]);
    expect(outcome, option).toMatchObject({ code: 2, stderr: expect.stringContaining(hint) as string });
  }
});

test("wrong usage is said before any socket is opened", async () => {
  const digest = `@sha256:${"0".repeat(64)}`;
  const elsewhere = await stage.run(["image", "copy", "registry.invalid/a:1", `registry.invalid/b${digest}`]);
  expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string });
  const save = await stage.run(["image", "save", "registry.invalid/a:1"]);
  expect(save.stderr).toContain("see countersign image save --help");
  const identity = ["--certificate-identity", "a@example.com", "--certificate-oidc-issuer", "https://example.com"];
  expect(await stage.run(["image", "verify", "Not An Image", ...identity])).toMatchObject({ code: 2 });
  expect(await stage.run(["image", "verify", "registry.invalid/app"])).toMatchObject({ code: 2 });
  expect(await stage.run(["image", "verify", "registry.invalid/app", ...identity, "--platforms", "x"])).toMatchObject({
    code: 2,
  });
  const half = await stage.run([
    "image",
    "verify",
    "registry.invalid/app",
    ...identity,
    "--registry-client-cert",
    stage.write("c.pem", "x"),
  ]);
  expect(half.stderr).toContain("CLI_OPTION_CONFLICT");
});
