import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { certify, makeAuthority } from "./certificate.ts";
import { buildPeer, ours, run, type Peer, type Ran } from "./peer.ts";
import { agreed, askBoth, type Verdicts } from "./verdict.ts";
import { keyJson, keyKinds, makeWorld, steps, writeLayout, type ListedKey } from "./world.ts";

/** `npm run test:in-toto-golang` sets it: to fetch and build the peer takes a network and half a minute. */
const isAsked = process.env["COUNTERSIGN_IN_TOTO_GOLANG"] !== undefined;
const folder = mkdtempSync(join(tmpdir(), "countersign-golang-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const peer: Peer = isAsked ? buildPeer(folder) : { missing: "not asked for" };
if (isAsked)
  process.stdout.write("missing" in peer ? `skipped: ${peer.missing}\n` : `in-toto-golang ${peer.version}\n`);

function theirs(cwd: string, ...args: readonly string[]): Ran {
  return run(cwd, "program" in peer ? peer.program : "", ...args);
}

/** What both verifiers say, see `askBoth`. */
function verdicts(world: string): Verdicts {
  return askBoth(world, () => theirs(world, "verify", "-l", "root.layout", "-k", "owner.pub", "-d", "links"));
}

/** Keys as the peer lists them in a layout. */
function theirKeys(world: string, file: string): readonly ListedKey[] {
  const { text } = theirs(world, "key", "layout", file);
  return Object.values(JSON.parse(`{${text}}`) as Readonly<Record<string, ListedKey>>);
}

const done = { code: 0 };
const cases = Object.keys(keyKinds).flatMap((kind) =>
  (["metablock", "dsse"] as const).map((form) => [kind, form] as const),
);

describe.skipIf("missing" in peer)("in-toto-golang and we verify", { timeout: 120_000 }, () => {
  test.each(cases)("links and layouts that we sign: %s, %s", (kind, form) => {
    // The peer takes every ECDSA key for one of P-256 and computes its id so: an owner of another curve it does not find.
    const world = makeWorld(folder, kind, /P-(?:224|384|521)/.test(kind) ? "ecdsa P-256" : kind);
    const flags = form === "dsse" ? ["--dsse"] : [];
    for (const { name, words } of steps)
      expect(ours(world, "run", "-n", name, "-k", "worker.pem", "-d", "links", ...flags, ...words)).toMatchObject(done);
    writeLayout(world, [keyJson(world, "worker")]);
    expect(ours(world, "sign", "root.layout", "--key", "owner.pem", ...flags)).toMatchObject(done);
    expect(verdicts(world)).toEqual(agreed);
  });

  test.each(cases)("links and layouts that they sign: %s, %s", (kind, form) => {
    const world = makeWorld(folder, kind, kind);
    const flags = form === "dsse" ? ["--use-dsse"] : [];
    for (const { name, words } of steps)
      expect(theirs(world, "run", "-n", name, "-k", "worker.pem", "-d", "links", ...flags, ...words)).toMatchObject(
        done,
      );
    writeLayout(world, theirKeys(world, "worker.pub"));
    // They sign what is there: an envelope if it is one.
    if (form === "dsse")
      expect(ours(world, "sign", "root.layout", "--key", "worker.pem", "--dsse")).toMatchObject(done);
    expect(theirs(world, "sign", "-f", "root.layout", "-k", "owner.pem")).toMatchObject(done);
    expect(verdicts(world)).toEqual(agreed);
  });

  test.each(["P-224", "P-384", "P-521"])("they do not find the signature of an owner with a key of %s", (curve) => {
    const world = makeWorld(folder, "ed25519", `ecdsa ${curve}`);
    writeLayout(world, [keyJson(world, "worker")]);
    expect(ours(world, "sign", "root.layout", "--key", "owner.pem")).toMatchObject(done);
    expect(ours(world, "sign", "root.layout", "--verify", "--key", "owner.pub")).toMatchObject(done);
    expect(theirs(world, "sign", "--verify", "-f", "root.layout", "-k", "owner.pub").text).toContain(
      "no signature found",
    );
  });

  test.each(["ed25519", "RSA 2048"])("a recording that one starts the other stops: %s", (kind) => {
    const world = makeWorld(folder, kind, kind);
    const words = ["-n", "write", "-k", "worker.pem"];
    writeFileSync(join(world, "a"), "a");
    expect(ours(world, "record", "start", ...words, "-m", "a")).toMatchObject(done);
    expect(theirs(world, "record", "stop", ...words, "-p", "a")).toMatchObject(done);
    const link = readdirSync(world).find((name) => name.endsWith(".link")) ?? "";
    expect(ours(world, "sign", link, "--verify", "--key", "worker.pub")).toMatchObject(done);
    expect(theirs(world, "record", "start", ...words, "-m", "a")).toMatchObject(done);
    expect(ours(world, "record", "stop", ...words, "-p", "a")).toMatchObject(done);
    expect(theirs(world, "sign", "--verify", "-f", link, "-k", "worker.pub")).toMatchObject(done);
  });
});

describe.skipIf("missing" in peer)("functionaries with certificates (ITE-7)", { timeout: 120_000 }, () => {
  test.each([
    ["the one that the layout allows", "worker", "authority", agreed],
    ["another name", "other", "authority", { ours: [1, 1], theirs: [1, 1] }],
    ["another authority", "worker", "stranger", { ours: [1, 1], theirs: [1, 1] }],
  ])("%s", (_, commonName, issuer, expected) => {
    const world = makeWorld(folder, "RSA 2048", "ed25519");
    for (const name of ["authority", "stranger"]) makeAuthority(world, name);
    certify(world, "worker", commonName, issuer);
    for (const { name, words } of steps)
      expect(
        theirs(world, "run", "-n", name, "-k", "worker.pem", "-c", "worker.crt", "-d", "links", ...words),
      ).toMatchObject(done);
    const roots = theirKeys(world, "authority.crt").map((key) => [key.keyid, key] as const);
    const constraint = {
      common_name: "worker",
      dns_names: ["worker.example.com"],
      emails: ["worker@example.com"],
      organizations: ["example"],
      roots: roots.map(([keyid]) => keyid),
      uris: ["spiffe://example.com/worker"],
    };
    writeLayout(world, [], {
      layout: { rootcas: Object.fromEntries(roots) },
      step: { cert_constraints: [constraint] },
    });
    expect(ours(world, "sign", "root.layout", "--key", "owner.pem")).toMatchObject(done);
    expect(verdicts(world)).toEqual(expected);
  });
});

const data = fileURLToPath(new URL("../../../shared/data/in-toto/golang", import.meta.url));

describe.skipIf("missing" in peer || !existsSync(data))("its own test data", { timeout: 120_000 }, () => {
  test.each([
    ["demo.layout", 0],
    ["demo.dsse.layout", 0],
    ["dsse-only.root.layout", 0],
    ["sub_layout.70ca5750.link", 0],
    ["super.layout", 1],
  ])("%s: both end with %i", (name, code) => {
    const asked = ["one", "other"].map((each) => {
      const world = mkdtempSync(join(folder, `${each}-`));
      cpSync(data, world, { recursive: true });
      return world;
    }) as [string, string];
    const allowed = ["--allow-inspections", "--allow-command", '["tar","xfz","foo.tar.gz"]'];
    expect(ours(asked[0], "verify", "--layout", name, "--key", "alice.pub", ...allowed)).toMatchObject({ code });
    expect(theirs(asked[1], "verify", "-l", name, "-k", "alice.pub", "-d", ".")).toMatchObject({ code });
  });
});
