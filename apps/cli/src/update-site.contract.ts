import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import {
  addTufTarget,
  delegateTuf,
  makeTufRepository,
  publishTuf,
  startFaultServer,
  type FaultServer,
  type TufRepository,
} from "@countersign/testkit";
import { makeFolder, runHere, type Outcome } from "./scenario.ts";

interface Site {
  readonly repository: TufRepository;
  readonly server: FaultServer;
  readonly mirror: string;
}

export async function makeSite(content: string): Promise<Site> {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", content);
  addTufTarget(repository, "docs/manual.txt", "the manual");
  delegateTuf(repository, "targets", "plugins", { paths: ["plugins/*"] });
  addTufTarget(repository, "plugins/one", "a plugin", "plugins");
  addTufTarget(repository, "elsewhere", "not theirs to say", "plugins");
  await publishTuf(repository);
  const server = await startFaultServer();
  const site = { repository, server, mirror: `${server.url}/metadata` };
  publish(site);
  return site;
}

/** What is published so far, on the site. */
export function publish({ repository, server }: Site): void {
  for (const [name, bytes] of repository.metadata) server.files.set(`/metadata/${name}`, bytes);
  for (const [name, bytes] of repository.targets) server.files.set(`/targets/${name}`, bytes);
}

export let site: Site;
export let other: Site;
export let at = "";
/** Two sites with the same content, and a folder for each test, for the tests of a file. */
export function useSites(): void {
  const folder = makeFolder();
  let count = 0;
  beforeAll(async () => {
    site = await makeSite("the app");
    other = await makeSite("the app");
  });
  afterAll(async () => {
    await Promise.all([site, other].map(({ server }) => server.close()));
    folder.remove();
  });
  beforeEach(() => {
    at = join(folder.path, String(count++));
    mkdirSync(at);
    writeFileSync(join(at, "root.json"), site.repository.metadata.get("1.root.json") ?? "");
    for (const { server } of [site, other]) {
      server.clear();
      server.requests.splice(0);
    }
  });
}

export const store = (): readonly string[] => ["--store", join(at, "store")];

export async function trust(): Promise<void> {
  const outcome = await runHere(["update", "trust", join(at, "root.json"), "--mirror", site.mirror, ...store()]);
  expect(outcome.stderr).toContain("trusted:");
  expect(outcome.code).toBe(0);
}

export async function update(...words: readonly string[]): Promise<Outcome> {
  const [command = "", ...rest] = words;
  return runHere(["update", command, ...rest, ...store()]);
}

interface Printed {
  readonly targets: readonly unknown[];
  readonly runs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

interface Step {
  readonly role: string;
  readonly checks: readonly { readonly name: string }[];
}

export function json(outcome: Outcome): Printed {
  return JSON.parse(outcome.stdout) as Printed;
}
