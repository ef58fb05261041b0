import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ScenarioOptions } from "./scenario.ts";
import { now, at, repo, good, refused, begin, useHome } from "./repo-stage.contract.ts";

useHome();

describe("keys", () => {
  test("are exchanged at once only if old and new ones sign, so that readers find no gap", async () => {
    await begin("rotated");
    await good("rotated", ["rotate", "timestamp", "--add", at("cy.pem"), "--remove", at("online.pub")]);
    await good("rotated", ["sign", "--key", at("ada.pem"), "--yes"]);
    expect(await refused("rotated", ["publish", "--key", at("cy.pem")])).toBe("2 TUF_PUBLISH_GAP");
    const { stderr } = await good("rotated", ["publish", "--key", at("cy.pem"), "--key", at("online.pem")]);
    expect(stderr).toBe("published: timestamp 2, root 2; 0 files\n");
  });

  test("are exchanged in two steps with nobody signing twice", async () => {
    await begin("steps");
    await good("steps", ["rotate", "timestamp", "--add", at("cy.pem")]);
    await good("steps", ["sign", "--key", at("ada.pem"), "--yes"]);
    await good("steps", ["publish"]);
    await good("steps", ["timestamp", "--key", at("cy.pem")]);
    await good("steps", ["publish"]);
    await good("steps", ["rotate", "timestamp", "--remove", at("online.pem")]);
    await good("steps", ["sign", "--key", at("ada.pem"), "--yes"]);
    expect((await good("steps", ["publish"])).stderr).toBe("published: root 3; 0 files\n");
    expect((await good("steps", ["lint", "--json"])).stdout).toContain('"verdict": "passed"');
  });

  test("of delegated roles and of bins are exchanged in the role that delegates", async () => {
    await begin("below");
    await good("below", ["delegate", "plugins", "--key", at("plugins.pub"), "--path", "plugins/*"]);
    await good("below", ["delegate", "many", "--key", at("plugins.pub"), "--path", "many/*"]);
    await good("below", ["bins", "bin", "--from", "many", "--bits", "2", "--key", at("online.pub")]);
    await good("below", ["add", at("tree", "a.txt"), "--role", "many", "--prefix", "many/"]);
    for (const key of ["release", "plugins", "online"])
      await good("below", ["sign", "--key", at(`${key}.pem`), "--yes"]);
    await good("below", ["publish", "--key", at("online.pem")]);
    await good("below", ["rotate", "bin", "--add", at("bob.pem"), "--remove", at("online.pem")]);
    await good("below", ["sign", "--key", at("plugins.pem"), "--yes"]);
    expect(await refused("below", ["publish", "--key", at("online.pem")])).toBe("1 TUF_PUBLISH_INVALID");
    await good("below", ["delegate", "plugins", "--remove"]);
    await good("below", ["sign", "--key", at("release.pem"), "--yes"]);
    const status = await good("below", ["status"]);
    expect(status.stdout).toMatch(/^many +version 1 .*; staged 2, ready$/m);
  });
});

describe("renewal", () => {
  const later = (days: number): ScenarioOptions => ({ now: new Date(now.getTime() + days * 86_400_000) });
  const versions = async (options: ScenarioOptions): Promise<Record<string, string>> => {
    const { stdout } = await repo("lasting", ["status", "--json"], options);
    const { roles } = JSON.parse(stdout) as {
      roles: { role: string; published: { version: number; expires: string } }[];
    };
    return Object.fromEntries(
      roles.map(({ role, published: { version, expires } }) => [role, `${version} ${expires.slice(0, 10)}`]),
    );
  };
  const run = async (argv: readonly string[], options: ScenarioOptions): Promise<string> => {
    const { code, stderr } = await repo("lasting", argv, options);
    expect({ argv, code, stderr }).toMatchObject({ code: 0 });
    return stderr;
  };

  test("stages what expires soon, or what is named, and keeps what it says", async () => {
    await begin("lasting");
    await good("lasting", ["bins", "bin", "--bits", "1", "--key", at("plugins.pem")]);
    await good("lasting", ["sign", "--key", at("release.pem"), "--key", at("plugins.pem"), "--yes"]);
    await good("lasting", ["publish", "--key", at("online.pem")]);
    expect(await run(["renew"], {})).toBe("nothing expires within 30 days\n");
    const content = readFileSync(at("lasting", "public", "metadata", "1.bin-0.json"), "utf8");
    const soon = later(160);
    expect(await run(["renew"], soon)).toMatch(/^renewed: targets, bin-0, bin-1\n/);
    await run(["sign", "--key", at("release.pem"), "--key", at("plugins.pem"), "--yes"], soon);
    await run(["publish", "--key", at("online.pem")], soon);
    const { targets, "bin-0": bin } = await versions(soon);
    expect([targets, bin]).toEqual(["3 2027-05-07", "2 2027-05-07"]);
    const renewed = readFileSync(at("lasting", "public", "metadata", "2.bin-0.json"), "utf8");
    const targetsOf = (text: string): unknown => (JSON.parse(text) as { signed: { targets: object } }).signed.targets;
    expect(targetsOf(renewed)).toEqual(targetsOf(content));
    expect((await run(["lint"], soon)).includes("error:")).toBe(false);
    expect(await run(["renew", "--expires", "bin=10", "--expires", "timestamp=2"], soon)).toMatch(
      /^renewed: bin-0, bin-1\n/,
    );
    expect(await run(["renew", "root", "--within", "400"], soon)).toMatch(/^renewed: root\n/);
    expect(readdirSync(at("lasting", "staged"))).toEqual(["bin-0.json", "bin-1.json", "root.json"]);
    await run(["sign", "--key", at("ada.pem"), "--key", at("plugins.pem"), "--yes"], soon);
    await run(["publish", "--key", at("online.pem")], soon);
    const after = await versions(soon);
    expect([after["bin-0"], after["timestamp"], after["root"]]).toEqual([
      "3 2026-11-18",
      "4 2026-11-10",
      "2 2027-11-08",
    ]);
  });

  test("refuses a role that is not there, and changes nothing", async () => {
    const before = readFileSync(at("lasting", "repository.json"), "utf8");
    expect(await refused("lasting", ["renew", "plugin"])).toBe("2 TUF_ROLE_UNKNOWN");
    expect(await refused("lasting", ["renew", "snapshot"])).toBe("2 TUF_ROLE_UNKNOWN");
    expect(await refused("lasting", ["renew", "--expires", "bins=3"])).toBe("2 TUF_ROLE_UNKNOWN");
    expect(await refused("lasting", ["renew", "--expires", "bin=99999"])).toBe("2 CLI_OPTION_VALUE");
    expect(await refused("lasting", ["renew", "--within", "soon"])).toBe("2 CLI_OPTION_VALUE");
    expect(readFileSync(at("lasting", "repository.json"), "utf8")).toBe(before);
    expect(readdirSync(at("lasting", "staged"))).toEqual([]);
  });
});
