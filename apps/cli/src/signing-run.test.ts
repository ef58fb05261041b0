import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { formatSigstoreKey } from "@countersign/in-toto";
import { linkFileName } from "@countersign/in-toto/node";
import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import type { LogWatch } from "@countersign/sigstore";
import { pushImage, startRegistry } from "@countersign/testkit";
import { signingError } from "./signing-errors.ts";
import { reportFailure } from "./failure.ts";
import { builtMain, makeFolder, runBuilt, runProgram } from "./scenario.ts";
import { newBundle, SigningRun, type NewBundle } from "./signing-run.ts";
import { parsed, setStage, type Stage } from "./stage.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const folder = makeFolder();
afterAll(folder.remove);

const log = "https://log.example";
/** Base64 in a bundle can look like a token, and must come through. */
const made = { bundle: JSON.stringify({ payload: "eyJfdHlwZSI6Imh0dHBzIn0=" }) };

interface Scene {
  readonly place: string;
  readonly bundles: readonly NewBundle[];
  readonly run: SigningRun;
  readonly written: { out: string; err: string };
  readonly terminal: Terminal;
}

/** Some bundles in a folder of their own, and a terminal whose standard output may be broken. */
function setScene(names: readonly string[], { isJson = false, isBroken = false } = {}): Scene {
  const place = mkdtempSync(join(folder.path, "scene-"));
  const temporary = join(place, "tmp");
  mkdirSync(temporary);
  const written = { out: "", err: "" };
  const terminal: Terminal = {
    ...openTerminal(),
    env: { TMPDIR: temporary },
    out: (data) => void (written.out += String(data)),
    deliver(data) {
      if (isBroken) throw Object.assign(new Error("EPIPE"), { code: "EPIPE" });
      written.out += data;
    },
    err: (text) => void (written.err += text),
    style: (_, text) => text,
  };
  const bundles = names.map((name) => newBundle(name === "-" ? name : join(place, `${name}.json`), name));
  return { place, bundles, run: new SigningRun({ bundles, terminal, isJson }), written, terminal };
}

/** Signs as a log would see it that takes everything. */
const signLogged = (watch: LogWatch): Promise<typeof made> => {
  watch.asks(log);
  watch.has(log, 12n);
  return Promise.resolve(made);
};

const refused = signingError("CLI_SPIFFE_FAILED", "the second one");

function tell({ run, terminal }: Scene, failure: unknown, argv: readonly string[] = []): number {
  return reportFailure(run.unfinished(failure), ["sign", ...argv], terminal);
}

test("a failure says what was written, what was not, and what each has in a log", async () => {
  const scene = setScene(["a", "b", "c"], { isJson: true });
  const [a, b] = scene.bundles as [NewBundle, NewBundle];
  await scene.run.make(a, signLogged);
  const half = scene.run.make(b, (watch) => {
    watch.asks(log);
    watch.asks("https://other.example");
    watch.has(log, 13n);
    return Promise.reject(refused);
  });
  await expect(half).rejects.toBe(refused);
  expect(tell(scene, refused, ["--json"])).toBe(3);
  const path = (name: string): string => join(scene.place, `${name}.json`);
  expect(JSON.parse(scene.written.out)).toMatchObject({
    schema: "countersign.failure/v1",
    error: { code: "CLI_SPIFFE_FAILED" },
    exitCode: 3,
    bundles: [
      { file: "a", bundle: path("a"), status: "written", logEntries: [{ url: log, logIndex: "12" }] },
      {
        file: "b",
        bundle: path("b"),
        status: "not-written",
        logEntries: [{ url: log, logIndex: "13" }, { url: "https://other.example" }],
        error: { code: "CLI_SPIFFE_FAILED" },
      },
      { file: "c", bundle: path("c"), status: "not-written", logEntries: [] },
    ],
  });
  expect(scene.written.err).toContain(
    [
      `written: ${path("a")}`,
      `not written: ${path("b")}: see above`,
      `  log       ${log}: entry 13`,
      "  log       https://other.example: asked, and may have an entry",
      `not written: ${path("c")}\n`,
    ].join("\n"),
  );
  expect(readFileSync(path("a"), "utf8")).toBe(`${made.bundle}\n`);
  expect(readdirSync(scene.place).toSorted()).toEqual(["a.json", "tmp"]);
});

