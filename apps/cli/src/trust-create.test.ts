import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatPem } from "@countersign/core";
import { loadInstance } from "@countersign/pipeline";
import type { Outcome } from "./scenario.ts";
import { parsed, setStage, type Stage } from "./stage.ts";

let stage: Stage;
const started = "start-time=2026-01-01T00:00:00Z";
beforeAll(async () => {
  stage = await setStage();
  const { ca, tsa, ctLog, rekor, rekorV1 } = stage.sigstore;
  const chain = (ders: readonly Uint8Array[]): string => ders.map((der) => formatPem("CERTIFICATE", der)).join("");
  stage.write("fulcio.pem", chain(ca.chain));
  stage.write("tsa.pem", chain(tsa.chain));
  stage.write("ctfe.pub", formatPem("PUBLIC KEY", ctLog.key.spki));
  stage.write("rekor.pub", formatPem("PUBLIC KEY", rekor.key.spki));
  stage.write("rekor1.pub", formatPem("PUBLIC KEY", rekorV1.key.spki));
});
afterAll(() => stage.close());

function parts(): Record<"fulcio" | "ctfe" | "rekor" | "rekor1" | "tsa" | "oidc-provider", string> {
  const { url } = stage.sigstore;
  const file = (name: string): string => stage.path(name);
  return {
    fulcio: `url=${url},certificate-chain=${file("fulcio.pem")},operator=ada`,
    ctfe: `url=http://ctfe.local,public-key=${file("ctfe.pub")},${started},operator=ada`,
    rekor: `url=${url},public-key=${file("rekor.pub")},api-version=2,origin=log.rekor.local,${started},operator=ada`,
    rekor1: `url=http://rekor.local,public-key=${file("rekor1.pub")},api-version=1,${started},operator=ada`,
    tsa: `url=${url}/api/v1/timestamp,certificate-chain=${file("tsa.pem")},operator=ada`,
    "oidc-provider": `url=${url},api-version=1`,
  };
}

function create(changes: Partial<ReturnType<typeof parts>>, more: readonly string[] = []): Promise<Outcome> {
  const flags = Object.entries({ ...parts(), ...changes }).flatMap(([name, text]) => [
    `--${name.replace("1", "")}`,
    text,
  ]);
  return stage.run(["trust", "create", ...flags, ...more]);
}

const outputs = (name: string): string[] => [
  "-o",
  stage.path(`${name}.json`),
  "--output-signing-config",
  stage.path(`${name}-config.json`),
];
const verify = (file: string, root: string): Promise<Outcome> =>
  stage.run(["verify", file, "--trusted-root", root, ...stage.expected]);
const codeOf = ({ code, stderr }: Outcome): string => `${code} ${/\[([A-Z]+_[A-Z0-9_]+)\]/.exec(stderr)?.[1] ?? ""}`;

