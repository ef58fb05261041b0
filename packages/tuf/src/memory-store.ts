import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";
import { checkStoreName, type Store, type StoreSession } from "./store.ts";

/**
 * A store that lasts as long as the process, for tests and for clients that start from a root each time. Sessions wait for
 * each other. `files` is its start.
 */
export function makeMemoryStore(files: ReadonlyMap<string, Uint8Array> = new Map()): Store {
  const held = new Map([...files].map(([name, bytes]) => [name, new Uint8Array(bytes)]));
  const session = memorySession(held);
  let last: Promise<unknown> = Promise.resolve();
  return {
    open: async (work, { signal } = {}) => {
      const turn = last.then(() => {
        if (signal?.aborted === true) throw tufError("TUF_STORE_ABORTED");
        return work(session);
      });
      last = turn.catch(() => {});
      return turn;
    },
  };
}

function memorySession(held: Map<string, Uint8Array>): StoreSession {
  const write = async (name: string, bytes: Uint8Array): Promise<void> => {
    checkStoreName(name);
    held.set(name, new Uint8Array(bytes));
  };
  return {
    read: async (name, maxBytes) => {
      checkStoreName(name);
      const bytes = held.get(name);
      if (bytes !== undefined && bytes.length > maxBytes)
        throw tufError("TUF_STORE_DAMAGED", { checked: quote(name), expected: `at most ${maxBytes} bytes` });
      return bytes && new Uint8Array(bytes);
    },
    write,
    cache: write,
    remove: async (name) => {
      checkStoreName(name);
      held.delete(name);
    },
    list: async () => [...held.keys()].toSorted(),
  };
}
