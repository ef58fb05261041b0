import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { flipLastHex } from "@countersign/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasGpg, makeKeyring, type Keyring } from "./gpg.contract.ts";
import { setLayoutStage, signedPart, type LayoutStage } from "./layout-stage.ts";
import { parsed } from "./stage.ts";
import type { Outcome } from "./scenario.ts";

/** Debian's in-toto, which .ci/run installs. */
const hasReference = existsSync("/usr/bin/in-toto-verify");

let stage: LayoutStage;
let ring: Keyring;
let owner: string;

function ours(...argv: readonly string[]): Promise<Outcome> {
  return stage.layout(argv);
}
/** A program of the reference; its exit code. */
function theirs(program: string, ...argv: readonly string[]): number | null {
  return spawnSync(`/usr/bin/in-toto-${program}`, argv, { cwd: stage.folder }).status;
}
function home(): readonly string[] {
  return ["--gpg-home", ring.home];
}
function exported(fingerprint: string): string {
  const path = join(stage.keys, `${fingerprint}.asc`);
  writeFileSync(path, ring.gpg(["--armor", "--export", fingerprint]));
  return path;
}
function links(): readonly string[] {
  return readdirSync(stage.folder).filter((name) => name.endsWith(".link"));
}
function clear(): void {
  for (const name of readdirSync(stage.folder))
    if (/\.(?:link|link-unfinished|layout)$/.test(name)) rmSync(join(stage.folder, name));
}

beforeAll(() => {
  if (!hasGpg) return;
  stage = setLayoutStage();
  ring = makeKeyring();
  owner = ring.make("owner", "rsa2048");
  stage.write("app.js", "code");
});
afterAll(() => {
  if (!hasGpg) return;
  ring.close();
  stage.close();
});

/** Both verifiers' exit codes, with the owner's key out of the keyring. */
async function verdicts(): Promise<Readonly<Record<string, number | null>>> {
  const words = ["--layout", "root.layout", "--gpg", owner, ...home()];
  const [strict, compat] = [await ours("verify", ...words, "-q"), await ours("verify", ...words, "--compat", "-q")];
  const file = await ours("verify", "--layout", "root.layout", "--key", exported(owner), "-q");
  const reference = hasReference ? { reference: theirs("verify", ...words) } : {};
  return { strict: strict.code, compat: compat.code, file: file.code, ...reference };
}
const allowed = (): Readonly<Record<string, number>> => ({
  strict: 0,
  compat: 0,
  file: 0,
  ...(hasReference ? { reference: 0 } : {}),
});
const refused = (): Readonly<Record<string, number>> => ({
  strict: 1,
  compat: 1,
  file: 1,
  ...(hasReference ? { reference: 1 } : {}),
});

async function signLayout(functionary: string): Promise<void> {
  const proposed = await ours("init", ...links(), "--functionary", exported(functionary));
  expect(proposed).toMatchObject({ code: 0 });
  expect(await ours("sign", "root.layout", "--gpg", owner, ...home(), "-q")).toMatchObject({ code: 0, stderr: "" });
}

const algorithms = ["rsa2048", "rsa3072", "dsa2048", "ed25519"] as const;