describe("trust create", () => {
  test.each(["0.1", "0.2"])("what it makes verifies and signs, version %s", async (version) => {
    const made = await create({}, [...outputs(`v${version}`), "--root-version", version]);
    expect([made.code, made.stderr]).toEqual([
      0,
      expect.stringContaining(`written: ${stage.path(`v${version}.json`)}`),
    ]);
    const old = await stage.sign(`old-${version}.tgz`);
    const root = stage.path(`v${version}.json`);
    expect((await verify(old, root)).code).toBe(0);
    const both = ["--trusted-root", root, ...stage.expected, "--second-opinion"];
    expect((await stage.run(["verify", old, ...both])).code).toBe(0);
    const fresh = stage.write(`new-${version}.tgz`, "fresh");
    const config = ["--signing-config", stage.path(`v${version}-config.json`), "--trusted-root", root];
    const token = ["--identity-token", stage.path("token.jwt")];
    expect((await stage.run(["sign", fresh, ...config, ...token])).code).toBe(0);
    expect((await verify(fresh, stage.path("sigstore/trusted_root.json"))).code).toBe(0);
    expect(codeOf(await stage.run(["trust", "check", root]))).toBe("0 ");
  });

  test("cosign's words for a log: one with an origin is of version 2", async () => {
    const rekor = parts().rekor.replace(",api-version=2", "");
    expect((await create({ rekor }, outputs("as-cosign"))).code).toBe(0);
    expect((await create({}, outputs("as-here"))).code).toBe(0);
    const text = (name: string): string => readFileSync(stage.path(name), "utf8");
    expect(text("as-cosign.json")).toBe(text("as-here.json"));
  });

  test("a signing config alone, of services whose keys are elsewhere, as by cosign signing-config create", async () => {
    const { url } = stage.sigstore;
    const service = (more: string): string => `url=${url}${more},${started},operator=ada`;
    const services = [
      "--fulcio",
      service(",api-version=1"),
      "--rekor",
      service(",api-version=2"),
      "--rekor-config",
      "ANY",
    ];
    const tsa = ["--tsa", service("/api/v1/timestamp,api-version=1"), "--tsa-config", "EXACT:1"];
    const config = stage.path("alone.json");
    const make = ["trust", "create", ...services, ...tsa, "--output-signing-config", config];
    expect(await stage.run(make)).toEqual({ code: 0, stdout: "", stderr: `written: ${config}\n` });
    const file = stage.write("alone.tgz", "x");
    const signing = ["--signing-config", config, ...stage.trust, "--identity-token", stage.path("token.jwt")];
    expect((await stage.run(["sign", file, ...signing])).code).toBe(0);
    expect(parsed(await stage.run([...make, "--json"]))).toMatchObject({ files: [config] });
    expect(codeOf(await stage.run([...make, "-o", stage.path("root-too.json")]))).toBe("2 CLI_OPTION_VALUE");
    expect(codeOf(await stage.run([...make, "--ctfe", service("")]))).toBe("2 CLI_OPTION_VALUE");
    const alone = ["trust", "create", "--rekor", service(""), "--output-signing-config", config];
    expect(codeOf(await stage.run(alone))).toBe("2 CLI_OPTION_VALUE");
  });

  test("without a place for it the root goes to standard output, and without a part nothing verifies", async () => {
    const { code, stdout } = await create({});
    expect([code, (JSON.parse(stdout) as { tlogs: unknown[] }).tlogs.length]).toEqual([0, 2]);
    const foreign = stage.makeKey("foreign").public;
    const file = await stage.sign("foreign.tgz");
    const ctfe = `url=http://ctfe.local,public-key=${foreign},${started}`;
    expect((await create({ ctfe }, outputs("foreign"))).code).toBe(0);
    expect((await verify(file, stage.path("foreign.json"))).code).toBe(1);
  });

  test("what is wrong with a part is said, and nothing is written", async () => {
    const key = stage.makeKey("secret").secret;
    const { fulcio, rekor, tsa } = parts();
    const cases: readonly [Partial<ReturnType<typeof parts>>, string][] = [
      [{ rekor: rekor.replace(`,${started}`, "") }, "2 CLI_OPTION_VALUE"],
      [{ rekor: rekor.replace(/,api-version=2|,origin=[^,]*/g, "") }, "2 CLI_OPTION_VALUE"],
      [{ rekor: rekor.replace("api-version=2", "api-version=3") }, "2 CLI_OPTION_VALUE"],
      [{ fulcio: `${fulcio},api-version=2` }, "2 CLI_OPTION_VALUE"],
      [{ rekor: rekor.replace("2026-01-01T00:00:00Z", "yesterday") }, "2 CLI_OPTION_VALUE"],
      [{ rekor: `${rekor},colour=red` }, "2 CLI_OPTION_VALUE"],
      [{ rekor: `${rekor},api-version=2` }, "2 CLI_OPTION_VALUE"],
      [{ rekor: rekor.replace(/origin=[^,]*/, "origin=a b") }, "2 CLI_OPTION_VALUE"],
      [{ fulcio: fulcio.replace(/url=[^,]*/, "url=ftp://x") }, "2 CLI_OPTION_VALUE"],
      [{ fulcio: fulcio.replace("operator=ada", "operator=") }, "2 CLI_OPTION_VALUE"],
      [{ fulcio: fulcio.replace("fulcio.pem", "rekor.pub") }, "2 CLI_OPTION_VALUE"],
      [{ fulcio: fulcio.replace("fulcio.pem", "absent.pem") }, "2 CLI_FILE_MISSING"],
      [{ fulcio: fulcio.replace("fulcio.pem", "tsa.pem") }, "1 SIGSTORE_CERTIFICATE_CHAIN"],
      [{ fulcio: `${fulcio},start-time=2000-01-01T00:00:00Z` }, "2 SIGSTORE_TRUST_PART"],
      [{ tsa: tsa.replace("tsa.pem", "fulcio.pem") }, "1 SIGSTORE_TIMESTAMP_AUTHORITY"],
      [{ ctfe: `url=http://ctfe.local,public-key=${key},${started}` }, "1 CORE_KEY_MALFORMED"],
    ];
    for (const [change, expected] of cases) {
      const outcome = await create(change, outputs("never"));
      expect(codeOf(outcome), JSON.stringify(change)).toBe(expected);
      expect(outcome.stderr).not.toContain(readFileSync(key, "utf8").split("\n")[1] ?? "");
    }
    expect([existsSync(stage.path("never.json")), existsSync(stage.path("never-config.json"))]).toEqual([false, false]);
  });

  test("a signing config that nobody could sign with is not made, nor the root beside it", async () => {
    const flags = [...outputs("late"), "--rekor-config", "EXACT:2"];
    expect(codeOf(await create({}, flags))).toBe("2 SIGSTORE_SERVICE_TOO_FEW");
    expect(codeOf(await create({}, [...outputs("late"), "--tsa-config", "SOME"]))).toBe("2 CLI_OPTION_VALUE");
    expect(existsSync(stage.path("late.json"))).toBe(false);
  });

  test("inputs and private keys are not overwritten, nor the config that the environment has sign read", async () => {
    const env = { COUNTERSIGN_SIGNING_CONFIG: stage.write("mine.json", "mine") };
    const flags = Object.entries(parts()).flatMap(([name, text]) => [`--${name.replace("1", "")}`, text]);
    expect((await stage.run(["trust", "create", ...flags, "-o", stage.path("env.json")], { env })).code).toBe(0);
    expect(readFileSync(stage.path("mine.json"), "utf8")).toBe("mine");
    const before = readFileSync(stage.path("fulcio.pem"), "utf8");
    expect(codeOf(await create({}, ["-o", stage.path("fulcio.pem")]))).toBe("2 CLI_OUTPUT_SECRET");
    expect(codeOf(await create({}, ["-o", stage.makeKey("mine").secret]))).toBe("2 CLI_OUTPUT_SECRET");
    const one = stage.path("one.json");
    expect(codeOf(await create({}, ["-o", one, "--output-signing-config", one]))).toBe("2 CLI_OPTION_CONFLICT");
    expect(codeOf(await create({}, ["--json"]))).toBe("2 CLI_OPTION_CONFLICT");
    expect(readFileSync(stage.path("fulcio.pem"), "utf8")).toBe(before);
  });

  test("--json names the files and what is odd", async () => {
    const rekor1 = `${parts().rekor1.replace("2026", "2020")},end-time=2020-02-01T00:00:00Z`;
    const outcome = await create({ rekor1 }, ["-o", stage.path("odd.json"), "--json"]);
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.trust-create/v1",
      files: [stage.path("odd.json")],
      findings: [
        { level: "warn", code: "SIGSTORE_TRUST_GAP" },
        { level: "warn", code: "SIGSTORE_TRUST_OPERATOR_UNSAID" },
      ],
    });
  });
});

