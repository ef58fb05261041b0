/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { base64, derBitString, derSequence, digestOf, parseCertificate, parseDer } from "@countersign/core";
import { hashedRekordBody002, makeAuthority, type EntryJson } from "@countersign/local-sigstore";
import { entriesPath } from "./attack-row-log.ts";
import { order, readSignature, writeSignature } from "./attack-row-signature.ts";
import { forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { makeEvidence, type Evidence } from "./evidence.ts";
import type { Loose } from "./json.ts";

const denied: Departure = { expect: "POLICY_DENIED" };

/** X7: evidence that a policy denies, made to look as if it were other evidence. */
export function rowX7(stage: Stage): Attack[] {
  const make = forge(stage, "X7", "a deny-list must hold for whatever is the same, however it is written or hidden");
  const { a } = stage;
  const evidence = makeEvidence(a);
  const [own] = (evidence.json["verificationMaterial"] as unknown as { tlogEntries: EntryJson[] }).tlogEntries;
  const again = a.rekor.append(hashedRekordBody002(evidence.signed));
  const entries = (...list: (EntryJson | undefined)[]): Pick<Departure, "edits"> => ({
    edits: [[entriesPath, list as unknown as Loose]],
  });
  const { logId, inclusionProof } = own as unknown as Placed;
  const place = { logId: logId.keyId, index: inclusionProof.logIndex };
  const entry = { logEntries: [place] };
  const leaf = evidence.leaf ?? new Uint8Array();
  const certificate = { certificates: [digestOf("sha256", leaf)] };
  const twin = twinOf(leaf);
  const rsa = makeAuthority({ uri: "http://ca.a.test", now: () => a.now, ctLogs: [a.ctLog], kind: "rsa2048" });
  const byRsa = makeEvidence(a, { authority: rsa });
  const keyid = digestOf("sha256", evidence.key.spki).slice("sha256:".length);
  return [
    make("control", "evidence beside what is denied", evidence, {
      expect: "ok",
      control: true,
      deny: { certificates: [digestOf("sha256", byRsa.leaf ?? leaf)], logEntries: [{ ...place, index: "999" }] },
    }),
    make("entry", "log entry that is denied", evidence, { ...denied, deny: entry }),
    make("entry-first", "log entry that is denied, before another of the same log", evidence, {
      ...denied,
      ...entries(own, again),
      deny: entry,
    }),
    make("entry-behind", "log entry that is denied, behind another of the same log", evidence, {
      ...denied,
      ...entries(again, own),
      deny: entry,
    }),
    make("certificate", "certificate that is denied", evidence, { ...denied, deny: certificate }),
    make(
      "certificate-twin",
      "certificate that is denied, with the other ECDSA signature, logged anew",
      withLeaf(stage, evidence, twin),
      {
        ...denied,
        deny: certificate,
      },
    ),
    make("control-twin", "such a certificate where nothing is denied", withLeaf(stage, evidence, twin), {
      expect: "ok",
    }),
    make("certificate-rsa", "certificate of an RSA authority, denied", byRsa, {
      ...denied,
      root: { cas: [rsa.trusted] },
      deny: { certificates: [digestOf("sha256", byRsa.leaf ?? leaf)] },
    }),
    make("key", "key in a certificate that is denied", evidence, { ...denied, deny: { keys: [keyid] } }),
  ];
}

/** Where an entry says that it stands. */
interface Placed {
  readonly logId: { readonly keyId: string };
  readonly inclusionProof: { readonly logIndex: string };
}

/** The same certificate with n - s in the place of s, which no key is needed for. */
function twinOf(leaf: Uint8Array): Uint8Array {
  const { tbs, signature } = parseCertificate(leaf);
  const { r, s } = readSignature(signature);
  const algorithm = parseDer(leaf).children[1]?.raw ?? new Uint8Array();
  return derSequence(tbs, algorithm, derBitString(writeSignature(r, order - s)));
}

/** The same evidence with another certificate in bundle and log. */
function withLeaf({ a }: Stage, evidence: Evidence, leaf: Uint8Array): Evidence {
  const json = structuredClone(evidence.json) as Record<string, Loose> & {
    verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: unknown[] };
  };
  const { signed } = evidence;
  const entry = a.rekor.append(hashedRekordBody002({ ...signed, verifier: { ...signed.verifier, der: leaf } }));
  json.verificationMaterial.certificate.rawBytes = base64(leaf);
  json.verificationMaterial.tlogEntries = [entry];
  return { ...evidence, json: json as unknown as Evidence["json"], leaf };
}