test("of one file that no log was asked about, the error says all", () => {
  const scene = setScene(["a"]);
  tell(scene, refused);
  expect(scene.written.err).not.toContain("written:");
});

test("where nothing can be written, nothing is signed", async () => {
  const scene = setScene(["a"]);
  rmSync(scene.place, { recursive: true });
  const sign = vi.fn<typeof signLogged>(signLogged);
  const code = { code: "CLI_OUTPUT_FAILED", kind: "unavailable" };
  await expect(scene.run.make(scene.bundles[0] as NewBundle, sign)).rejects.toMatchObject(code);
  expect(sign).not.toHaveBeenCalled();
});

/** A bundle whose place is taken by a directory while it is signed. */
async function loseOne(scene: Scene): Promise<string | undefined> {
  const [bundle] = scene.bundles as [NewBundle];
  const failed = await scene.run
    .make(bundle, (watch) => {
      if (bundle.path !== "-") mkdirSync(bundle.path);
      return signLogged(watch);
    })
    .catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "CLI_OUTPUT_FAILED" });
  tell(scene, failed, scene.written.out === "" ? ["--json"] : []);
  expect(readdirSync(scene.place).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  return bundle.rescued?.savedTo;
}

test("what is in a log and cannot be written is on standard output, and in a file for the time being", async () => {
  const scene = setScene(["a"]);
  const savedTo = await loseOne(scene);
  expect(scene.written.out).toBe(`${made.bundle}\n`);
  expect(readFileSync(savedTo ?? "", "utf8")).toBe(`${made.bundle}\n`);
  expect(scene.written.err).toContain("  bundle    on standard output\n");
  expect(scene.written.err).toContain(`  bundle    in ${savedTo}\n`);
});

test("with --json it is in the report, whole", async () => {
  const scene = setScene(["a"], { isJson: true });
  const savedTo = await loseOne(scene);
  expect(JSON.parse(scene.written.out)).toMatchObject({ bundles: [{ savedTo, unwritten: JSON.parse(made.bundle) }] });
});

test("a standard output whose reader has gone loses nothing", async () => {
  const scene = setScene(["-"], { isBroken: true });
  const savedTo = await loseOne(scene);
  expect(readFileSync(savedTo ?? "", "utf8")).toBe(`${made.bundle}\n`);
});

test("a signal waits for the log that was asked, and asks no other; a second one does not wait", async () => {
  const scene = setScene(["a", "b", "c"]);
  const [a, b, c] = scene.bundles as [NewBundle, NewBundle, NewBundle];
  const end = vi.fn<() => void>();
  const { promise, resolve } = Promise.withResolvers<typeof made>();
  const asking = scene.run.make(a, (watch) => {
    watch.asks(log);
    return promise;
  });
  scene.run.interrupted("SIGINT", end);
  expect(end).not.toHaveBeenCalled();
  await expect(scene.run.make(b, signLogged)).rejects.toMatchObject({ code: "CLI_INTERRUPTED" });
  expect(b.logs).toEqual([]);
  expect(end).not.toHaveBeenCalled();
  resolve(made);
  await asking;
  expect(end).toHaveBeenCalledOnce();
  expect(readFileSync(a.path, "utf8")).toBe(`${made.bundle}\n`);
  void scene.run.make(c, (watch) => {
    watch.asks(log);
    return promise.then(() => new Promise<never>(() => {}));
  });
  scene.run.interrupted("SIGINT", end);
  expect(end).toHaveBeenCalledOnce();
  scene.run.interrupted("SIGTERM", end);
  expect(end).toHaveBeenCalledTimes(2);
  expect(readdirSync(scene.place).toSorted()).toEqual(["a.json", "tmp"]);
});

