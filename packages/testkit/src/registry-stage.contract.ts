import { utf8, type Digest } from "@countersign/core";
import { attachBundle, descriptorOf, Registry, type Credential, type Repository } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { startRegistry, type RegistryFaults, type TestRegistry } from "./registry.ts";

/** What a test of a registry that misbehaves has. */
export interface Stage {
  readonly server: TestRegistry;
  readonly faults: RegistryFaults;
  readonly registry: Registry;
  readonly repository: Repository;
  readonly digest: Digest;
}

/** A TrustError with this code. */
export const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });

/** What every bundle of these tests says of itself. */
export const attachment = { content: "dsse-envelope", created: "2026-01-01T00:00:00Z" } as const;

const started: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of started.splice(0)) await close();
});

/** Runs this after the test, however it ends. */
export function afterwards(close: () => Promise<void>): void {
  started.push(close);
}

/** A client that waits for nothing long. */
export function open(credential?: Credential, limits: { timeoutMs?: number; wholeMs?: number } = {}): Registry {
  return new Registry({
    http: makeOciHttp(),
    sleep: async (ms) => void (await wait(Math.min(ms, 5))),
    timeoutMs: 20_000,
    ...limits,
    // oxlint-disable-next-line typescript/require-await -- as a file or helper would answer
    credentials: async () => credential,
  });
}

/** A registry without content, and a repository in it. */
export async function startEmpty(faults: RegistryFaults = {}): Promise<Omit<Stage, "digest">> {
  const server = await startRegistry(faults);
  afterwards(() => server.close());
  const repository = { registry: server.host, repository: "team/app" };
  return { server, faults: server.faults, registry: open(), repository };
}

/** A registry with one image and one bundle attached; then it begins to misbehave. */
export async function stage(faults: RegistryFaults = {}, first: RegistryFaults = {}): Promise<Stage> {
  const empty = await startEmpty({ ...first });
  const digest = await pushImage(open(), empty.repository, "content", "1.0");
  await attach(open(), empty.repository, digest, '{"bundle":1}');
  empty.server.requests.length = 0;
  Object.assign(empty.faults, faults);
  return { ...empty, digest };
}

/** Attaches a text as a bundle; the digest of its manifest. */
export async function attach(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  text: string,
): Promise<Digest> {
  const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
  const bundle = { ...attachment, subject, bundle: utf8(text) };
  return (await attachBundle(registry, repository, bundle, { random: () => 0 })).digest;
}

/** A server that answers as it is told; `127.0.0.1:PORT`. */
export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