describe.skipIf(!hasGpg)("a functionary with an OpenPGP key", () => {
  test.each(algorithms)("%s: what we sign, all verify, and nobody once it was changed", async (algorithm) => {
    clear();
    const ada = ring.make(`ada-${algorithm}`, algorithm);
    expect(await ours("run", "-n", "write", "--gpg", ada, ...home(), "-p", "app.js", "-q")).toMatchObject({ code: 0 });
    expect(links()).toEqual([`write.${ada.slice(0, 8)}.link`]);
    await signLayout(ada);
    expect(await verdicts()).toEqual(allowed());
    const [name = ""] = links();
    stage.write(name, stage.read(name).replace('"write"', '"wrote"'));
    expect(await verdicts()).toEqual(refused());
  });

  test.skipIf(!hasReference).each(algorithms)("%s: what the reference signs, we verify", async (algorithm) => {
    clear();
    const bob = ring.make(`bob-${algorithm}`, algorithm);
    expect(theirs("run", "-n", "write", "--gpg", bob, ...home(), "-p", "app.js", "-x")).toBe(0);
    expect(await ours("init", ...links(), "--functionary", exported(bob))).toMatchObject({ code: 0 });
    expect(theirs("sign", "-f", "root.layout", "--gpg", owner, ...home())).toBe(0);
    expect(await verdicts()).toEqual(allowed());
    const [name = ""] = links();
    stage.write(name, stage.read(name).replace(/"signature": "..../, flipLastHex));
    expect(await verdicts()).toEqual(refused());
  });

  test("a subkey signs in its stead, and two of them are one", async () => {
    clear();
    const main = ring.make("carl", "rsa2048", "cert");
    const subkeys = [ring.add(main, "rsa2048"), ring.add(main, "rsa2048")] as const;
    for (const each of subkeys)
      expect(await ours("run", "-n", "write", "--gpg", `${each}!`, ...home(), "-p", "app.js", "-q")).toMatchObject({
        code: 0,
      });
    expect(links()).toEqual(subkeys.map((each) => `write.${each.slice(0, 8)}.link`).toSorted());
    await signLayout(main);
    expect(await verdicts()).toEqual(allowed());
    const layout = JSON.stringify({ signatures: [], signed: { ...signedPart(stage.read("root.layout")) } });
    stage.write("root.layout", layout.replace('"threshold":1', '"threshold":2'));
    expect(await ours("sign", "root.layout", "--gpg", owner, ...home(), "-q")).toMatchObject({ code: 0 });
    expect(await verdicts()).toEqual(refused());
  });

  test("a key that has ended counts for nothing", async () => {
    clear();
    const past = ["--faked-system-time", "20200101T000000!"];
    ring.gpg([...past, "--quick-generate-key", "old <old@example.com>", "rsa2048", "sign,cert", "1y"]);
    const old = ring.gpg(["--with-colons", "--list-keys", "old@example.com"]).toString("utf8");
    const fingerprint = /fpr:+([0-9A-F]{40}):/.exec(old)?.[1]?.toLowerCase() ?? "";
    const failed = await ours("run", "-n", "write", "--gpg", fingerprint, ...home(), "-p", "app.js");
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining("INTOTO_GPG_FAILED") as string });
    expect(links()).toEqual([]);
    const wrapper = join(stage.keys, "gpg-2020");
    writeFileSync(wrapper, `#!/bin/sh\nexec gpg ${past.join(" ")} "$@"\n`, { mode: 0o755 });
    const run = ["run", "-n", "write", "--gpg", fingerprint, ...home(), "-p", "app.js", "-q"];
    expect(await stage.layout(run, { env: { GNUPG: wrapper } })).toMatchObject({ code: 0 });
    await signLayout(fingerprint);
    expect(await verdicts()).toEqual(refused());
    const { stderr } = await ours("verify", "--layout", "root.layout", "--gpg", owner, ...home());
    expect(stderr).toContain("expired");
  });

  test("a revoked key cannot be listed, nor be an owner's", async () => {
    clear();
    const gone = ring.make("gone", "ed25519");
    const path = exported(gone);
    const certificate = join(ring.home, "openpgp-revocs.d", `${gone.toUpperCase()}.rev`);
    const text = spawnSync("sed", ["s/^:-----/-----/", certificate], { encoding: "utf8" }).stdout;
    expect(await ours("run", "-n", "write", "--gpg", gone, ...home(), "-p", "app.js", "-q")).toMatchObject({ code: 0 });
    await signLayout(gone);
    ring.gpg(["--import"], text);
    expect(exported(gone)).toBe(path);
    expect(await ours("init", ...links(), "--functionary", path, "-o", "other.layout")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("revoked") as string,
    });
    expect(await ours("verify", "--layout", "root.layout", "--gpg", gone, ...home())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("revoked") as string,
    });
  });

  test("record, with the default key, begun and ended by either tool", async () => {
    clear();
    const start = ["record", "start", "-n", "ours", "--gpg", ...home(), "-m", "app.js"];
    const stop = ["record", "stop", "-n", "ours", "--gpg", ...home(), "-p", "app.js", "--json"];
    expect(await ours(...start, "-q")).toMatchObject({ code: 0 });
    const ended = await ours(...stop);
    expect(ended).toMatchObject({ code: 0 });
    expect(parsed(ended)).toMatchObject({ keyid: owner, materials: 1, products: 1 });
    expect(links()).toEqual([`ours.${owner.slice(0, 8)}.link`]);
    const sameKey = ["-n", "mixed", "--gpg", owner, ...home()];
    if (hasReference) {
      expect(await ours("record", "start", ...sameKey, "-m", "app.js", "-q")).toMatchObject({ code: 0 });
      expect(theirs("record", "stop", ...sameKey, "-p", "app.js")).toBe(0);
      expect(theirs("record", "start", "-n", "back", "--gpg", owner, ...home(), "-m", "app.js")).toBe(0);
      expect(await ours("record", "stop", "-n", "back", "--gpg", owner, ...home(), "-p", "app.js", "-q")).toMatchObject(
        { code: 0 },
      );
    }
    for (const name of links())
      expect(await ours("sign", name, "--verify", "--gpg", owner, ...home(), "-q")).toMatchObject({ code: 0 });
    await signLayout(owner);
    expect(await verdicts()).toEqual(allowed());
  });

  test("a second signature is added, and each owner must have signed", async () => {
    clear();
    const second = ring.make("second", "dsa2048");
    const plain = stage.makeKey("plain");
    expect(await ours("run", "-n", "write", "-k", plain.secret, "-p", "app.js", "-q")).toMatchObject({ code: 0 });
    expect(await ours("init", ...links(), "--functionary", plain.public)).toMatchObject({ code: 0 });
    expect(await ours("sign", "root.layout", "--key", plain.secret, "--gpg", second, ...home(), "-q")).toMatchObject({
      code: 0,
    });
    expect(await verdicts()).toEqual(refused());
    expect(await ours("sign", "root.layout", "--gpg", owner, "--append", ...home(), "-q")).toMatchObject({ code: 0 });
    expect(await verdicts()).toEqual(allowed());
    const all = ["--key", plain.public, "--gpg", owner, second];
    expect(await ours("verify", "--layout", "root.layout", ...all, ...home(), "-q")).toMatchObject({ code: 0 });
  });
});