describe("the command", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage();
  });
  afterAll(() => stage.close());

  const sizeOfLog = (): string | undefined => stage.sigstore.rekor.checkpoint().split("\n")[1];
  const signing = (file: string): string[] => [
    "sign",
    file,
    "--identity-token",
    stage.path("token.jwt"),
    ...stage.signing,
    "--json",
  ];

  // `ulimit -f 8` stands in for a full disk: a file of 4 KiB is the largest that can be written.
  test.skipIf(process.platform === "win32")(
    "a disk without room for a bundle shows before a log is asked",
    async () => {
      const file = stage.write("no room", "x");
      const before = sizeOfLog();
      const argv = ["-c", 'ulimit -f 8; exec "$0" "$@"', process.execPath, builtMain, ...signing(file)];
      const outcome = await runProgram("/bin/sh", argv);
      expect(parsed(outcome)).toMatchObject({
        error: { code: "CLI_OUTPUT_FAILED" },
        exitCode: 3,
        bundles: [{ file, status: "not-written", logEntries: [] }],
      });
      expect(sizeOfLog()).toBe(before);
      expect(readdirSync(stage.folder).filter((name) => name.includes("no room"))).toEqual(["no room"]);
    },
  );

  test("an answer of the log that cannot be used: that it was asked is in the report", async () => {
    const file = stage.write("asked", "x");
    stage.sigstore.faults.set("rekor", { kind: "wrong-entry", times: 1 });
    const outcome = await stage.run(signing(file));
    const url = stage.sigstore.url;
    expect([outcome.code, parsed(outcome)["bundles"]]).toMatchObject([
      1,
      [{ file, bundle: `${file}.sigstore.json`, status: "not-written", logEntries: [{ url }] }],
    ]);
  });

  test("a registry that takes no signature: it is handed out, and can be attached later", async () => {
    const server = await startRegistry();
    try {
      const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
      const digest = await pushImage(registry, { registry: server.host, repository: "app" }, "app", "1");
      const image = `${server.host}/app@${digest}`;
      const sign = ["image", ...signing(image)];
      server.faults.refused = (method) => method !== "GET" && method !== "HEAD";
      const outcome = await stage.run(sign, { env: { TMPDIR: stage.folder } });
      const [row] = parsed(outcome)["bundles"] as [{ readonly savedTo: string; readonly unwritten: unknown }];
      const logIndex = String(Number(sizeOfLog()) - 1);
      expect(row).toMatchObject({ bundle: image, status: "not-written", logEntries: [{ logIndex }] });
      expect(JSON.parse(readFileSync(row.savedTo, "utf8"))).toEqual(row.unwritten);
      server.faults.refused = () => false;
      expect(await stage.run(["image", "attach", image, row.savedTo])).toMatchObject({ code: 0 });
      const verify = ["image", "verify", image, ...stage.trust, ...stage.expected];
      expect(await stage.run(verify)).toMatchObject({ code: 0 });
      // cosign's older layout has room for no entry of Rekor 2: that is known before there is one.
      const before = sizeOfLog();
      const legacy = await stage.run([...sign, "--legacy"]);
      expect(parsed(legacy)).toMatchObject({ error: { code: "SIGSTORE_DETACHED_UNFIT" } });
      expect(sizeOfLog()).toBe(before);
    } finally {
      await server.close();
    }
  });

  test("a link that cannot be written is handed out as well", async () => {
    const { keyid } = formatSigstoreKey({ identity: stage.identity, issuer: stage.sigstore.url });
    const links = join(stage.folder, "links");
    mkdirSync(join(links, linkFileName("lost", keyid)), { recursive: true });
    const token = ["--identity-token", stage.path("token.jwt"), ...stage.signing];
    const argv = ["layout", "run", "-n", "lost", "--metadata-dir", links, ...token, "--json"];
    const env = { TMPDIR: stage.folder };
    const outcome = await runBuilt([...argv, "--", process.execPath, "-e", "0"], { env, cwd: stage.folder });
    const [row] = parsed(outcome)["bundles"] as [{ readonly savedTo: string; readonly unwritten: unknown }];
    const logIndex = String(Number(sizeOfLog()) - 1);
    expect(row).toMatchObject({ bundle: "lost.link", status: "not-written", logEntries: [{ logIndex }] });
    expect(JSON.parse(readFileSync(row.savedTo, "utf8"))).toEqual(row.unwritten);
  });
});
