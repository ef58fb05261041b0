import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatSigstoreKey } from "@countersign/in-toto";
import { runBuilt, runHere, type Outcome } from "./scenario.ts";
import { parsed, setStage, type Stage } from "./stage.ts";

let stage: Stage;
let owner: ReturnType<Stage["makeKey"]>;
let work: string;

const ada = "ada@example.com";
const bob = "bob@example.com";

/** `countersign layout …` in the folder of the product: the built command where it runs another. */
function layout(...argv: readonly string[]): Promise<Outcome> {
  const run = argv.includes("--") ? runBuilt : runHere;
  return run(["layout", ...argv], { cwd: work });
}

async function tokenOf(email: string): Promise<string> {
  return stage.write("token.jwt", await stage.sigstore.token({ email }));
}

/** Carries out a step as somebody; the link goes to `links`. */
async function carryOut(step: string, email: string, ...more: readonly string[]): Promise<Outcome> {
  const token = ["--identity-token", await tokenOf(email), ...stage.signing];
  const directory = more.includes("-d") ? [] : ["-d", "../links"];
  return layout("run", "-n", step, ...token, ...directory, ...more);
}

function keyOf(identity: string): ReturnType<typeof formatSigstoreKey> {
  return formatSigstoreKey({ identity, issuer: stage.sigstore.url });
}

interface Change {
  readonly keys?: readonly object[];
  readonly write?: object;
}

/** A layout of two steps, signed by the owner. */
async function makeLayout({ keys = [keyOf(ada), keyOf(bob)], write = {} }: Change = {}): Promise<void> {
  const step = (name: string, who: string, more: object): object => ({
    _type: "step",
    name,
    threshold: 1,
    pubkeys: [keyOf(who).keyid],
    expected_command: [],
    expected_materials: [],
    ...more,
  });
  const closed = ["DISALLOW", "*"];
  const signed = {
    _type: "layout",
    expires: "2050-01-01T00:00:00Z",
    readme: "",
    inspect: [
      {
        _type: "inspection",
        name: "product",
        run: ["countersign:dir", "."],
        expected_materials: [],
        expected_products: [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], closed],
      },
    ],
    keys: Object.fromEntries(keys.map((key) => [(key as { readonly keyid: string }).keyid, key])),
    steps: [
      step("write", ada, { expected_products: [["CREATE", "app.js"], closed], ...write }),
      step("review", bob, {
        expected_materials: [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], closed],
        expected_products: [["MATCH", "*", "WITH", "MATERIALS", "FROM", "review"], closed],
      }),
    ],
  };
  stage.write("root.layout", JSON.stringify({ signatures: [], signed }));
  expect(await layout("sign", "../root.layout", "-k", owner.secret, "-q")).toMatchObject({ code: 0 });
}

function verify(...more: readonly string[]): Promise<Outcome> {
  const key = ["--layout", "../root.layout", "--key", owner.public, "--link-dir", "../links"];
  return layout("verify", ...key, ...stage.trust, ...more);
}

function links(): readonly string[] {
  return readdirSync(stage.path("links")).toSorted();
}

beforeAll(async () => {
  stage = await setStage();
  owner = stage.makeKey("owner");
  work = stage.path("work");
  mkdirSync(work);
  mkdirSync(stage.path("links"));
  writeFileSync(join(work, "app.js"), "code");
  await makeLayout();
});
afterAll(() => stage.close());

