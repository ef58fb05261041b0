import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { isRedirectAddress, openRedirect } from "./redirect.node.ts";

/** Asks at one address in the name of another; false if this machine has no such address. */
function askAs(url: URL, place: string, host: string): Promise<boolean> {
  const { port, pathname, search } = url;
  const hostname = place.replace(/[[\]]/g, "");
  return new Promise((resolve) => {
    request({ hostname, port, path: `${pathname}${search}`, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .once("error", () => resolve(false))
      .end();
  });
}

describe("the address that the browser comes back to", () => {
  test("takes one answer, at its own name alone", async () => {
    const redirect = await openRedirect();
    const answer = redirect.answer((query) => query.get("code") ?? "");
    const at = (path: string): string => redirect.uri.replace("/callback", path);
    expect((await fetch(at("/favicon.ico"))).status).toBe(404);
    expect((await fetch(`${redirect.uri}?code=x`, { method: "POST" })).status).toBe(404);
    // A name that somebody's DNS points to this machine.
    expect(
      (await fetch(`${redirect.uri.replace("127.0.0.1", "localhost")}?code=evil`).catch(() => ({ status: 404 })))
        .status,
    ).toBe(404);
    const good = await fetch(`${redirect.uri}?code=mine`);
    expect(good.headers.get("referrer-policy")).toBe("no-referrer");
    expect(await good.text()).not.toContain("mine");
    expect(await answer).toBe("mine");
    redirect.close();
    await expect(fetch(`${redirect.uri}?code=again`)).rejects.toThrow("fetch failed");
  });

  test.each([
    ["http://127.0.0.1:0/auth/callback", ["127.0.0.1"]],
    ["http://localhost:0/auth/callback", ["127.0.0.1", "[::1]"]],
    ["http://[::1]:0/a%20b", ["[::1]"]],
    ["http://localhost:0", ["127.0.0.1"]],
  ])("%s: as it was registered, at whatever address its name stands for", async (address, places) => {
    for (const place of places) {
      const redirect = await openRedirect({ address }).catch((error: unknown) => error);
      // Not every machine has IPv6.
      if (redirect instanceof Error) {
        expect(redirect).toMatchObject({ code: "SIGSTORE_LOGIN_ADDRESS", message: expect.stringMatching(/EADDRNOTAVAIL|EAFNOSUPPORT/) as string }); // prettier-ignore
        continue;
      }
      const { uri, answer, close } = redirect as Awaited<ReturnType<typeof openRedirect>>;
      expect(uri.replace(/:\d+(?=\/|$)/, ":0")).toBe(address);
      const code = answer((query) => query.get("code") ?? "");
      const { host } = new URL(uri);
      const target = new URL(`${uri}?code=mine`);
      const isThere = await askAs(target, place, host);
      if (isThere) expect(await code).toBe("mine");
      close();
    }
  });

  test("a port that somebody listens at is not shared", async () => {
    const first = await openRedirect();
    for (const address of [first.uri, first.uri.replace("127.0.0.1", "localhost")])
      await expect(openRedirect({ address })).rejects.toMatchObject({ code: "SIGSTORE_LOGIN_ADDRESS", detail: { got: "EADDRINUSE" } }); // prettier-ignore
    first.close();
  });

  test.each([
    ["http://127.0.0.1:8085/callback", true],
    ["http://localhost:1", true],
    ["http://[::1]:8085/x", true],
    ["https://127.0.0.1:8085/callback", false],
    ["http://127.0.0.1/callback", false],
    ["http://127.0.0.1:65536/callback", false],
    ["http://127.0.0.2:8085/callback", false],
    ["http://0.0.0.0:8085/callback", false],
    ["http://localhost.evil.example:8085/callback", false],
    ["http://user@127.0.0.1:8085/callback", false],
    ["http://127.0.0.1:8085/callback?x", false],
    ["http://127.0.0.1:8085/callback#x", false],
    ["http://127.0.0.1:8085\n/callback", false],
    ["http://signer.example:8085/callback", false],
    ["127.0.0.1:8085", false],
  ])("%j: %s", (address, is) => expect(isRedirectAddress(address)).toBe(is));

  test("does not wait for ever", async () => {
    const redirect = await openRedirect({ timeoutMs: 20 });
    await expect(redirect.answer(() => "")).rejects.toMatchObject({ code: "SIGSTORE_LOGIN_EXPIRED" });
    redirect.close();
  });
});
