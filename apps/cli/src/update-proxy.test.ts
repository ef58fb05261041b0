import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { addTufTarget, makeTufRepository, publishTuf, startFaultServer, type FaultServer } from "@countersign/testkit";
import { startForwardProxy, type ForwardProxy } from "./forward-proxy.ts";
import { builtMain, makeFolder, nodes, runBuilt, runProgram, type Outcome } from "./scenario.ts";

/* A mirror that only the proxy can find: its name is nobody's. */
const mirror = "http://updates.invalid/metadata";

const folder = makeFolder();
let server: FaultServer;
let proxy: ForwardProxy;

beforeAll(async () => {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  await publishTuf(repository);
  server = await startFaultServer();
  for (const [name, bytes] of repository.metadata) server.files.set(`/metadata/${name}`, bytes);
  for (const [name, bytes] of repository.targets) server.files.set(`/targets/${name}`, bytes);
  writeFileSync(join(folder.path, "root.json"), repository.metadata.get("1.root.json") ?? "");
  proxy = await startForwardProxy(() => server.url);
});
beforeEach(() => void proxy.asked.splice(0));
afterAll(async () => {
  proxy.close();
  await server.close();
  folder.remove();
});

function update(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const proxied = { HTTP_PROXY: proxy.url, ...env };
  return runBuilt(["update", ...argv, "--store", join(folder.path, "store")], { env: proxied });
}

test("metadata and targets come through the proxy that the environment names, and only through it", async () => {
  expect(await update(["trust", join(folder.path, "root.json"), "--mirror", mirror])).toMatchObject({ code: 0 });
  expect(proxy.asked).toEqual([]);
  const got = await update(["get", "app.bin", "-o", "-", "--header", "x-token: secret"]);
  expect(got).toMatchObject({ code: 0, stdout: "the app" });
  const names = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
  expect(proxy.asked.slice(0, 4)).toEqual(names.map((name) => `${mirror}/${name}`));
  expect(proxy.asked[4]).toMatch(/^http:\/\/updates\.invalid\/targets\/[0-9a-f]{64}\.app\.bin$/);
  expect(server.requests.every(({ headers }) => headers["x-token"] === "secret")).toBe(true);
});

test.each(nodes)("with %s", async (node) => {
  const env = { HTTP_PROXY: proxy.url };
  const refresh = [builtMain, "update", "refresh", "--store", join(folder.path, "store")];
  expect(await runProgram(node, refresh, { env })).toMatchObject({ code: 0 });
  expect(proxy.asked.length).toBeGreaterThan(0);
});

test("hosts that NO_PROXY names are asked directly", async () => {
  const { code, stderr } = await update(["refresh"], { NO_PROXY: "updates.invalid" });
  expect([code, stderr.includes("TUF_FETCH_UNAVAILABLE")]).toEqual([3, true]);
  expect(proxy.asked).toEqual([]);
});
