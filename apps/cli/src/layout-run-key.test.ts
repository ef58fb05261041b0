import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setRunStage, type RunStage } from "./layout-stage.ts";

let stage: RunStage;
let ada: RunStage["ada"];
let bob: RunStage["bob"];
beforeAll(() => {
  stage = setRunStage();
  ({ ada, bob } = stage);
});
afterAll(() => stage.close());

describe("a functionary's certificate", () => {
  const openssl = (...argv: readonly string[]): void => {
    const { status, stderr } = spawnSync("openssl", argv, { cwd: stage.keys, encoding: "utf8" });
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
  };

  test("goes with the link, and a layout that knows the authority takes it", async () => {
    const owner = stage.makeKey("owner");
    const ca = stage.makeKey("ca");
    openssl("req", "-x509", "-key", ca.secret, "-subj", "/CN=root", "-days", "30", "-out", "root.crt");
    const issued = ["-CA", "root.crt", "-CAkey", ca.secret, "-subj", "/CN=ada", "-days", "30", "-out", "ada.crt"];
    openssl("req", "-x509", "-key", ada.secret, ...issued);
    const run = ["run", "-n", "certified", "-p", "src", "-d", "links", "-q", "--certificate", "../keys/ada.crt"];
    expect(await stage.layout([...run, "-k", ada.secret])).toMatchObject({ code: 0, stderr: "" });
    expect(await stage.layout([...run, "-k", bob.secret])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("a certificate of the key that signs") as string,
    });
    expect(await stage.layout([...run, "-k", ada.secret, "--dsse"])).toMatchObject({ code: 2 });
    const constraint = { common_name: "ada", dns_names: [], emails: [], organizations: [], roots: ["root"], uris: [] };
    const signed = {
      _type: "layout",
      expires: "2050-01-01T00:00:00Z",
      readme: "",
      keys: {},
      inspect: [],
      rootcas: { root: { keyval: { certificate: stage.read("../keys/root.crt") } } },
      steps: [
        {
          _type: "step",
          name: "certified",
          pubkeys: [],
          threshold: 1,
          expected_command: [],
          expected_materials: [],
          expected_products: [],
          cert_constraints: [constraint],
        },
      ],
    };
    stage.write("../keys/certified.layout", JSON.stringify({ signatures: [], signed }));
    expect(await stage.layout(["sign", "../keys/certified.layout", "-k", owner.secret, "-q"])).toMatchObject({
      code: 0,
    });
    const verify = [
      "verify",
      "--layout",
      "../keys/certified.layout",
      "--key",
      owner.public,
      "--link-dir",
      "links",
      "-q",
    ];
    expect(await stage.layout(verify)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("keys that the reference has encrypted", () => {
  const passphrase = "correct horse";
  const pem = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
    format: "pem",
    type: "pkcs1",
    cipher: "aes-256-cbc",
    passphrase,
  });

  test("sign with their password", async () => {
    stage.write("../keys/old.pem", pem as string);
    const argv = ["run", "-n", "old", "-k", "../keys/old.pem", "-q"];
    expect(await stage.layout(argv)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("SIGSTORE_KEY_PASSWORD_NEEDED") as string,
    });
    expect(await stage.layout(argv, { env: { COUNTERSIGN_PASSWORD: "wrong" } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("INTOTO_KEY_PASSWORD") as string,
    });
    expect(stage.list().filter((name) => name.startsWith("old."))).toEqual([]);
    expect(await stage.layout(argv, { env: { COUNTERSIGN_PASSWORD: passphrase } })).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(stage.list().filter((name) => name.startsWith("old."))).toHaveLength(1);
  });
});
