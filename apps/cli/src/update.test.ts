import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "@countersign/core";
import { addTufTarget, makeTufRepository, publishTuf } from "@countersign/testkit";
import { runHere } from "./scenario.ts";
import { site, other, at, store, trust, update, json, useSites } from "./update-site.contract.ts";

useSites();

describe("countersign update", () => {
  test("trusts, refreshes, lists, downloads and shows", async () => {
    await trust();
    const refreshed = await update("refresh");
    expect(refreshed).toMatchObject({ code: 0, stdout: "" });
    expect(refreshed.stderr).toContain("timestamp version 1");
    const listed = await update("list");
    expect(listed.stdout).toBe("app.bin\ndocs/manual.txt\nplugins/one\n");
    const out = join(at, "out");
    const got = await update("get", "app.bin", "docs/manual.txt", "plugins/one", "-o", out);
    expect(got.code).toBe(0);
    expect(got.stdout.split("\n").filter(Boolean).toSorted()).toEqual(
      ["app.bin", "docs/manual.txt", "plugins/one"].map((name) => join(out, name)),
    );
    expect(readFileSync(join(out, "docs/manual.txt"), "utf8")).toBe("the manual");
    expect(readdirSync(out).toSorted()).toEqual(["app.bin", "docs", "plugins"]);
    const again = json(await update("get", "app.bin", "-o", out, "--json"));
    expect(again.targets).toMatchObject([{ name: "app.bin", outcome: "kept", rolePath: ["targets"] }]);
    const status = await update("status");
    expect(status).toMatchObject({ code: 0 });
    expect(status.stderr).toContain(digestOf("sha256", readFileSync(join(at, "root.json"))));
    expect(status.stderr).toContain("version 1");
  });

  test("a name or path on standard output is whole, however long", async () => {
    const long = `long/${"x".repeat(120)}/${"y".repeat(120)}`;
    const repository = makeTufRepository();
    addTufTarget(repository, long, "far down");
    await publishTuf(repository);
    for (const [folder, files] of Object.entries({ metadata: repository.metadata, targets: repository.targets }))
      for (const [name, bytes] of files) {
        mkdirSync(join(at, folder, name, ".."), { recursive: true });
        writeFileSync(join(at, folder, name), bytes);
      }
    await update("trust", join(at, "metadata", "1.root.json"), "--mirror", join(at, "metadata"));
    expect((await update("list")).stdout.split("\n")).toContain(long);
    const out = join(at, "z".repeat(100));
    expect(await update("get", long, "-o", out)).toMatchObject({ code: 0, stdout: `${join(out, long)}\n` });
  });

  test("streams a target to standard output", async () => {
    await trust();
    expect(await update("get", "app.bin", "-o", "-")).toMatchObject({ code: 0, stdout: "the app" });
  });

  test("explains each check in its JSON", async () => {
    await trust();
    const report = json(await update("refresh", "--json"));
    expect(report).toMatchObject({ schema: "countersign.update/v1", decision: { verdict: "allowed" }, exitCode: 0 });
    const targets = report.runs["repository"]?.steps.find(({ role }) => role === "targets");
    expect(targets?.checks.map(({ name }) => name)).toContain("signatures");
  });

  test("refuses what is forged, says why, and writes nothing under its name", async () => {
    await trust();
    site.server.fault("*", { kind: "other-bytes" });
    const address = [...site.repository.targets.keys()].find((name) => name.endsWith("app.bin")) ?? "";
    site.server.clear();
    site.server.fault(`/targets/${address}`, { kind: "other-bytes" });
    const out = join(at, "out");
    const refused = await update("get", "app.bin", "plugins/one", "-o", out, "--json");
    expect(refused.code).toBe(1);
    expect(json(refused).targets).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "app.bin", outcome: "refused" }),
        expect.objectContaining({ name: "plugins/one", outcome: "saved", path: join(out, "plugins/one") }),
      ]),
    );
    expect(json(refused)).toMatchObject({ decision: { verdict: "refused", code: "TUF_TARGET_HASH" }, exitCode: 1 });
    expect(existsSync(join(out, "app.bin"))).toBe(false);
  });

  test("says that it could not tell when the mirror is down, and asks the next mirror first", async () => {
    await trust();
    site.server.fault("*", { kind: "status", status: 401 });
    const down = await update("refresh", "--json");
    expect(json(down)).toMatchObject({ decision: { verdict: "unknown", code: "TUF_FETCH_REFUSED" }, exitCode: 3 });
    expect(down.code).toBe(3);
    const offered = await update("refresh", "--mirror", `${other.server.url}/none`, "--mirror", site.mirror);
    expect(offered.code).toBe(3);
    site.server.clear();
    const next = await update("refresh", "--mirror", `${other.server.url}/none`, "--mirror", site.mirror);
    expect(next).toMatchObject({ code: 0 });
  });

  test("refuses a target that nobody lists, or that its role may not speak for", async () => {
    await trust();
    for (const name of ["nothing", "elsewhere", "toString", "../root.json"]) {
      const refused = await update("get", name, "-o", at);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain("TUF_TARGET_UNKNOWN");
    }
  });

  test("sends headers to the mirror", async () => {
    await trust();
    await update("refresh", "--header", "Authorization: Bearer secret");
    expect(site.server.requests.at(-1)?.headers.authorization).toBe("Bearer secret");
    const wrong = await update("refresh", "--header", "secret value");
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).not.toContain("secret value");
  });

  test("notices a clock that stepped back, unless told not to", async () => {
    await trust();
    expect((await runHere(["update", "refresh", ...store()], { now: new Date("2030-06-01T00:00:00Z") })).code).toBe(0);
    const back = await runHere(["update", "refresh", ...store()], { now: new Date("2030-05-01T00:00:00Z") });
    expect(back).toMatchObject({ code: 1 });
    expect(back.stderr).toContain("TUF_CLOCK_BACK");
    const forced = await runHere(["update", "refresh", "--danger-clock", ...store()], {
      now: new Date("2030-05-01T00:00:00Z"),
    });
    expect(forced).toMatchObject({ code: 0 });
    expect(forced.stderr).toContain("warning:");
  });

  test("does nothing without a root, a mirror or a sensible command line", async () => {
    const untrusted = await update("refresh");
    expect(untrusted).toMatchObject({ code: 2 });
    expect(untrusted.stderr).toContain("CLI_UPDATE_UNTRUSTED");
    expect(existsSync(join(at, "store"))).toBe(false);
    await runHere(["update", "trust", join(at, "root.json"), ...store()]);
    const lost = await update("refresh");
    expect(lost).toMatchObject({ code: 2 });
    expect(lost.stderr).toContain("CLI_UPDATE_MIRROR");
    expect((await update("get", "a", "b", "-o", "-", "--mirror", site.mirror)).code).toBe(2);
    expect((await update("refresh", "--targets-url", site.mirror)).code).toBe(2);
    expect((await update("refresh", "--mirror", "https://user:pass@a.example/")).stderr).toContain("TUF_FETCH_URL");
    expect((await update("refresh", "--mirror", site.mirror, "--repository", "../x")).code).toBe(2);
  });
});

