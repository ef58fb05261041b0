import { addTufTarget, makeTufRepository, publishTuf, tufNow, type TufRepository } from "@countersign/testkit";
import type { Store } from "./store.ts";

/** A repository with one target, and its first root. */
export async function madeRepository(): Promise<{ repository: TufRepository; root: Uint8Array }> {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  await publishTuf(repository);
  return { repository, root: repository.metadata.get("1.root.json") as Uint8Array };
}

/** The names of all files in the store. */
export async function namesIn(store: Store): Promise<readonly string[]> {
  return store.open((session) => session.list());
}

/** Writes a file into the store behind the updater's back. */
export async function put(store: Store, name: string, bytes: Uint8Array): Promise<void> {
  await store.open((session) => session.write(name, bytes));
}

/** In UTF-8. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A clock that stands so many days after the time of the repository. */
export const day =
  (offset: number): (() => Date) =>
  () =>
    new Date(tufNow.getTime() + offset * 86_400_000);
