import { TrustError, utf8 } from "@countersign/core";
import type { KeyIo } from "./resolver.node.ts";

/** The time of the tests of keys. */
export const now: Date = new Date("2026-11-25T12:00:00Z");

type Texts = Readonly<Record<string, string>>;

/**
 * What a key reference may use in a test: these variables and files; nobody to ask, and no waiting. A
 * file that is not there is TEST_NO_FILE.
 */
export function makeKeyIo(env: Texts, files: Texts, more: Partial<KeyIo> & Pick<KeyIo, "http">): KeyIo {
  return {
    env,
    now: () => now,
    sleep: () => Promise.resolve(),
    password: () => Promise.resolve(undefined),
    pin: () => Promise.resolve(undefined),
    loadPkcs11: () => Promise.reject(new Error("not here")),
    openCluster: () => Promise.reject(new Error("not here")),
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new TrustError("TEST_NO_FILE", { kind: "usage", says: "no file", fix: "" });
      return utf8(text);
    },
    readIfPresent: (path) => (files[path] === undefined ? undefined : utf8(files[path])),
    ...more,
  };
}
