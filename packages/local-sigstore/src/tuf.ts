import { formatPem, hash, hex, parsePrivateKey, type Signer } from "@countersign/core";
import {
  authorityOfRoot,
  formatDraft,
  formatSignerKey,
  makeRoot,
  makeSnapshot,
  makeTargets,
  makeTimestamp,
  signDraft,
  withTargets,
  type Draft,
  type TargetEntry,
} from "@countersign/tuf";
import type { Route } from "./http.ts";
import type { KeyPair } from "./keyring.ts";

/** What a repository is made from. */
export interface TufOptions {
  /** Contents by target name. */
  readonly targets: ReadonlyMap<string, Uint8Array>;
  readonly rootKey: KeyPair;
  readonly onlineKey: KeyPair;
  /** When the root begins to be good; it lasts ten years. */
  readonly start: Date;
  readonly now: Date;
  /** Gives the root that was made on an earlier start, or keeps this one. */
  readonly keep: (root: Uint8Array) => Uint8Array;
}

/** A repository as it lies on a server. */
export interface TufRepository {
  /** Version 1 of root, which clients pin. */
  readonly root: Uint8Array;
  /** By path below the metadata address; targets below `targets/`, as Sigstore's own repository has it. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const yearMs = 365 * 86_400_000;

/**
 * A TUF repository of these targets with consistent snapshots. The root stays from start to start; the versions of all else are
 * the milliseconds since 1970, so that every start is newer than the one before. They expire after a year.
 */
export async function makeTufRepository(options: TufOptions): Promise<TufRepository> {
  const [root, online] = [signerOf(options.rootKey), signerOf(options.onlineKey)];
  const own = { keys: [formatSignerKey(online)], threshold: 1 };
  const draft = makeRoot({
    roles: { root: { keys: [formatSignerKey(root)], threshold: 1 }, timestamp: own, snapshot: own, targets: own },
    expires: new Date(options.start.getTime() + 10 * yearMs),
    consistentSnapshot: true,
  });
  const rootBytes = options.keep(formatDraft((await signDraft(draft, [root], [authorityOfRoot(draft, "root")])).draft));
  const sign = async (each: Draft, role: "targets" | "snapshot" | "timestamp"): Promise<Uint8Array> => {
    const versioned = { ...each, signed: { ...each.signed, version: options.now.getTime() } };
    return formatDraft((await signDraft(versioned, [online], [authorityOfRoot(draft, role)])).draft);
  };
  const expires = new Date(options.now.getTime() + yearMs);
  const version = options.now.getTime();
  const entries = new Map([...options.targets].map(([name, bytes]) => [name, entryOf(bytes)]));
  const targets = await sign(withTargets(makeTargets(expires), entries), "targets");
  const making = { before: undefined, expires };
  const snapshot = await sign(makeSnapshot(new Map([["targets", { version, bytes: targets }]]), making), "snapshot");
  const timestamp = await sign(makeTimestamp({ version, bytes: snapshot }, making), "timestamp");
  const files = new Map([
    ["1.root.json", rootBytes],
    [`${version}.targets.json`, targets],
    [`${version}.snapshot.json`, snapshot],
    ["timestamp.json", timestamp],
    ...[...options.targets].map(([name, bytes]) => [`targets/${sha256(bytes)}.${name}`, bytes] as const),
  ]);
  return { root: rootBytes, files };
}

/** Serves the repository below `/tuf`. */
export function tufRoutes({ files }: TufRepository): readonly Route[] {
  return [
    {
      service: "tuf",
      method: "GET",
      path: /\/tuf\/(.+)/,
      answer: (_request, [path = ""]) => {
        const body = files.get(path);
        return body === undefined
          ? { status: 404, type: "text/plain", body: "not found\n" }
          : { status: 200, type: "application/json", body };
      },
    },
  ];
}

function entryOf(bytes: Uint8Array): TargetEntry {
  return { length: bytes.length, hashes: { sha256: sha256(bytes) } };
}

function sha256(bytes: Uint8Array): string {
  return hex(hash("sha256", bytes));
}

function signerOf({ privateKey }: KeyPair): Signer {
  return parsePrivateKey(formatPem("PRIVATE KEY", new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }))));
}
