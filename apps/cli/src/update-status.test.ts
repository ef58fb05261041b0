import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { publishTuf, publishTufRoot } from "@countersign/testkit";
import { runHere } from "./scenario.ts";
import { makeSite, publish, site, at, store, trust, update, json, useSites } from "./update-site.contract.ts";

useSites();

describe("countersign update status", () => {
  test("says when something expired, without a network", async () => {
    await trust();
    const empty = await update("status");
    expect([empty.code, empty.stderr]).toEqual([3, expect.stringContaining("CLI_UPDATE_UNFETCHED")]);
    await update("refresh");
    site.server.requests.splice(0);
    const late = await runHere(["update", "status", "--json", ...store()], { now: new Date("2032-01-01T00:00:00Z") });
    expect(json(late)).toMatchObject({
      exitCode: 1,
      decision: { code: "TUF_EXPIRED" },
      client: { store: join(at, "store"), mirrors: [{ metadataUrl: site.mirror }] },
    });
    expect(site.server.requests).toEqual([]);
  });

  test("says that a file in the store is damaged, not that it is absent", async () => {
    await trust();
    await update("refresh");
    const file = join(at, "store", "timestamp.json");
    rmSync(file);
    symlinkSync(join(at, "root.json"), file);
    const status = await update("status", "--json");
    expect(json(status)).toMatchObject({ error: { code: "TUF_STORE_DAMAGED" } });
    expect(status.code).toBe(1);
  });
});

describe("countersign update watch", () => {
  test("ends when something changed, and waits for a mirror that is down", async () => {
    const changing = await makeSite("first");
    writeFileSync(join(at, "root.json"), changing.repository.metadata.get("1.root.json") ?? "");
    await runHere(["update", "trust", join(at, "root.json"), "--mirror", changing.mirror, ...store()]);
    changing.server.fault("*", { kind: "status", status: 401 }, 1);
    const watching = update("watch", "--interval", "1", "--until-change", "--json");
    while (changing.server.requests.length < 6) await new Promise((resolve) => setTimeout(resolve, 20));
    await publishTufRoot(changing.repository);
    await publishTuf(changing.repository);
    publish(changing);
    const { code, stdout, stderr } = await watching;
    await changing.server.close();
    expect(code).toBe(0);
    expect(stderr).toContain("TUF_FETCH_REFUSED");
    expect(stdout).toContain('"changed":false');
    expect(stdout).toContain('"changed":true');
  });
});
