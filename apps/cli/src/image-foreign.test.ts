import { hasDockerRegistry, startDockerRegistry, startSecureRegistry } from "@countersign/testkit";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setStage, type Stage } from "./stage.ts";

/** `npm run test:registries` sets it: registries in processes of their own take longer than `npm test` has. */
const isAsked = process.env["COUNTERSIGN_REGISTRIES"] !== undefined;
const hasRegistry = isAsked && hasDockerRegistry();
const hasTools = hasRegistry && ["/usr/bin/umoci", "/usr/bin/skopeo"].every((path) => existsSync(path));
const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const run = (program: string, args: readonly string[]): void => {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: stage.folder } });
};

/** A layout by umoci with two images, and an index of both: its name is `multi`. umoci makes no index and writes no mediaType. */
function makeLayout(): string {
  const layout = stage.path("umoci");
  run("umoci", ["init", "--layout", layout]);
  for (const architecture of ["amd64", "arm64"]) {
    run("umoci", ["new", "--image", `${layout}:${architecture}`]);
    run("umoci", ["config", "--image", `${layout}:${architecture}`, "--os", "linux", "--architecture", architecture]);
  }
  const own = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
    manifests: { digest: string; size: number; annotations: Record<string, string> }[];
  };
  const manifests = own.manifests.map(({ digest, size, annotations }) => ({
    mediaType: manifestType,
    digest,
    size,
    platform: { os: "linux", architecture: annotations["org.opencontainers.image.ref.name"] },
  }));
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
  const hash = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(layout, "blobs", "sha256", hash), bytes);
  const entry = { mediaType: indexType, digest: `sha256:${hash}`, size: bytes.length };
  const named = { ...entry, annotations: { "org.opencontainers.image.ref.name": "multi" } };
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [...own.manifests, named] }));
  return layout;
}

describe.skipIf(!hasTools)("an image for two platforms, made by umoci and pushed by skopeo", () => {
  let host = "";
  let close: () => Promise<void> = async () => {};
  beforeAll(async () => {
    const running = await startDockerRegistry();
    host = running.host;
    close = () => running.close();
    const layout = makeLayout();
    for (const name of ["bundle", "legacy", "child"])
      run("skopeo", ["copy", "--all", "--dest-tls-verify=false", `oci:${layout}:multi`, `docker://${host}/${name}:1`]);
  });
  afterAll(() => close());

  const key = (): { secret: string; public: string } => stage.makeKey("umoci");
  const sign = (secret: string): string[] => ["--key", secret, "--danger-no-log", ...stage.trust];

  test("is what it says: manifests without a media type", async () => {
    const tree = await stage.run(["image", "tree", `${host}/bundle:1`]);
    expect(tree.stdout).toContain("linux/amd64");
    expect(tree.stdout).toContain("linux/arm64");
    const layout = stage.path("umoci");
    const [first] = (
      JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] }
    ).manifests;
    const bytes = readFileSync(join(layout, "blobs", "sha256", (first?.digest ?? "").slice(7)), "utf8");
    expect(bytes).not.toContain('"mediaType":"application/vnd.oci.image.manifest');
  });

  test.each([
    ["bundle", []],
    ["legacy", ["--legacy"]],
  ])("signed as %s: the index, and each platform by itself", async (name, layout) => {
    const pair = key();
    const image = `${host}/${name}:1`;
    const trust = [...sign(pair.public), "--platforms"];
    expect(await stage.run(["image", "verify", image, ...trust, "all"])).toMatchObject({ code: 1 });
    expect(await stage.run(["image", "sign", image, "--recursive", ...layout, ...sign(pair.secret)])).toMatchObject({
      code: 0,
    });
    for (const platforms of ["root", "all", "linux/arm64"])
      expect(await stage.run(["image", "verify", image, ...trust, platforms])).toMatchObject({ code: 0 });
    const json = await stage.run(["image", "verify", image, ...trust, "all", "--json"]);
    const { reports } = JSON.parse(json.stdout) as { reports: { images: { digest: string }[] }[] };
    for (const { digest } of reports[0]?.images ?? [])
      expect(await stage.run(["image", "verify", `${host}/${name}@${digest}`, ...trust, "root"])).toMatchObject({
        code: 0,
      });
    expect(reports[0]?.images).toHaveLength(3);
  });

  test("one signed platform allows itself, not the index and not the other one", async () => {
    const pair = key();
    const image = `${host}/child:1`;
    const layout = stage.path("umoci");
    const { manifests } = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
      manifests: { digest: string }[];
    };
    await stage.run(["image", "sign", `${host}/child@${manifests[0]?.digest}`, ...sign(pair.secret)]);
    const verify = ["image", "verify", image, ...sign(pair.public), "--platforms"];
    expect(await stage.run([...verify, "linux/amd64"])).toMatchObject({ code: 0 });
    expect(await stage.run([...verify, "linux/x86_64"])).toMatchObject({ code: 0 });
    for (const platforms of ["root", "all", "linux/arm64"])
      expect(await stage.run([...verify, platforms])).toMatchObject({ code: 1 });
  });
});

