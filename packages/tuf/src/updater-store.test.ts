import { publishTufRoot, tufClient } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOfAsync } from "./sample.contract.ts";
import { clockFile, roleFile, rootHistoryFile } from "./store-file.ts";
import { madeRepository, put, text } from "./updater.contract.ts";

describe("T3: roles in the store", () => {
  test.each([
    ["root", "root.json"],
    ["a", "a.json"],
    ["Root", "%52oot.json"],
    ["TARGETS", "%54ARGETS.json"],
    ["con", "%63on.json"],
    ["a/b", "a%2Fb.json"],
    ["../x", "%2E%2E%2Fx.json"],
    ["a%2Fb", "a%252Fb.json"],
    ["é😀", "%C3%A9%F0%9F%98%80.json"],
    ["", ".json"],
  ])("%o is kept as %s", (role, file) => {
    expect(roleFile(role)).toBe(file);
  });

  test("a long name is kept under its hash, and two long ones apart", () => {
    const files = ["x".repeat(196), `${"x".repeat(196)}y`, "é".repeat(100)].map((role) => roleFile(role));
    expect(new Set(files).size).toBe(3);
    for (const file of files) expect(file).toMatch(/^%h[0-9a-f]{64}\.json$/);
  });
});

describe("T6: a damaged store", () => {
  test.each(["root.json", "timestamp.json", "snapshot.json", "targets.json", clockFile, rootHistoryFile(2)])(
    "whose %s is empty, cut or another's is as good as new",
    async (name) => {
      const { repository, root } = await madeRepository();
      await publishTufRoot(repository);
      for (const damage of ["", '{"signed":{', "{}", "\0", JSON.stringify({ signed: {}, signatures: [] })]) {
        const store = makeMemoryStore();
        await tufClient(repository, { root, store }).refresh();
        await put(store, name, text(damage));
        expect(await tufClient(repository, { root, store }).target("app.bin")).toBeDefined();
        const after = await store.open((session) => session.read(name, 1e6));
        expect(after?.length).toBeGreaterThan(10);
      }
    },
  );

  test("whose older roots are lost is not led back to the one before by a mirror that holds the newer ones back", async () => {
    const { repository, root } = await madeRepository();
    const old = new Map(repository.metadata);
    const store = makeMemoryStore();
    for (let count = 0; count < 3; count++) await publishTufRoot(repository);
    await tufClient(repository, { root, store }).refresh();
    await store.open(async (session) => {
      for (const version of [2, 3, 4]) await session.remove(rootHistoryFile(version));
    });
    const now = new Map(repository.metadata);
    const serve = (files: ReadonlyMap<string, Uint8Array>): void => {
      repository.metadata.clear();
      for (const [name, bytes] of files) repository.metadata.set(name, bytes);
    };
    serve(old);
    expect(await codeOfAsync(() => tufClient(repository, { root, store }).refresh())).toBe("TUF_ROLLBACK");
    serve(now);
    const client = tufClient(repository, { root, store });
    await client.refresh();
    expect(client.trust?.set.root.version).toBe(4);
  });

  test("cannot lead to another root than the anchor's", async () => {
    const { repository, root } = await madeRepository();
    const other = await madeRepository();
    await publishTufRoot(other.repository);
    const store = makeMemoryStore();
    await put(store, "root.json", other.root);
    await put(store, rootHistoryFile(2), other.repository.metadata.get("2.root.json") as Uint8Array);
    for (const name of ["timestamp.json", "1.snapshot.json", "1.targets.json"]) {
      await put(store, name.replace("1.", ""), other.repository.metadata.get(name) as Uint8Array);
    }
    const client = tufClient(repository, { root, store });
    await client.refresh();
    expect(client.trust?.set.root.version).toBe(1);
    // That root says that its timestamp and snapshot may go, and they go.
    const refused = client.report.steps.filter(({ outcome }) => outcome === "refused");
    expect(refused.map(({ role, from }) => `${role} ${from}`)).toEqual(["root store", "targets store"]);
  });
});

test("T6: two clients of one store take turns", async () => {
  const { repository, root } = await madeRepository();
  const store = makeMemoryStore();
  const clients = Array.from({ length: 5 }, () => tufClient(repository, { root, store }));
  const found = await Promise.all(clients.map((client) => client.target("app.bin")));
  expect(found.every((each) => each?.length === 7)).toBe(true);
});