describe.skipIf(!hasGpg)("what GnuPG cannot or must not do is told", () => {
  const run = (...more: readonly string[]): Promise<Outcome> =>
    stage.layout(["run", "-n", "odd", ...home(), ...more, "--", "touch", "ran"]);

  test.each([
    [["--gpg", "DEADBEEF"], 2, "INTOTO_GPG_KEYID"],
    [["--gpg", "somebody@example.com"], 2, "INTOTO_GPG_KEYID"],
    [["--gpg", "0".repeat(40)], 3, "INTOTO_GPG_FAILED"],
    [["--gpg", "--dsse"], 1, "INTOTO_OPENPGP_DSSE"],
    [["--gpg", "--statement"], 2, "--statement"],
    [["--gpg", "--key", "x"], 2, "--key"],
  ])("%j", async (argv, code, words) => {
    expect(await run(...argv)).toMatchObject({ code, stderr: expect.stringContaining(words) as string });
    expect(existsSync(join(stage.folder, "ran"))).toBe(false);
  });

  test("no GnuPG; one that signs nothing; one that signs with an odd key", async () => {
    const ask = (program: string): Promise<Outcome> =>
      stage.layout(["run", "-n", "odd", "--gpg", ...home(), "--", "touch", "ran"], { env: { GNUPG: program } });
    expect(await ask("/nonexistent/gpg")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("INTOTO_GPG_UNAVAILABLE") as string,
    });
    expect(await ask("true")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_SIGNATURE_MALFORMED") as string,
    });
    const nist = ring.make("nist", "nistp256");
    expect(await run("--gpg", nist)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_KEY_UNSUPPORTED") as string,
    });
    expect(await ours("verify", "--layout", "x", "--gpg", "0".repeat(40), ...home())).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("INTOTO_GPG_FAILED") as string,
    });
    expect(existsSync(join(stage.folder, "ran"))).toBe(false);
  });

  test("sign --dsse, and --verify without a fingerprint", async () => {
    stage.write("some.link", JSON.stringify({ signatures: [], signed: {} }));
    const odd = await ours("sign", "some.link", "--dsse", "--gpg", owner, ...home());
    expect(odd).toMatchObject({ code: 1, stderr: expect.stringContaining("INTOTO_OPENPGP_DSSE") as string });
    expect(await ours("sign", "some.link", "--verify", "--gpg", ...home())).toMatchObject({ code: 2 });
    expect(await ours("sign", "some.link", "--verify", "--gpg", owner, ...home())).toMatchObject({ code: 1 });
  });
});