describe("countersign update trust", () => {
  test("takes an address only with the right digest", async () => {
    const url = `${site.mirror}/1.root.json`;
    const sha256 = digestOf("sha256", readFileSync(join(at, "root.json"))).slice(7);
    const bare = await update("trust", url);
    expect(bare).toMatchObject({ code: 2 });
    expect(bare.stderr).toContain("CLI_UPDATE_PIN");
    const wrong = await update("trust", url, "--sha256", "0".repeat(64));
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain("CLI_UPDATE_ROOT");
    expect(existsSync(join(at, "store"))).toBe(false);
    expect(await update("trust", url, "--sha256", sha256, "--mirror", site.mirror)).toMatchObject({ code: 0 });
    expect((await update("refresh")).code).toBe(0);
  });

  test("no address is repeated with a password in it, and none that cannot be read is a bug of ours", async () => {
    const torn = await update("trust", `${site.mirror}/%zz`, "--sha256", "0".repeat(64));
    expect(torn).toMatchObject({ code: 2 });
    expect(torn.stderr).toContain("CLI_OPTION_VALUE");
    for (const more of [[], ["--sha256", "0".repeat(64)]]) {
      const named = await update("trust", "https://user:p@secret-word@a.example/1.root.json", ...more);
      expect(named.stderr).toContain("TUF_FETCH_URL");
      expect(named.stderr).not.toContain("word");
    }
  });

  test("finds a mirror in a folder again, from wherever it is run", async () => {
    const before = process.cwd();
    mkdirSync(join(at, "metadata"));
    for (const [name, bytes] of site.repository.metadata) writeFileSync(join(at, "metadata", name), bytes);
    process.chdir(at);
    await update("trust", "root.json", "--mirror", "metadata").finally(() => process.chdir(before));
    expect(await update("refresh")).toMatchObject({ code: 0 });
    expect(site.server.requests).toEqual([]);
  });

  test("refuses what is no root, or is not signed by its own keys", async () => {
    writeFileSync(join(at, "no.json"), "{}");
    expect((await update("trust", join(at, "no.json"))).code).toBe(1);
    const text = readFileSync(join(at, "root.json"), "utf8");
    writeFileSync(join(at, "forged.json"), text.replace("2031", "2032"));
    const forged = await update("trust", join(at, "forged.json"));
    expect(forged).toMatchObject({ code: 1 });
    expect(forged.stderr).toContain("TUF_THRESHOLD");
  });

  test("keeps the mirrors where none are given, and takes a damaged root's place", async () => {
    await trust();
    await update("refresh");
    const again = json(await update("trust", join(at, "root.json"), "--json")) as unknown as { mirrors: object[] };
    expect(again.mirrors).toEqual([{ metadataUrl: site.mirror }]);
    writeFileSync(join(at, "store", "anchor"), "");
    const damaged = await update("refresh");
    expect(damaged).toMatchObject({ code: 2 });
    expect(damaged.stderr).toContain("CLI_UPDATE_DAMAGED");
    expect(await update("trust", join(at, "root.json"))).toMatchObject({ code: 0 });
    expect(existsSync(join(at, "store", "timestamp.json"))).toBe(true);
    expect(await update("refresh")).toMatchObject({ code: 0 });
  });

  test("replaces another root only if told to, and forgets what that one vouched for", async () => {
    await trust();
    await update("refresh");
    writeFileSync(join(at, "other.json"), other.repository.metadata.get("1.root.json") ?? "");
    const refused = await update("trust", join(at, "other.json"), "--mirror", other.mirror);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain("CLI_UPDATE_TRUSTED");
    expect((await update("trust", join(at, "root.json"), "--mirror", site.mirror)).code).toBe(0);
    const replaced = await update(
      "trust",
      join(at, "other.json"),
      "--mirror",
      other.mirror,
      "--danger-replace",
      "--json",
    );
    expect(json(replaced)).toMatchObject({ schema: "countersign.update-trust/v1", root: { version: 1 } });
    expect(readdirSync(join(at, "store")).toSorted()).toEqual(["anchor", "lock", "mirrors"]);
    expect((await update("refresh")).code).toBe(0);
  });
});

