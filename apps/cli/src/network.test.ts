import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { proxyEnvOf, useAuthorities } from "./network.node.ts";
import { makeFolder, runBuilt } from "./scenario.ts";

const coded = (code: string): unknown => expect.objectContaining({ code });

describe("proxies", () => {
  test("none named: none", () => {
    expect(proxyEnvOf({ HTTPS_PROXY: "", NO_PROXY: "example.com" })).toBeUndefined();
  });

  test.each([
    ["http://proxy.example:3128", "http://proxy.example:3128"],
    ["proxy.example:3128", "http://proxy.example:3128"],
    ["proxy", "http://proxy"],
    ["user:secret@proxy.example:3128", "http://user:secret@proxy.example:3128"],
    ["HTTPS://[::1]:8443", "HTTPS://[::1]:8443"],
  ])("%s", (value, url) => {
    expect(proxyEnvOf({ https_proxy: value, HOME: "/x" })).toMatchObject({ https_proxy: url, HOME: "/x" });
  });

  test.each([
    "http://",
    "socks5://user:secret@127.0.0.1:1080",
    "ftp://user:secret@proxy.example",
    "http://user:secret@ proxy",
    ":",
    "://",
  ])("%s is none, and is not repeated", (value) => {
    expect(() => proxyEnvOf({ HTTP_PROXY: value })).toThrow(coded("CLI_ENVIRONMENT_VALUE"));
    expect(() => proxyEnvOf({ HTTP_PROXY: value })).not.toThrow(/secret/);
  });

  test("one that hangs up is asked once, and is a failure", async () => {
    const callers: Socket[] = [];
    const proxy = createServer((socket) => {
      callers.push(socket);
      socket.on("error", () => {});
      socket.once("data", () => socket.destroy());
    });
    await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
    const env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    const outcome = await runBuilt(["doctor", "--online"], { env });
    proxy.close();
    expect(outcome.code).toBe(3);
    const failed = outcome.stdout.match(/^bad {2}service: .*ERR_PROXY_TUNNEL/gm);
    expect(failed?.length).toBeGreaterThan(0);
    expect(callers).toHaveLength(failed?.length ?? 0);
  });

  test("this machine is never asked for through one", () => {
    expect(proxyEnvOf({ HTTP_PROXY: "proxy" })?.["no_proxy"]).toBe(",localhost,127.0.0.1,::1,[::1]");
    expect(proxyEnvOf({ HTTP_PROXY: "proxy", NO_PROXY: "a,.b" })?.["no_proxy"]).toMatch(/^a,\.b,localhost,/);
    expect(proxyEnvOf({ HTTP_PROXY: "proxy", NO_PROXY: "a", no_proxy: "c" })?.["no_proxy"]).toMatch(/^c,localhost,/);
  });
});

describe("authorities", () => {
  const folder = makeFolder();
  afterAll(() => folder.remove());

  test("no file, or one that Node reads anyhow: nothing to do", () => {
    const before = tls.getCACertificates("default");
    useAuthorities({});
    useAuthorities({ SSL_CERT_FILE: join(folder.path, "nowhere") });
    useAuthorities({ SSL_CERT_FILE: folder.path, NODE_EXTRA_CA_CERTS: folder.path });
    expect(tls.getCACertificates("default")).toEqual(before);
  });

  test("a file that holds none that can be read, and a folder", () => {
    const path = join(folder.path, "bad.pem");
    writeFileSync(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect(() => useAuthorities({ SSL_CERT_FILE: path })).toThrow(coded("CLI_ENVIRONMENT_VALUE"));
    expect(() => useAuthorities({ SSL_CERT_FILE: folder.path })).toThrow(coded("CLI_FILE_DIRECTORY"));
  });
});