describe("several roots", () => {
  const instances = async (): Promise<string> => {
    const roots = await Promise.all((["public-good", "github"] as const).map((name) => loadInstance(name)));
    return roots.map(({ trustedRoot }) => `${JSON.stringify(JSON.parse(trustedRoot))}\n`).join("");
  };

  test("as gh attestation trusted-root writes them, one a line", async () => {
    const own = JSON.stringify(stage.sigstore.trustedRoot);
    const lines = stage.write("roots.jsonl", `${await instances()}${own}\n`);
    const file = await stage.sign("lines.tgz");
    expect((await verify(file, lines)).code).toBe(0);
    expect((await verify(file, stage.write("others.jsonl", await instances()))).code).toBe(1);
    const shown = await stage.run(["trust", "show", lines]);
    expect(shown.stdout).toMatch(/root 3 of 3\n/);
    writeFileSync(lines, `${await instances()}${own.slice(0, -9)}`);
    expect(codeOf(await verify(file, lines))).toBe("1 SIGSTORE_TRUST_ROOT_LINE");
    expect(codeOf(await stage.run(["trust", "check", lines]))).toBe("1 SIGSTORE_TRUST_ROOT_LINE");
  });

  test("version 0.2 with four bytes of a log's id, beside a key of tomorrow", async () => {
    const root = structuredClone(stage.sigstore.trustedRoot) as Record<"tlogs", Record<string, unknown>[]>;
    const [one, two] = root.tlogs.map((log) => ({
      ...log,
      checkpointKeyId: { keyId: shortId(log) },
      logId: undefined,
    }));
    const publicKey = { ...(root.tlogs[0]!["publicKey"] as object), keyDetails: "PKIX_TOMORROW" };
    const mediaType = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
    const path = stage.write("short.json", JSON.stringify({ ...root, mediaType, tlogs: [{ ...one, publicKey }, two] }));
    const outcome = await verify(await stage.sign("short.tgz"), path);
    expect([outcome.code, codeOf(outcome)]).toEqual([0, "0 SIGSTORE_TRUST_ROOT_LOG_SKIPPED"]);
    expect((await stage.run(["trust", "check", path])).stderr).toContain("PKIX_TOMORROW");
  });

  test("in files of their own", async () => {
    const file = await stage.sign("files.tgz");
    const others = ["--trusted-root", stage.write("instances.jsonl", await instances())];
    const { code } = await stage.run(["verify", file, ...others, ...stage.trust, ...stage.expected]);
    expect(code).toBe(0);
  });
});

