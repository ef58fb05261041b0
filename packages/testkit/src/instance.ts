import { parseTrustRoot, type TrustRoot } from "@countersign/sigstore";
import {
  buildTrustedRoot,
  jsonBytes,
  makeAuthority,
  makeCtLog,
  makeLog,
  makeTsa,
  makeV1Log,
  type Authority,
  type CtLog,
  type RekorLog,
  type RekorV1Log,
  type TrustedRootParts,
  type Tsa,
} from "@countersign/local-sigstore";

/** One Sigstore's services without their HTTP faces, for making evidence that is right or wrong in one place. */
export interface Instance {
  /** The time at which all of them live. */
  readonly now: Date;
  readonly ca: Authority;
  readonly ctLog: CtLog;
  readonly rekor: RekorLog;
  readonly rekorV1: RekorV1Log;
  readonly tsa: Tsa;
  /** The parts of the instance's own trust root, for changing. */
  readonly parts: Required<Omit<TrustedRootParts, "mediaType">>;
}

/** When instances live unless told otherwise. */
export const instanceTime: Date = new Date("2026-03-01T12:00:00.000Z");

/** Makes an instance with fresh keys; `name` tells its services from those of another. */
export function makeInstance(name = "a"): Instance {
  const now = instanceTime;
  const clock = (): Date => now;
  const start = new Date(now.getTime() - 86_400_000);
  const ctLog = makeCtLog({ baseUrl: `http://ct.${name}.test`, start, operator: `ct-${name}` });
  const ca = makeAuthority({
    uri: `http://ca.${name}.test`,
    now: clock,
    ctLogs: [ctLog],
    operator: `ca-${name}`,
    kind: "p256",
  });
  const rekor = makeLog({ origin: `log.${name}.test`, start, operator: `log-${name}` });
  const rekorV1 = makeV1Log({ name: `rekor.${name}.test`, start, now: clock, operator: `rekor-${name}` });
  const tsa = makeTsa({ uri: `http://tsa.${name}.test`, now: clock, operator: `tsa-${name}`, kind: "p256" });
  // Entries of others around ours, so that proofs are not of a tree of one leaf.
  for (const log of [rekor, rekorV1])
    for (let at = 0; at < 5; at++) log.append(new TextEncoder().encode(`{"kind":"x","apiVersion":"${at}"}`));
  const parts = {
    version: "0.2",
    cas: [ca.trusted],
    tsas: [tsa.trusted],
    logs: [rekorV1.trusted, rekor.trusted],
    ctLogs: [ctLog.trusted],
  } as const;
  return { now, ca, ctLog, rekor, rekorV1, tsa, parts };
}

/** The trust root of these parts, as JSON bytes. */
export function trustRootBytes(parts: TrustedRootParts): Uint8Array<ArrayBuffer> {
  return jsonBytes(buildTrustedRoot(parts));
}

/** The trust root of an instance with some parts changed. */
export function trustRootOf(instance: Instance, changes: TrustedRootParts = {}): TrustRoot {
  return parseTrustRoot(trustRootBytes({ ...instance.parts, ...changes }));
}
