import { truncate } from "node:fs/promises";
import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { quote, type TrustError } from "@countersign/core";
import { diskError } from "./disk.node.ts";
import { tufError } from "./errors.ts";
import type { Lock, Locks } from "./lock.ts";

/**
 * Locks of the operating system (fcntl, LockFileEx), which Node itself does not offer: SQLite takes one for an exclusive
 * transaction, on an empty file into which nothing is ever written. Where SQLite is missing, or the file system has no
 * locks, TUF_LOCK_FAILED.
 */
export const nodeLocks: Locks = {
  take: async (path) => {
    for (let tries = 1; ; tries++) {
      try {
        return takeNow(path);
      } catch (error) {
        const code = sqliteCode(error);
        // Somebody wrote into the file. Emptying it changes nothing for an owner: locks are on the file, not on what is in it.
        if (code !== sqlite.notADatabase || tries > 1) throw lockError(error, path);
        await truncate(path).catch((cause: unknown) => {
          throw diskError(cause, path);
        });
      }
    }
  },
};

/** Result codes of SQLite, https://www.sqlite.org/rescode.html. */
const sqlite = { busy: 5, locked: 6, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

function takeNow(path: string): Lock | undefined {
  const database = new (loadSqlite().DatabaseSync)(path, { timeout: 0 });
  try {
    // With a journal in memory nothing at all is written, so that a full disk can be locked too.
    database.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
    return lockOf(database);
  } catch (error) {
    database.close();
    const code = sqliteCode(error);
    if (code === sqlite.busy || code === sqlite.locked) return undefined;
    throw error;
  }
}

// Held by the open transaction: the connection must stay reachable until it is released, or a sweep would close it.
const held = new Set<DatabaseSync>();

function lockOf(database: DatabaseSync): Lock {
  held.add(database);
  return {
    release: async () => {
      if (held.delete(database)) database.close();
    },
  };
}

/** The low byte is the code proper; what stands above it only says more. */
function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

function lockError(error: unknown, path: string): TrustError {
  const code = sqliteCode(error);
  const detail = { checked: quote(path), got: error instanceof Error ? quote(error.message) : "an error" };
  if (code === sqlite.full) return tufError("TUF_DISK_FULL", detail, error);
  if (code === sqlite.readOnly || code === sqlite.cannotOpen) return tufError("TUF_DISK_READ_ONLY", detail, error);
  return tufError("TUF_LOCK_FAILED", detail, error);
}

type Sqlite = typeof import("node:sqlite");

/** node:sqlite, without the word of Node 22 on the terminal that it is experimental: we use no more of it than opening a file. */
function loadSqlite(): Sqlite {
  const usual = Object.getOwnPropertyDescriptor(process, "emitWarning");
  process.emitWarning = () => {};
  try {
    const loaded = process.getBuiltinModule("node:sqlite") as Sqlite | undefined;
    if (loaded === undefined) throw new Error("this platform has no node:sqlite");
    return loaded;
  } finally {
    if (usual !== undefined) Object.defineProperty(process, "emitWarning", usual);
  }
}
