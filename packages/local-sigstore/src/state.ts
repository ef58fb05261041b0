import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { localSigstoreError } from "./errors.ts";
import { openKeyring } from "./keyring.ts";
import type { Keyring } from "./keyring.ts";
import type { StoredEntry } from "./rekor-v1.ts";
import type { EntryStore } from "./rekor.ts";
import { makeTileStore, replaceFile } from "./tile-store.ts";
import type { WitnessMemory } from "./witness-api.ts";

/** What outlives a restart when a directory is given; else it is kept in memory. */
export interface State {
  readonly keyring: Keyring;
  /** When this stack was first started; authorities are valid from here. */
  readonly start: Date;
  /** A certificate chain by name: the saved one, or what `mint` makes, which is then saved. */
  readonly chain: (name: string, mint: () => readonly Uint8Array[]) => readonly Uint8Array[];
  readonly rekor?: EntryStore;
  readonly rekorV1?: { readonly load: () => readonly StoredEntry[]; readonly save: (entry: StoredEntry) => void };
  readonly witnessMemory: (name: string) => WitnessMemory;
  /** Writes a file for clients, when there is a directory. */
  readonly publish: (name: string, content: Uint8Array) => void;
}

/** Opens or makes the state in `dir`. Throws LOCAL_SIGSTORE_STATE_BROKEN. */
export function openState(o: { readonly dir: string | undefined; readonly start: Date }): State {
  if (o.dir === undefined) {
    return {
      keyring: openKeyring(),
      start: o.start,
      chain: (_, mint) => mint(),
      witnessMemory: () => memoryOf(new Map()),
      publish: () => undefined,
    };
  }
  const dir = o.dir;
  mkdirSync(dir, { recursive: true });
  const file = join(dir, "state.json");
  const saved = readState(file) ?? { start: o.start.toISOString(), chains: {} };
  replaceFile(file, JSON.stringify(saved, null, 2));
  return {
    keyring: openKeyring(dir),
    start: new Date(saved.start),
    chain: (name, mint) => {
      saved.chains[name] ??= mint().map((der) => Buffer.from(der).toString("base64"));
      replaceFile(file, JSON.stringify(saved, null, 2));
      return (saved.chains[name] ?? []).map((encoded) => new Uint8Array(Buffer.from(encoded, "base64")));
    },
    rekor: makeTileStore(join(dir, "rekor")),
    rekorV1: lineStore(join(dir, "rekor-v1.jsonl")),
    witnessMemory: (name) => fileMemory(join(dir, `${name}.json`)),
    publish: (name, content) => replaceFile(join(dir, name), content),
  };
}

interface SavedState {
  readonly start: string;
  readonly chains: Record<string, string[]>;
}

function readState(file: string): SavedState | undefined {
  if (!existsSync(file)) return undefined;
  const saved = readJson(file) as Partial<SavedState>;
  const isGood =
    typeof saved.start === "string" && !Number.isNaN(Date.parse(saved.start)) && saved.chains !== undefined;
  if (!isGood) throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "state.json");
  return saved as SavedState;
}

function lineStore(file: string): NonNullable<State["rekorV1"]> {
  return {
    load: () => {
      if (!existsSync(file)) return [];
      const content = readFileSync(file, "utf8");
      const whole = content.slice(0, content.lastIndexOf("\n") + 1);
      // A process that was stopped while it wrote left half a line, of an entry that nobody was told of.
      if (whole !== content) replaceFile(file, whole);
      return whole.split("\n").slice(0, -1).map(parseLine);
    },
    save: ({ body, integratedTime }) => {
      appendFileSync(file, `${JSON.stringify({ body: Buffer.from(body).toString("base64"), integratedTime })}\n`);
    },
  };
}

function parseLine(line: string): StoredEntry {
  const { body, integratedTime } = parseJson(line) as Partial<Record<string, unknown>>;
  if (typeof body === "string" && typeof integratedTime === "number") {
    return { body: new Uint8Array(Buffer.from(body, "base64")), integratedTime };
  }
  throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "rekor-v1.jsonl");
}

function fileMemory(file: string): WitnessMemory {
  const saved = existsSync(file) ? (readJson(file) as Record<string, string>) : {};
  const memory = memoryOf(new Map(Object.entries(saved)));
  return {
    get: memory.get,
    set: (origin, signed) => {
      memory.set(origin, signed);
      saved[origin] = signed;
      replaceFile(file, JSON.stringify(saved, null, 2));
    },
  };
}

function memoryOf(map: Map<string, string>): WitnessMemory {
  return { get: (origin) => map.get(origin), set: (origin, signed) => void map.set(origin, signed) };
}

function readJson(file: string): object {
  return parseJson(readFileSync(file, "utf8"));
}

function parseJson(content: string): object {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "a saved file is not JSON", cause);
  }
  throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "a saved file is not a JSON object");
}
