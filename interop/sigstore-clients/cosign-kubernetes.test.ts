import { mkdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubernetesProtocol, startKeyService, type KeyService } from "@countersign/testkit";
import { buildCosign } from "./cosign.ts";
import { withProtobuf } from "./kubernetes-protobuf.ts";
import { openLab, type Lab, type Ran } from "./lab.ts";

/** See cosign.test.ts. The API server is ours: it holds cosign's requests, made by client-go, to the documentation as it does our own. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "cosign";
const cosign = isAsked ? buildCosign() : { missing: "not asked for", remove: (): void => {} };
if ("missing" in cosign) process.stdout.write(`skipped: cosign and Secrets of Kubernetes: ${cosign.missing}\n`);

describe.skipIf("missing" in cosign)("cosign and we, about keys in Secrets of Kubernetes", { timeout: 120_000 }, () => {
  let lab: Lab;
  let server: KeyService;
  beforeAll(async () => {
    lab = await openLab();
    // Over plain http client-go shows no token.
    server = await startKeyService(withProtobuf(kubernetesProtocol({ secrets: new Map() })));
    const named = (name: string, member: string, value: object): object => ({ name, [member]: value });
    mkdirSync(lab.path(".kube"));
    lab.write(
      ".kube/config",
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "main",
        contexts: [named("main", "context", { cluster: "c", user: "u" })],
        clusters: [named("c", "cluster", { server: server.url })],
        users: [named("u", "user", {})],
      }),
    );
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
    cosign.remove();
  });

  const theirs = (...argv: readonly string[]): Promise<Ran> =>
    lab.run("program" in cosign ? cosign.program : "", ...argv);

  test.each([
    ["cosign", "cosign.pub", () => theirs("generate-key-pair", "k8s://build/theirs"), "k8s://build/theirs"],
    [
      "we",
      "ours.pub",
      () => lab.ours("key", "generate", "k8s://build/ours", "-o", lab.path("ours")),
      "k8s://build/ours",
    ],
  ])("what %s put there, both sign and verify with", async (_, file, make, reference) => {
    expect(await make()).toMatchObject({ code: 0 });

    const shown = readFileSync(lab.path(file), "utf8");
    expect(await lab.ours("key", "public", reference)).toEqual({ code: 0, text: shown });
    expect((await theirs("public-key", "--key", reference)).text.trim()).toBe(shown.trim());
    const key = ["--key", reference];
    for (const [sign, name] of [
      [(app: string, bundle: string) => lab.ours("sign", app, "--bundle", bundle, ...key, ...lab.signing), "a"],
      [(app: string, bundle: string) => theirs("sign-blob", app, "--bundle", bundle, ...key, ...lab.signing), "b"],
    ] as const) {
      const [app, bundle] = [lab.write("app", name), lab.path(`${name}.json`)];
      expect(await sign(app, bundle)).toMatchObject({ code: 0 });
      expect(await theirs("verify-blob", app, "--bundle", bundle, ...key, ...lab.trust)).toMatchObject({ code: 0 });
      expect(await lab.ours("verify", app, "--bundle", bundle, ...key, ...lab.trust)).toMatchObject({ code: 0 });
    }
  });
});
