import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { algorithmNames } from "./algorithm.ts";
import { utf8 } from "./bytes.ts";
import { describeBackend } from "./crypto.contract.ts";
import { backend as node } from "./crypto.node.ts";
import { backend as web } from "./crypto.web.ts";
import { digestOf } from "./digest.ts";
import { generateSignerOn, makeVerifierOn } from "./key.ts";
import { testWycheproof, wycheproofFiles } from "./wycheproof.contract.ts";
import type { ContractRow } from "./crypto.contract.ts";
import type { WycheproofFile } from "./wycheproof.contract.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const rows = read("../vectors/signature/contract.json") as readonly ContractRow[];
const shared = "../../../../shared/data/crypto/wycheproof/";
const backends = [node, web];

for (const backend of backends) describeBackend(backend, rows);

describe("Wycheproof", () => {
  const hasData = existsSync(new URL(shared, import.meta.url));
  if (!hasData) test.skip("no shared data here", () => {});
  for (const backend of hasData ? backends : []) {
    for (const name of Object.keys(wycheproofFiles))
      testWycheproof(backend, name, read(shared + name) as WycheproofFile);
  }
});

describe("what Node signs both backends take", () => {
  const message = utf8("signed here, checked there");
  for (const name of algorithmNames) {
    test(name, { timeout: 60_000 }, async () => {
      const signer = generateSignerOn(node, name);
      const signatures = [await signer.sign({ message })];
      if (signer.algorithm.hash !== undefined) {
        signatures.push(await signer.sign({ digest: digestOf(signer.algorithm.hash, message) }));
      }
      for (const backend of backends) {
        const verifier = makeVerifierOn(backend, signer.spki, name);
        expect(verifier.keyid).toBe(signer.keyid);
        for (const signature of signatures) {
          expect(verifier.verify(message, signature)).toBe(true);
          expect(verifier.verify(utf8("other"), signature)).toBe(false);
        }
      }
    });
  }
});