describe("trust show and trust check", () => {
  test("what is built in, in words and as JSON", async () => {
    const { code, stdout } = await stage.run(["trust", "show"]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^public-good, embedded from .+, \d+ days old\n {2}certificate authorities\n/),
    ]);
    expect(stdout).toContain("https://rekor.sigstore.dev, from 2021-01-12");
    const shown = parsed(await stage.run(["trust", "show", "--instance", "github", "--json"]));
    expect(shown).toMatchObject({
      schema: "countersign.trust/v1",
      files: [
        { roots: [{ logs: [], ctLogs: [] }], sources: [{ source: expect.stringContaining("github") as string }] },
      ],
    });
    expect((await stage.run(["trust", "show", "--staging"])).stdout).toContain("sigstage.dev");
  });

  test("the roots that are built in are sound", async () => {
    for (const name of ["public-good", "staging", "github"])
      expect(
        (await stage.run(["trust", "check", "--instance", name], { now: new Date("2026-11-25T00:00:00Z") })).code,
        name,
      ).toBe(0);
  });

  test("problems with codes, fixes and the exit code; a file's text does not steer the terminal", async () => {
    const root = structuredClone(stage.sigstore.trustedRoot) as Record<"tlogs" | "ctlogs", Record<string, unknown>[]>;
    root.tlogs[0]!["baseUrl"] = "http://rekor.local\u001b[31m";
    root.tlogs[1]!["surprise"] = 1;
    root.ctlogs = [];
    const file = stage.write("odd-root.json", JSON.stringify(root));
    const outcome = await stage.run(["trust", "check", file, "--log-entries", "2"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(
      /error: .*CT logs, expected 1 operators, got 0 \[SIGSTORE_TRUST_THRESHOLD\]\ncountersign: hint: /,
    );
    expect(outcome.stderr).toContain("warning: the trust root has a member that is not known here");
    const { stdout } = await stage.run(["trust", "show", file]);
    expect([stdout, outcome.stderr].join("")).not.toContain("\u001b");
    const json = parsed(await stage.run(["trust", "check", file, "--json", "--quiet"]));
    expect(json).toMatchObject({
      schema: "countersign.trust-check/v1",
      verdict: "failed",
      sources: [{ source: file, ageDays: 0 }],
    });
  });

  test("without a file it is the one that verify goes by", async () => {
    const env = { COUNTERSIGN_TRUSTED_ROOT: stage.path("sigstore/trusted_root.json") };
    expect((await stage.run(["trust", "show"], { env })).stdout).toContain("log.rekor.local");
    expect(parsed(await stage.run(["trust", "check", "--json"], { env }))).toMatchObject({
      sources: [{ source: env.COUNTERSIGN_TRUSTED_ROOT }],
    });
  });

  test("one operator with two logs is one", async () => {
    const name = stage.path("ada.json");
    expect((await create({}, ["-o", name, "--root-version", "0.2"])).code).toBe(0);
    expect(codeOf(await stage.run(["trust", "check", name, "--log-entries", "2"]))).toBe("1 SIGSTORE_TRUST_THRESHOLD");
    const { rekor } = parts();
    expect(
      (await create({ rekor: rekor.replace("operator=ada", "operator=bob") }, ["-o", name, "--root-version", "0.2"]))
        .code,
    ).toBe(0);
    expect(codeOf(await stage.run(["trust", "check", name, "--log-entries", "2"]))).toBe("0 ");
  });

  test("a root that is too old, cannot be read or is not there", async () => {
    const check = async (...argv: string[]): Promise<string> => codeOf(await stage.run(["trust", "check", ...argv]));
    expect(await check("--max-trust-age", "0", "--instance", "staging")).toBe("1 PIPELINE_TRUST_STALE");
    const root = structuredClone(stage.sigstore.trustedRoot) as { tlogs: { publicKey: { validFor: object } }[] };
    root.tlogs[0]!.publicKey.validFor = {};
    expect(await check(stage.write("startless.json", JSON.stringify(root)))).toBe("1 SIGSTORE_TRUST_ROOT_WINDOW");
    expect(await check(stage.write("none.json", "{}"))).toBe("1 SIGSTORE_TRUST_ROOT_MALFORMED");
    expect(await check(stage.path("absent.json"))).toBe("2 CLI_FILE_MISSING");
    expect(await check("--log-entries", "many")).toBe("2 CLI_USAGE");
  });
});

function shortId({ logId }: Record<string, unknown>): string {
  return Buffer.from((logId as { keyId: string }).keyId, "base64")
    .subarray(0, 4)
    .toString("base64");
}
