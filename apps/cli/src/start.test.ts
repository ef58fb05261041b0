import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatMetadata, parseSignerFile, signMetadata } from "@countersign/in-toto";
import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { pushImage, startRegistry } from "@countersign/testkit";
import { builtMain, runBuilt } from "./scenario.ts";
import { setStage, textOf, type Stage } from "./stage.ts";

const preload = fileURLToPath(new URL("chunks.preload.ts", import.meta.url));
const sampler = fileURLToPath(new URL("../../../scripts/packages-sample.ts", import.meta.url));

/** What only the code of one part has in it: the codes of its errors, or words of its protocol. */
const marks = {
  "in-toto": /\bINTOTO_[A-Z]/,
  "key services": /x-vault-token/i,
  oci: /\bOCI_[A-Z]/,
  policy: /\bPOLICY_[A-Z]/,
  sigstore: /\bSIGSTORE_BUNDLE_[A-Z]/,
  tlog: /\bTLOG_[A-Z]/,
  tuf: /\bTUF_[A-Z]/,
  yaml: /tag:yaml\.org/,
} as const;

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

function partsIn(code: string): readonly string[] {
  return Object.entries(marks).flatMap(([part, mark]) => (mark.test(code) ? [part] : []));
}

/** What a command loads when it says yes: how many bytes, of which parts, and how many functions that are compiled at once. */
async function loadedBy(
  argv: readonly string[],
): Promise<{ readonly bytes: number; readonly parts: readonly string[]; readonly eager: number }> {
  const list = stage.path("chunks.json");
  const cwd = dirname(list);
  expect(await runBuilt(argv, { preload, cwd, env: { CHUNKS_FILE: list } })).toMatchObject({ code: 0 });
  const files = JSON.parse(textOf(list)) as readonly string[];
  expect(files).toContain(builtMain);
  const code = files.map((file) => readFileSync(file, "utf8")).join("\n");
  return {
    bytes: Buffer.byteLength(code),
    parts: partsIn(code),
    eager: code.match(/[,\s]\w+=\((?:async )?function/g)?.length ?? 0,
  };
}

/** One step without artifacts, and the owner's key. */
async function layChain(): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signer = parseSignerFile(Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })));
  const { keyid, json } = signer.key;
  const [expected_materials, expected_products, expected_command] = [[["DISALLOW", "*"]], [["DISALLOW", "*"]], []];
  const rules = { expected_materials, expected_products, expected_command };
  const steps = [{ _type: "step", name: "make", pubkeys: [keyid], threshold: 1, ...rules }];
  const layout = {
    _type: "layout",
    expires: "2099-01-01T00:00:00Z",
    readme: "",
    keys: { [keyid]: json },
    steps,
    inspect: [],
  };
  const link = {
    _type: "link",
    name: "make",
    command: [],
    materials: {},
    products: {},
    byproducts: {},
    environment: {},
  };
  const write = async (name: string, signed: typeof layout | typeof link): Promise<void> =>
    writeFileSync(stage.path(name), formatMetadata(await signMetadata(signed, [signer], "metablock")));
  await write("root.layout", layout);
  await write(`make.${keyid.slice(0, 8)}.link`, link);
  writeFileSync(stage.path("owner.pub"), publicKey.export({ type: "spki", format: "pem" }));
}

describe("what starting costs", () => {
  test("the marks are those of the code that is built", () => {
    const code = globSync(join(dirname(builtMain), "chunks/*.js")).map((file) => readFileSync(file, "utf8"));
    expect(partsIn(code.join("\n"))).toEqual(Object.keys(marks));
  });

  test("verify: its bytes are counted, and no other part comes along", async () => {
    const file = await stage.sign("release.tgz");
    const { bytes, parts, eager } = await loadedBy(["verify", file, ...stage.trust, ...stage.expected]);
    expect(parts).toEqual(["policy", "sigstore", "tlog"]);
    // build-eager.ts: what verifying runs is compiled at once, and is in the compile cache.
    expect(eager).toBeGreaterThan(350);
    expect(bytes).toBeLessThan(300_000);
  });

  test("layout verify: likewise", async () => {
    await layChain();
    const { bytes, parts, eager } = await loadedBy([
      "layout",
      "verify",
      "--layout",
      "root.layout",
      "--key",
      "owner.pub",
    ]);
    expect(parts).toEqual(["in-toto"]);
    expect(eager).toBeGreaterThan(350);
    expect(bytes).toBeLessThan(335_000);
  });

  test("update refresh: likewise", async () => {
    const folder = dirname(stage.path("repo"));
    execFileSync(process.execPath, ["--conditions=@countersign/source", sampler, folder]);
    const metadata = join(folder, "repo/public/metadata");
    const source = ["--store", stage.path("store"), "--mirror", metadata];
    expect(await stage.run(["update", "trust", join(metadata, "1.root.json"), ...source])).toMatchObject({ code: 0 });
    const { bytes, parts, eager } = await loadedBy(["update", "refresh", ...source]);
    expect(parts).toEqual(["tuf"]);
    expect(eager).toBeGreaterThan(250);
    expect(bytes).toBeLessThan(290_000);
  });

  test("image verify: likewise, and nothing of layouts", async () => {
    const server = await startRegistry();
    try {
      const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
      const digest = await pushImage(registry, { registry: server.host, repository: "app" }, "app", "1");
      const image = `${server.host}/app@${digest}`;
      const keyless = [...stage.signing, "--identity-token", stage.path("token.jwt"), "--yes"];
      expect(await stage.run(["image", "sign", image, ...keyless])).toMatchObject({ code: 0 });
      const { bytes, parts, eager } = await loadedBy(["image", "verify", image, ...stage.trust, ...stage.expected]);
      expect(parts).toEqual(["oci", "policy", "sigstore", "tlog"]);
      expect(eager).toBeGreaterThan(350);
      expect(bytes).toBeLessThan(370_000);
    } finally {
      await server.close();
    }
  });
});
