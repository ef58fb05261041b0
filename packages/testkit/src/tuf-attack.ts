import { TrustError } from "@countersign/core";
import { createUpdater, makeMemoryStore, type Store, type Updater, type UpdaterOptions } from "@countersign/tuf";
import { rowsOfDelegation } from "./tuf-attack-delegation.ts";
import { rowsOfForm } from "./tuf-attack-form.ts";
import { rowsOfVersion } from "./tuf-attack-version.ts";
import {
  addTufTarget,
  makeTufRepository,
  publishTuf,
  tufFetcher,
  tufNow,
  type TufRepository,
} from "./tuf-repository.ts";

/** One thing that an attacker, or an honest repository in an odd case, does to a client. */
export interface TufAttack {
  /** Row of the table of attacks, or the defect of a peer. */
  readonly row: string;
  readonly about: string;
  /** The code that the client must refuse with, `found` or `not found`. */
  readonly expect: string;
  /** What the repository is like when the client first comes; nothing special unless given. */
  readonly before?: (repository: TufRepository) => Promise<void> | void;
  /** What happens then. */
  readonly attack: (repository: TufRepository) => Promise<void> | void;
  /** Targets that are asked for afterwards, in one client; `app.bin` unless given. The last one decides. */
  readonly ask?: readonly string[];
  /** The client comes for the first time only after the attack. */
  readonly isFirstVisit?: true;
  readonly options?: Partial<UpdaterOptions>;
}

/** Every attack on a TUF client that the table, the conformance suite's gaps and defects of peers name. */
export const tufAttacks: readonly TufAttack[] = [...rowsOfForm, ...rowsOfVersion, ...rowsOfDelegation];

/** What came of an attack. */
export interface TufOutcome {
  /** As `TufAttack.expect`. */
  readonly got: string;
  readonly error?: TrustError;
  readonly repository: TufRepository;
  readonly store: Store;
  readonly anchor: Uint8Array;
}

/** Lets a client see an honest repository, then the attack. */
export async function judgeTuf(attack: TufAttack): Promise<TufOutcome> {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  await attack.before?.(repository);
  await publishTuf(repository);
  const anchor = repository.metadata.get("1.root.json") as Uint8Array;
  const store = makeMemoryStore();
  if (attack.isFirstVisit !== true) await tufClient(repository, { root: anchor, store }).target("app.bin");
  await attack.attack(repository);
  repository.requests.length = 0;
  const client = tufClient(repository, { root: anchor, store, ...attack.options });
  return { ...(await outcomeOf(client, attack.ask ?? ["app.bin"])), repository, store, anchor };
}

/** A client of the repository as it is now. */
export function tufClient(
  repository: TufRepository,
  options: Pick<UpdaterOptions, "root" | "store"> & Partial<UpdaterOptions>,
): Updater {
  return createUpdater({ fetch: tufFetcher(repository), now: () => tufNow, ...options });
}

async function outcomeOf(client: Updater, names: readonly string[]): Promise<{ got: string; error?: TrustError }> {
  try {
    await client.refresh();
    let got = "";
    for (const name of names) got = (await client.target(name)) === undefined ? "not found" : "found";
    return { got };
  } catch (error) {
    if (error instanceof TrustError) return { got: error.code, error };
    throw error;
  }
}
