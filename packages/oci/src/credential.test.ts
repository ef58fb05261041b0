import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { credentialFiles, openCredentials } from "./credential.node.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const auth = (text: string): string => Buffer.from(text).toString("base64");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-credentials-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function ask(config: unknown, registry = "ghcr.io", repository = "team/app"): Promise<unknown> {
  const path = join(folder, "config.json");
  await writeFile(path, typeof config === "string" ? config : JSON.stringify(config));
  const files = [join(folder, "missing.json"), path];
  return await openCredentials({ files, env: { PATH: `${folder}:${process.env["PATH"]}` } })(registry, repository);
}

async function helper(name: string, script: string): Promise<void> {
  const path = join(folder, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

describe("logins from files", () => {
  test("the files in Docker's and podman's order", () => {
    expect(credentialFiles({}, "/home/me")).toEqual([
      "/home/me/.docker/config.json",
      "/home/me/.config/containers/auth.json",
    ]);
    const env = {
      DOCKER_CONFIG: "/d",
      REGISTRY_AUTH_FILE: "/r.json",
      XDG_RUNTIME_DIR: "/run/me",
      XDG_CONFIG_HOME: "/c",
    };
    expect(credentialFiles(env, "/home/me")).toEqual([
      "/d/config.json",
      "/r.json",
      "/run/me/containers/auth.json",
      "/c/containers/auth.json",
    ]);
  });

  test("by repository before host, in each form", async () => {
    const auths = {
      "ghcr.io": { auth: auth("host:a:b") },
      "ghcr.io/team": { auth: auth("team:pw\0\0") },
      "quay.io": { identitytoken: "refresh" },
      "https://example.com": { registrytoken: "fixed" },
      "https://index.docker.io/v1/": { username: "hub", password: "pw" },
      "empty.example.com": {},
      "https://old.example.com:5000/v1/": { username: "old", password: "pw" },
      "http://quay.io/v2/": { username: "not", password: "this" },
    };
    expect(await ask({ auths }, "old.example.com:5000")).toMatchObject({ username: "old" });
    expect(await ask({ auths }, "old.example.com")).toBeUndefined();
    expect(await ask({ auths })).toEqual({ kind: "password", username: "team", password: "pw" });
    expect(await ask({ auths }, "ghcr.io", "other")).toEqual({ kind: "password", username: "host", password: "a:b" });
    expect(await ask({ auths }, "quay.io")).toEqual({ kind: "identity-token", token: "refresh" });
    expect(await ask({ auths }, "example.com")).toEqual({ kind: "registry-token", token: "fixed" });
    expect(await ask({ auths }, "docker.io")).toEqual({ kind: "password", username: "hub", password: "pw" });
    expect(await ask({ auths }, "empty.example.com")).toBeUndefined();
    expect(await ask({ auths }, "ghcr.io.evil.com")).toBeUndefined();
    expect(await ask({})).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["no list", "[]"],
    ["no base64", { auths: { "ghcr.io": { auth: "s3cret!" } } }],
    ["no colon", { auths: { "ghcr.io": { auth: auth("s3cret") } } }],
    ["a token that ends the header", { auths: { "ghcr.io": { registrytoken: "s3cret\r\nx: y" } } }],
    ["a number", { auths: { "ghcr.io": { auth: 5 } } }],
    ["a member twice", '{"auths":{},"auths":{}}'],
  ])("refuses %s, and repeats nothing of it", async (_, config) => {
    const error: unknown = await ask(config).catch((thrown: unknown) => thrown);
    expect(error).toEqual(code("OCI_CREDENTIALS_MALFORMED"));
    expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain("s3cret");
  });

  test("a folder where the file should be", async () => {
    await mkdir(join(folder, "dir.json"), { recursive: true });
    const credentials = openCredentials({ files: [join(folder, "dir.json")], env: {} });
    await expect(credentials("ghcr.io", "a")).rejects.toEqual(code("OCI_CREDENTIALS_MALFORMED"));
  });
});

describe("credential helpers", () => {
  test("one for the host, with the address on its standard input", async () => {
    await helper(
      "good",
      `read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"at $host\\",\\"Secret\\":\\"pw\\"}"`,
    );
    expect(await ask({ credHelpers: { "ghcr.io": "good" } })).toEqual({
      kind: "password",
      username: "at ghcr.io",
      password: "pw",
    });
    await helper("token", `echo '{"Username":"<token>","Secret":"refresh"}'`);
    expect(await ask({ credsStore: "token" })).toEqual({ kind: "identity-token", token: "refresh" });
  });

  test("one that knows nothing is no error", async () => {
    await helper("none", "echo 'credentials not found in native keychain'; exit 1");
    expect(await ask({ credsStore: "none" })).toBeUndefined();
  });

  test.each([
    ["fails", "echo s3cret; exit 3"],
    ["prints rubbish", "echo s3cret"],
    ["prints too much", "head -c 100000 /dev/zero"],
    ["prints no secret", `echo '{"Username":"s3cret"}'`],
  ])("one that %s is an error that repeats nothing", async (_, script) => {
    await helper("bad", script);
    const error: unknown = await ask({ credsStore: "bad" }).catch((thrown: unknown) => thrown);
    expect(error).toEqual(code("OCI_CREDENTIAL_HELPER"));
    expect(String(error)).not.toContain("s3cret");
  });

  test.each([
    ["waits for a program of its own that hangs", "sleep 40", 300, "an answer within 300 ms"],
    // What ends it is what it prints, on a busy machine too.
    ["starts one that prints for ever", "yes", 60_000, "at most 65536 bytes"],
  ])("one that %s is not waited for", async (_, script, timeoutMs, expected) => {
    await helper("stuck", `${script}; exit 0`);
    const path = join(folder, "stuck.json");
    await writeFile(path, JSON.stringify({ credsStore: "stuck" }));
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    const credentials = openCredentials({ files: [path], env, timeoutMs });
    const started = performance.now();
    await expect(credentials("ghcr.io", "a")).rejects.toThrow(expected);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  test("one that is missing, has a path for a name, or hangs", async () => {
    await expect(ask({ credsStore: "absent" })).rejects.toEqual(code("OCI_CREDENTIAL_HELPER"));
    await expect(ask({ credsStore: "../evil" })).rejects.toEqual(code("OCI_CREDENTIAL_HELPER"));
    await helper("hangs", "exec sleep 100");
    const path = join(folder, "config.json");
    await writeFile(path, JSON.stringify({ credsStore: "hangs" }));
    const abort = new AbortController();
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    const waiting = openCredentials({ files: [path], env, signal: abort.signal })("ghcr.io", "a");
    setTimeout(() => abort.abort(), 50);
    await expect(waiting).rejects.toEqual(code("OCI_CREDENTIAL_HELPER"));
  });
});
