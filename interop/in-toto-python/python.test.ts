import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { must, ours, run, type Ran } from "../in-toto-golang/peer.ts";
import { agreed, askBoth, type Verdicts } from "../in-toto-golang/verdict.ts";
import { keyJson, steps, writeLayout } from "../in-toto-golang/world.ts";

/** `npm run test:in-toto-diff` sets it; the reference is Debian's package in-toto, which .ci/run installs. */
const isAsked = process.env["COUNTERSIGN_IN_TOTO_DIFF"] !== undefined;
const isThere = isAsked && existsSync("/usr/bin/in-toto-verify");
const folder = mkdtempSync(join(tmpdir(), "countersign-python-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const types = ["ed25519", "ecdsa", "rsa"] as const;
type KeyType = (typeof types)[number];

/** With key files that the reference's own library wrote: RSA in PEM, the others in its JSON. */
function makeWorld(type: KeyType): string {
  const world = mkdtempSync(join(folder, "world-"));
  mkdirSync(join(world, "links"));
  const make = `from securesystemslib import interface as i
for name in ["owner", "worker"]: i._generate_and_write_${type}_keypair(filepath=name)`;
  must(run(world, "/usr/bin/python3", "-c", make));
  return world;
}

function theirs(world: string, program: string, ...words: readonly string[]): Ran {
  return run(world, `/usr/bin/in-toto-${program}`, ...words);
}

function verdicts(world: string, type: KeyType): Verdicts {
  const words = ["-l", "root.layout", "-k", "owner.pub", "-t", type, "--link-dir", "links"];
  return askBoth(world, () => theirs(world, "verify", ...words));
}

const done = { code: 0 };

describe.skipIf(!isThere)("in-toto 1.3.1 and we verify", { timeout: 120_000 }, () => {
  test.each(types)("links and layouts that we sign: %s", (type) => {
    const world = makeWorld(type);
    for (const { name, words } of steps)
      expect(ours(world, "run", "-n", name, "-k", "worker", "-d", "links", ...words)).toMatchObject(done);
    writeLayout(world, [keyJson(world, "worker")]);
    expect(ours(world, "sign", "root.layout", "--key", "owner")).toMatchObject(done);
    expect(verdicts(world, type)).toEqual(agreed);
  });

  test.each(types)("links and layouts that they sign: %s", (type) => {
    const world = makeWorld(type);
    const key = ["-k", "worker", "-t", type];
    for (const { name, words } of steps)
      expect(theirs(world, "run", "-n", name, ...key, "-d", "links", ...words)).toMatchObject(done);
    writeLayout(world, [keyJson(world, "worker")]);
    expect(theirs(world, "sign", "-f", "root.layout", "-k", "owner", "-t", type)).toMatchObject(done);
    expect(verdicts(world, type)).toEqual(agreed);
  });

  test.each(types)("a layout that we propose from their links: %s", (type) => {
    const world = makeWorld(type);
    const key = ["-k", "worker", "-t", type];
    for (const { name, words } of steps)
      expect(theirs(world, "run", "-n", name, ...key, "-d", "links", ...words)).toMatchObject(done);
    const links = steps.map(({ name }) => `links/${name}.${keyJson(world, "worker").keyid.slice(0, 8)}.link`);
    expect(ours(world, "init", ...links, "--functionary", "worker.pub")).toMatchObject(done);
    expect(ours(world, "sign", "root.layout", "--key", "owner")).toMatchObject(done);
    expect(verdicts(world, type)).toEqual(agreed);
  });
});
