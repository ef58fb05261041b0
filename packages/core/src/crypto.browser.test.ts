import { describe, expect, test } from "vitest";
import { backend } from "#crypto";
import rows from "../vectors/signature/contract.json" with { type: "json" };
import { describeBackend } from "./crypto.contract.ts";
import { testWycheproof } from "./wycheproof.contract.ts";
import type { WycheproofFile } from "./wycheproof.contract.ts";

declare global {
  interface ImportMeta {
    /** Vite's: replaced when the file is served. */
    glob<T>(
      pattern: string,
      options: { readonly eager: true; readonly import: "default" },
    ): Readonly<Record<string, T>>;
  }
}

test("a browser gets the web backend", () => {
  expect(backend.name).toBe("web");
  expect(typeof document).toBe("object");
});

describeBackend(backend, rows);

describe("Wycheproof", () => {
  const files = import.meta.glob<WycheproofFile>("../../../../shared/data/crypto/wycheproof/*.json", {
    eager: true,
    import: "default",
  });
  if (Object.keys(files).length === 0) test.skip("no shared data here", () => {});
  for (const [path, file] of Object.entries(files)) testWycheproof(backend, path.replace(/^.*\//, ""), file);
});
