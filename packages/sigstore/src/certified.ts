import { base64, digestOf, quote, type Certificate, type Claims, type SignedBy } from "@countersign/core";
import { twinOf } from "./certificate-twin.ts";
import { checkIssued, checkSigningUsage } from "./certificate.ts";
import type { Checklist, Proved } from "./checklist.ts";
import { countDistinct, partyOfLog } from "./distinct.ts";
import { sigstoreError } from "./errors.ts";
import { countCheck, operatorOf, type Run } from "./examination.ts";
import { readIdentity } from "./identity.ts";
import { checkSct, logsOfSct, parseSctList, type Sct } from "./sct.ts";
import type { TimedAt } from "./sighting.ts";
import type { Log } from "./trust-root.ts";

/** Proves usage, chain at every time, SCTs and the one identity of a leaf; each step is noted, whatever the others say. */
export function checkCertificate(run: Run, leaf: Certificate, times: readonly TimedAt[]): Certified {
  const { list, trust } = run;
  list.run("certificate-usage", () => ({ value: checkSigningUsage(leaf), detail: "code signing, no CA" }));
  const issued = list.run("certificate-chain", () => {
    const value = checkIssued(
      leaf,
      trust.authorities,
      times.map((time) => time.timeMs),
    );
    return { value, detail: `issued by ${value.authority.uri}, valid at ${times.length} verified times` };
  });
  const scts = issued === undefined ? [] : checkScts(run, leaf, issued.issuer);
  const signer = list.run("identity", () => {
    const twin = issued && twinOf(leaf, issued.issuer);
    const value = { ...readIdentity(leaf), ...(twin !== undefined && { twin: digestOf("sha256", twin) }) };
    return { value, detail: `${quote(value.identity.value)} vouched for by ${quote(value.issuer)}` };
  });
  return { signer, scts };
}

/** The signer that a certificate names, if it could be read, and the CT logs that promised it. */
export interface Certified {
  readonly signer: SignedBy | undefined;
  readonly scts: readonly Promised[];
}

function checkScts(run: Run, leaf: Certificate, issuer: Certificate): readonly Promised[] {
  const { list, trust, need } = run;
  const scts = leaf.sctList === undefined ? [] : (list.run("sct-list", () => listScts(leaf)) ?? []);
  const found = scts.flatMap((sct, index) =>
    proveSct(list, { name: `sct[${index}]`, sct, leaf, issuer }, logsOfSct(sct, trust.ctLogs)),
  );
  const logs = countDistinct(found.map(({ log }) => partyOfLog(log)));
  countCheck(list, { name: "scts", skipped: "sct[", need: need.scts, got: logs, code: "SIGSTORE_TOO_FEW_SCTS" });
  return found;
}

function listScts(leaf: Certificate): Proved<readonly Sct[]> {
  const value = parseSctList(leaf.sctList as Uint8Array);
  return { value, detail: `${value.length} in the certificate` };
}

interface SctAt {
  readonly name: string;
  readonly sct: Sct;
  readonly leaf: Certificate;
  readonly issuer: Certificate;
}

function proveSct(list: Checklist, { name, sct, leaf, issuer }: SctAt, logs: readonly Log[]): Promised[] {
  const time = new Date(sct.timestampMs).toISOString();
  if (logs.length === 0) {
    list.skip(name, sigstoreError("SIGSTORE_SCT_UNKNOWN", { got: base64(sct.logId) }));
    return [];
  }
  const log = list.run(name, () => {
    const value = checkSct(sct, leaf, issuer, logs);
    return { value, detail: `${value.baseUrl} at ${time}` };
  });
  return log === undefined ? [] : [{ log, time }];
}

/** A CT log's promise, proved. */
export interface Promised {
  readonly log: Log;
  readonly time: string;
}

/** The claim that a promise becomes. */
export function sctClaim({ log, time }: Promised): Claims["scts"][number] {
  return { logId: base64(log.logId), ...operatorOf(log.operator), time };
}