describe("a chain whose functionaries are Sigstore identities", () => {
  test("its links are bundles, named after the identity", async () => {
    const made = await carryOut("write", ada, "-p", "app.js", "--json");
    expect(made).toMatchObject({ code: 0 });
    const { keyid } = keyOf(ada);
    expect(parsed(made)).toMatchObject({ schema: "countersign.link/v1", step: "write", keyid, products: 1 });
    expect(await carryOut("review", bob, "-m", "app.js", "-p", "app.js", "-q")).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(links()).toEqual([`review.${keyOf(bob).keyid.slice(0, 8)}.link`, `write.${keyid.slice(0, 8)}.link`]);
    const bundle = JSON.parse(readFileSync(stage.path(`links/${links()[1]}`), "utf8")) as object;
    expect(bundle).toMatchObject({ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json" });
  });

  test("verifies offline, and the report says who signed and which log saw it", async () => {
    const outcome = await verify("--json");
    expect(outcome).toMatchObject({ code: 0 });
    const proved = {
      signer: { kind: "certificate", identity: { type: "email", value: ada }, issuer: stage.sigstore.url },
      logs: [{ proof: "inclusion" }],
    };
    expect(parsed(outcome)).toMatchObject({
      verdict: "allowed",
      layout: {
        steps: [{ name: "write", functionaries: [{ keyid: keyOf(ada).keyid, evidence: "link", proved }] }, {}],
      },
      claims: { layout: { steps: [{ functionaries: [{ identity: { value: ada } }] }, {}] } },
    });
  });

  test("show names the identities, and init proposes a layout with them", async () => {
    const { stdout } = await layout("show", "../root.layout");
    expect(stdout).toContain(`Sigstore: "${ada}" vouched for by "${stage.sigstore.url}"`);
    const files = links().map((name) => `../links/${name}`);
    expect((await layout("show", files[1] ?? "")).stdout).toMatch(
      new RegExp(`^UNVERIFIED link, as a DSSE envelope\n  signed by ${keyOf(ada).keyid}\n  step      write\n`),
    );
    expect(await layout("init", ...files, "--product", ".", "-o", "../proposed.layout")).toMatchObject({ code: 0 });
    expect(await layout("sign", "../proposed.layout", "-k", owner.secret)).toMatchObject({ code: 0 });
    const argv = ["--layout", "../proposed.layout", "--key", owner.public, "--link-dir", "../links", ...stage.trust];
    expect(await layout("verify", ...argv)).toMatchObject({ code: 0 });
  });

  test("match-products compares with a link by an identity", async () => {
    const argv = [
      "match-products",
      `../links/${links()[1]}`,
      "--certificate-oidc-issuer",
      stage.sigstore.url,
      ...stage.trust,
    ];
    expect(await layout(...argv, "--certificate-identity", ada)).toMatchObject({ code: 0 });
    expect(await layout(...argv, "--certificate-identity", bob)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_IDENTITY_MISMATCH") as string,
    });
    expect(await layout("match-products", `../links/${links()[1]}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_BUNDLE_UNTRUSTED") as string,
    });
  });

  test("is refused under another trust root", async () => {
    const argv = ["--layout", "../root.layout", "--key", owner.public, "--link-dir", "../links"];
    expect(await layout("verify", ...argv)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/INTOTO_THRESHOLD/) as string,
    });
  });

  test("is refused when somebody else performed a step, or another issuer is asked for", async () => {
    const [, file = ""] = links();
    const good = readFileSync(stage.path(`links/${file}`));
    rmSync(stage.path(`links/${file}`));
    await carryOut("write", "mallory@example.com", "-p", "app.js", "-q");
    const mallory = `write.${keyOf("mallory@example.com").keyid.slice(0, 8)}.link`;
    expect((await verify()).stderr).toContain("INTOTO_LINK_MISSING");
    writeFileSync(stage.path(`links/${file}`), readFileSync(stage.path(`links/${mallory}`)));
    expect((await verify()).stderr).toMatch(
      /another than the functionary signed.*mallory@example\.com.*INTOTO_THRESHOLD/,
    );
    rmSync(stage.path(`links/${mallory}`));
    writeFileSync(stage.path(`links/${file}`), good);
    const other = formatSigstoreKey({ identity: ada, issuer: "https://other.example" });
    await makeLayout({ keys: [{ ...other, keyid: keyOf(ada).keyid }, keyOf(bob)] });
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining("another than the") as string });
    await makeLayout();
    expect(await verify("-q")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("is refused where only a step of another name was signed", async () => {
    const [, file = ""] = links();
    const good = readFileSync(stage.path(`links/${file}`));
    await carryOut("prepare", ada, "-p", "app.js", "-q");
    const renamed = `prepare.${keyOf(ada).keyid.slice(0, 8)}.link`;
    writeFileSync(stage.path(`links/${file}`), readFileSync(stage.path(`links/${renamed}`)));
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining("INTOTO_LINK_NAME") as string });
    writeFileSync(stage.path(`links/${file}`), good);
    rmSync(stage.path(`links/${renamed}`));
  });
});

test("an identity may own the layout, and answer with a sublayout", async () => {
  await makeLayout();
  const argv = ["../root.layout", "--identity-token", await tokenOf("owner@example.com"), ...stage.signing];
  const signed = await layout("sign", ...argv, "--json");
  expect(signed).toMatchObject({ code: 0 });
  expect(parsed(signed)).toMatchObject({ type: "layout", keyids: [keyOf("owner@example.com").keyid] });
  const file = "../root.layout.sigstore.json";
  const asked = (who: string, ...more: readonly string[]): Promise<Outcome> => {
    const owned = ["--certificate-identity", who, "--certificate-oidc-issuer", stage.sigstore.url];
    return layout("verify", "--layout", file, ...owned, "--link-dir", "../links", ...stage.trust, ...more);
  };
  await carryOut("write", ada, "-p", "app.js", "-q");
  const allowed = await asked("owner@example.com", "--json");
  expect(allowed).toMatchObject({ code: 0 });
  expect(parsed(allowed)).toMatchObject({
    claims: {
      signer: { identity: { value: "owner@example.com" } },
      logs: [{}],
      layout: { owners: [{ kind: "certificate" }] },
    },
  });
  expect(await asked("mallory@example.com")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("INTOTO_IDENTITY_MISMATCH") as string,
  });
  const byKey = ["verify", "--layout", file, "--key", owner.public, "--link-dir", "../links", ...stage.trust];
  expect(await layout(...byKey)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("INTOTO_BUNDLE_UNTRUSTED") as string,
  });
  expect(await layout("verify", "--layout", file, "--certificate-identity", ada)).toMatchObject({ code: 2 });
  const plain = ["verify", "--layout", "../root.layout", "--certificate-identity", "owner@example.com"];
  expect(await layout(...plain, "--certificate-oidc-issuer", stage.sigstore.url)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("INTOTO_BUNDLE_NEEDED") as string,
  });

  // Ada answers the step with a layout of her own, of one step that she does.
  const inner = {
    _type: "layout",
    expires: "2050-01-01T00:00:00Z",
    readme: "",
    inspect: [],
    keys: { [keyOf(ada).keyid]: keyOf(ada) },
    steps: [
      {
        _type: "step",
        name: "type",
        threshold: 1,
        pubkeys: [keyOf(ada).keyid],
        expected_command: [],
        expected_materials: [],
        expected_products: [],
      },
    ],
  };
  stage.write("inner.layout", JSON.stringify({ signatures: [], signed: inner }));
  const id8 = keyOf(ada).keyid.slice(0, 8);
  const sign = [
    "../inner.layout",
    "--identity-token",
    await tokenOf(ada),
    ...stage.signing,
    "-o",
    `../links/write.${id8}.link`,
  ];
  expect(await layout("sign", ...sign, "-q")).toMatchObject({ code: 0 });
  mkdirSync(stage.path(`links/write.${id8}`));
  expect(await asked("owner@example.com")).toMatchObject({ code: 1 });
  await carryOut("type", ada, "-p", "app.js", "-q", "-d", `../links/write.${id8}`);
  expect(await asked("owner@example.com")).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("(sublayout)") as string,
  });
  rmSync(stage.path(`links/write.${id8}`), { recursive: true });
  rmSync(stage.path(`links/write.${id8}.link`));
  await carryOut("write", ada, "-p", "app.js", "-q");
});

test("attestations satisfy the steps of a layout that asks for them", async () => {
  const closed = ["DISALLOW", "*"];
  const predicateType = "https://in-toto.io/attestation/link/v0.3";
  const signed = {
    _type: "layout",
    expires: "2050-01-01T00:00:00Z",
    readme: "",
    inspect: [],
    keys: { [keyOf(ada).keyid]: keyOf(ada) },
    steps: [
      {
        _type: "step",
        name: "attest",
        expected_materials: [closed],
        expected_products: [["CREATE", "app.js"], closed],
        expectedPredicates: [
          { predicateType, functionaries: [keyOf(ada).keyid], expectedAttributes: ["command == []"] },
        ],
      },
    ],
  };
  stage.write("attested.layout", JSON.stringify({ signatures: [], signed }));
  expect(await layout("sign", "../attested.layout", "-k", owner.secret)).toMatchObject({ code: 0 });
  expect(await carryOut("attest", ada, "-p", "app.js", "--statement", "-q")).toMatchObject({ code: 0 });
  const file = `attest.${keyOf(ada).keyid.slice(0, 8)}.json`;
  expect(links()).toContain(file);
  const argv = ["--layout", "../attested.layout", "--key", owner.public, "--link-dir", "../links", ...stage.trust];
  expect(await layout("verify", ...argv)).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/attest +passed[^]*link\/v0\.3\n[^]*INTOTO_EXPERIMENTAL/) as string,
  });
  // The same file is an attestation for `countersign verify`.
  const who = ["--certificate-identity", ada, "--certificate-oidc-issuer", stage.sigstore.url];
  expect(
    await stage.run(["verify", join(work, "app.js"), "--bundle", stage.path(`links/${file}`), ...who, ...stage.trust]),
  ).toMatchObject({ code: 0 });
  expect(await carryOut("attest", ada, "--statement", "-q")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("INTOTO_STATEMENT_ARTIFACTS") as string,
  });
  expect(
    await layout("run", "-n", "key", "-k", owner.secret, "-p", "app.js", "--statement", "-d", "../links", "-q"),
  ).toMatchObject({ code: 0 });
  expect(links().filter((name) => name.startsWith("key."))).toHaveLength(1);
  for (const name of [file, ...links().filter((each) => each.startsWith("key."))]) rmSync(stage.path(`links/${name}`));
});

describe("a step of several commands", () => {
  const as = async (email: string): Promise<readonly string[]> => [
    "--identity-token",
    await tokenOf(email),
    ...stage.signing,
    "-d",
    "../links",
  ];
  const unfinished = (): readonly string[] => links().filter((name) => name.endsWith(".link-unfinished"));

  test("is begun and ended by an identity; both are bundles with log entries", async () => {
    const name = `.write.${keyOf(ada).keyid.slice(0, 8)}.link-unfinished`;
    expect(await layout("record", "start", "-n", "write", ...(await as(ada)), "-m", "app.js", "-q")).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(unfinished()).toEqual([name]);
    const ended = await layout("record", "stop", "-n", "write", ...(await as(ada)), "-p", "app.js", "--json");
    expect(ended).toMatchObject({ code: 0 });
    expect(parsed(ended)).toMatchObject({ keyid: keyOf(ada).keyid, materials: 1, products: 1 });
    expect(unfinished()).toEqual([]);
    await makeLayout({
      write: { expected_materials: [["ALLOW", "app.js"]], expected_products: [["ALLOW", "app.js"]] },
    });
    expect(await verify("-q")).toEqual({ code: 0, stdout: "", stderr: "" });
    await makeLayout();
  });

  test("is not ended by another, nor from a file that was changed, nor without a start", async () => {
    const start = ["record", "start", "-n", "odd", ...(await as(ada)), "-m", "app.js", "-q"];
    expect(await layout(...start)).toMatchObject({ code: 0 });
    const before = links();
    const [name = ""] = unfinished();
    const stop = async (email: string, step = "odd"): Promise<Outcome> =>
      layout("record", "stop", "-n", step, ...(await as(email)), "-p", "app.js");
    expect(await stop(bob)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_IDENTITY_MISMATCH") as string,
    });
    expect(await stop(ada, "other")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("INTOTO_RECORD_NOT_STARTED") as string,
    });
    const good = readFileSync(stage.path(`links/${name}`), "utf8");
    const payload = /"payload":"([^"]*)"/.exec(good)?.[1] ?? "";
    const said = Buffer.from(payload, "base64").toString("utf8");
    const changed = Buffer.from(said.replace("app.js", "app.ts")).toString("base64");
    writeFileSync(stage.path(`links/${name}`), good.replace(payload, changed));
    expect(await stop(ada)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTOTO_BUNDLE_UNTRUSTED") as string,
    });
    expect(links()).toEqual(before);
    rmSync(stage.path(`links/${name}`));
  });
});

test("signing as an identity passes on the exit code of the command, which is then refused", async () => {
  const argv = ["-p", "app.js", "-q", "--", process.execPath, "-e", "process.exit(7)"];
  expect(await carryOut("write", ada, ...argv)).toMatchObject({ code: 7 });
  expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining("INTOTO_STEP_FAILED") as string });
});