describe("countersign update verify", () => {
  function copy(): string {
    const directory = join(at, "copy");
    for (const [place, files] of [
      ["metadata", site.repository.metadata],
      ["targets", site.repository.targets],
    ] as const) {
      for (const [name, bytes] of files) {
        mkdirSync(join(directory, place, name, ".."), { recursive: true });
        writeFileSync(join(directory, place, name), bytes);
      }
    }
    return directory;
  }

  test("decides about a copy without a network, at a stated time", async () => {
    const directory = copy();
    const root = ["--root", join(at, "root.json")];
    const whole = await runHere(["update", "verify", directory, ...root, "--json"]);
    expect(whole).toMatchObject({ code: 0 });
    expect(json(whole).targets).toMatchObject([
      { name: "app.bin", outcome: "verified", claims: { via: "tuf" } },
      { name: "docs/manual.txt", outcome: "verified" },
      { name: "plugins/one", outcome: "verified" },
    ]);
    const late = await runHere(["update", "verify", directory, ...root, "--at", "2031-06-01T00:00:00Z"]);
    expect(late).toMatchObject({ code: 1 });
    expect(late.stderr).toContain("TUF_EXPIRED");
    expect((await runHere(["update", "verify", directory, ...root, "--at", "tomorrow"])).code).toBe(2);
    expect(site.server.requests).toEqual([]);
  });

  test("says what is missing and what is wrong", async () => {
    const directory = copy();
    const root = ["--root", join(at, "root.json")];
    const target = [...site.repository.targets.keys()].find((name) => name.endsWith("app.bin")) ?? "";
    writeFileSync(join(directory, "targets", target), "the apq");
    const wrong = await runHere(["update", "verify", directory, ...root, "--json"]);
    expect(json(wrong)).toMatchObject({ exitCode: 1, decision: { code: "TUF_TARGET_HASH" } });
    expect((await runHere(["update", "verify", directory, ...root, "--metadata-only"])).code).toBe(0);
    writeFileSync(join(directory, "targets", target), "the app");
    const manual = [...site.repository.targets.keys()].find((name) => name.endsWith("manual.txt")) ?? "";
    rmSync(join(directory, "targets", manual));
    const lacking = json(await runHere(["update", "verify", directory, ...root, "--json"]));
    expect(lacking).toMatchObject({ exitCode: 1, decision: { code: "CLI_UPDATE_INCOMPLETE" } });
    expect(lacking.targets).toContainEqual(expect.objectContaining({ name: "docs/manual.txt", outcome: "absent" }));
    writeFileSync(join(directory, "targets", manual), "");
    expect((await runHere(["update", "verify", directory, ...root])).code).toBe(1);
    rmSync(join(directory, "metadata", "timestamp.json"));
    const empty = await runHere(["update", "verify", directory, ...root]);
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("CLI_UPDATE_INCOMPLETE")]);
  });
});