describe.skipIf(!hasRegistry)("a registry with its own authority, client certificates and logins", () => {
  let secure: Awaited<ReturnType<typeof startSecureRegistry>>;
  let pair: { secret: string; public: string };
  beforeAll(async () => {
    secure = await startSecureRegistry();
    pair = stage.makeKey("secure");
    const { login } = secure;
    mkdirSync(stage.path("bin"));
    const answer = (username: string, secret: string): string =>
      `#!/bin/sh\ncat >/dev/null\necho '${JSON.stringify({ ServerURL: "x", Username: username, Secret: secret })}'\n`;
    const helpers = { ada: answer(login.username, login.password), token: answer("<token>", login.identityToken) };
    for (const [name, script] of Object.entries(helpers)) {
      writeFileSync(stage.path(`bin/docker-credential-${name}`), script);
      chmodSync(stage.path(`bin/docker-credential-${name}`), 0o755);
    }
  });
  afterAll(() => secure.close());

  /** An environment whose Docker configuration is this. */
  function dockerConfig(name: string, config: object): Record<string, string> {
    mkdirSync(stage.path(name), { recursive: true });
    writeFileSync(stage.path(`${name}/config.json`), JSON.stringify(config));
    return { HOME: stage.folder, DOCKER_CONFIG: stage.path(name), PATH: `${stage.path("bin")}:/usr/bin:/bin` };
  }
  const authority = (): string[] => ["--registry-ca", secure.files.ca];
  const client = (): string[] => [
    "--registry-client-cert",
    secure.files.clientCertificate,
    "--registry-client-key",
    secure.files.clientKey,
  ];
  const trust = (key: string): string[] => ["--key", key, "--danger-no-log", ...stage.trust];

  test.each<[string, string, () => object]>([
    ["a password in the file", "basic", () => ({ auths: { [secure.host]: { auth: basic() } } })],
    ["an identity token in the file", "refresh", () => ({ auths: { [secure.host]: { identitytoken: identity() } } })],
    ["a credential helper", "basic", () => ({ credHelpers: { [secure.host]: "ada" } })],
    ["a helper's identity token", "refresh", () => ({ credHelpers: { [secure.host]: "token" } })],
    ["the store of all logins", "basic", () => ({ credsStore: "ada" })],
  ])("signs and verifies with %s", async (name, kind, config) => {
    const env = dockerConfig(kind, config());
    const layout = stage.path("empty");
    if (!existsSync(layout)) run("umoci", ["init", "--layout", layout]);
    run("umoci", ["new", "--image", `${layout}:x`]);
    const image = `${secure.host}/team/${createHash("md5").update(name).digest("hex")}:1`;
    const access = [...authority(), ...client()];
    const options = { env };
    expect(
      await stage.run(["image", "load", image, "--layout", layout, "--name", "x", ...access], options),
    ).toMatchObject({ code: 0 });
    secure.logins.length = 0;
    expect(await stage.run(["image", "sign", image, ...access, ...trust(pair.secret)], options)).toMatchObject({
      code: 0,
    });
    expect(await stage.run(["image", "verify", image, ...access, ...trust(pair.public)], options)).toMatchObject({
      code: 0,
    });
    expect(new Set(secure.logins)).toEqual(new Set([kind]));
    const stranger = await stage.run(["image", "verify", image, ...access, ...trust(pair.public)], {
      env: dockerConfig("nobody", {}),
    });
    expect(stranger.code).not.toBe(0);
    expect(stranger.stderr).toContain("OCI_UNAUTHORIZED");
  });

  const basic = (): string => Buffer.from(`${secure.login.username}:${secure.login.password}`).toString("base64");
  const identity = (): string => secure.login.identityToken;

  test("neither an unknown authority nor a missing client certificate is passed over, and nothing secret is said", async () => {
    const env = dockerConfig("basic", { auths: { [secure.host]: { auth: basic() } } });
    const verify = ["image", "verify", `${secure.host}/team/app:1`, ...trust(pair.public)];
    const other = stage.path("other.pem");
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=other -out ${other}`.split(
        " ",
      ),
      { stdio: "ignore" },
    );
    for (const access of [authority(), ["--registry-ca", other, ...client()]]) {
      const outcome = await stage.run([...verify, ...access], { env });
      expect(outcome.code).toBe(3);
      expect(outcome.stderr).toContain("OCI_REGISTRY_UNREACHABLE");
      expect(outcome.stderr).not.toContain("s3cret");
    }
  });
});

describe.skipIf(!hasTools)("a mirror that fetches through", () => {
  test("verifies under the name that was asked for, from a registry that nobody can reach", async () => {
    const origin = await startDockerRegistry();
    const mirror = await startDockerRegistry({ top: [`proxy: {remoteurl: "http://${origin.host}"}`] });
    try {
      const pair = stage.makeKey("mirror");
      const layout = stage.path("mirrored");
      run("umoci", ["init", "--layout", layout]);
      run("umoci", ["new", "--image", `${layout}:x`]);
      const name = `${origin.host}/team/app:1`;
      const sign = ["--key", pair.secret, "--danger-no-log", ...stage.trust];
      await stage.run(["image", "load", name, "--layout", layout, "--name", "x"]);
      expect(await stage.run(["image", "sign", name, ...sign])).toMatchObject({ code: 0 });
      const asked = "registry.example.com/team/app:1";
      const verify = ["image", "verify", asked, "--key", pair.public, "--danger-no-log", ...stage.trust];
      const outcome = await stage.run([...verify, "--mirror", `registry.example.com=${mirror.host}`]);
      expect(outcome.code).toBe(0);
      expect(outcome.stdout).toMatch(/^registry\.example\.com\/team\/app@sha256:/);
      const other = await stage.run([...verify, "--mirror", `registry.example.com/tea=${mirror.host}/tea`], {
        env: { HTTPS_PROXY: "http://127.0.0.1:9" },
      });
      expect(other.code).toBe(3);
    } finally {
      await mirror.close();
      await origin.close();
    }
  });
});
