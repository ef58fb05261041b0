import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { makeFolder, runHere, type Outcome, type ScenarioOptions } from "./scenario.ts";

export const now: Date = new Date("2026-06-01T12:00:00Z");
let home: ReturnType<typeof makeFolder>;
export const at = (...parts: readonly string[]): string => join(home.path, ...parts);

/** A folder with keys and files to release, for the tests of a file. */
export function useHome(): void {
  beforeAll(() => {
    home = makeFolder();
    for (const name of ["ada", "bob", "cy", "release", "online", "plugins"]) makeKey(name);
    writeFileSync(at("app.tgz"), "app one");
    mkdirSync(at("tree", "sub"), { recursive: true });
    writeFileSync(at("tree", "a.txt"), "a");
    writeFileSync(at("tree", "sub", "b.txt"), "b");
  });
  afterAll(() => home.remove());
}

function makeKey(name: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(at(`${name}.pem`), privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(at(`${name}.pub`), publicKey.export({ type: "spki", format: "pem" }));
}

/** `repo` in a folder, at the tests' own time. */
export function repo(dir: string, argv: readonly string[], options: ScenarioOptions = {}): Promise<Outcome> {
  const [command = "", ...rest] = argv;
  return runHere(["repo", command, "--dir", at(dir), ...rest], { now, ...options });
}

export async function good(dir: string, argv: readonly string[]): Promise<Outcome> {
  const outcome = await repo(dir, argv);
  expect(outcome.stderr.includes("error:") || outcome.code !== 0 ? outcome.stderr : "").toBe("");
  return outcome;
}

export async function refused(dir: string, argv: readonly string[], options: ScenarioOptions = {}): Promise<string> {
  const { code, stderr } = await repo(dir, argv, options);
  return `${code} ${/\[([A-Z0-9_]+)\]/.exec(stderr)?.[1] ?? stderr}`;
}

/** A repository with one release. */
export async function begin(dir: string, init: readonly string[] = []): Promise<void> {
  mkdirSync(at(dir));
  await good(dir, [
    "init",
    "--root-key",
    at("ada.pem"),
    "--targets-key",
    at("release.pem"),
    "--key",
    at("online.pem"),
    ...init,
  ]);
  await good(dir, ["add", at("app.tgz"), "--prefix", "releases/"]);
  await good(dir, ["sign", "--key", at("release.pem"), "--yes"]);
  await good(dir, ["publish", "--key", at("online.pem")]);
}