describe("countersign update get --map", () => {
  async function trustBoth(): Promise<string> {
    writeFileSync(join(at, "other.json"), other.repository.metadata.get("1.root.json") ?? "");
    await update("trust", join(at, "root.json"), "--repository", "one");
    await update("trust", join(at, "other.json"), "--repository", "two");
    const map = {
      repositories: { one: [site.mirror], two: [other.mirror] },
      mapping: [{ paths: ["*", "docs/*"], repositories: ["one", "two"], threshold: 2, terminating: true }],
    };
    writeFileSync(join(at, "map.json"), JSON.stringify(map));
    return join(at, "map.json");
  }

  test("takes what two repositories agree on, and nothing else", async () => {
    const map = await trustBoth();
    const agreed = await update("get", "app.bin", "--map", map, "-o", join(at, "out"), "--json");
    expect(json(agreed)).toMatchObject({ exitCode: 0, targets: [{ outcome: "saved", repositories: ["one", "two"] }] });
    expect(Object.keys(json(agreed).runs).toSorted()).toEqual(["one", "two"]);
    const lone = await update("get", "plugins/one", "--map", map, "-o", join(at, "out"));
    expect(lone).toMatchObject({ code: 1 });
    expect(lone.stderr).toContain("TUF_TARGET_UNKNOWN");
  });

  test("cannot tell if one of them is down", async () => {
    const map = await trustBoth();
    other.server.fault("*", { kind: "status", status: 401 });
    expect((await update("get", "app.bin", "--map", map, "-o", join(at, "out"))).code).toBe(3);
  });
});
