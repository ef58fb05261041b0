import { quote } from "@countersign/core";
import { tlogError } from "./errors.ts";
import { goodSignatures, type Note, type VerifiedSignature } from "./note.ts";
import { parseVkey } from "./vkey.ts";
import type { NoteKey } from "./key.ts";

/** Which logs count, and which witnesses must have cosigned their checkpoints (C2SP tlog-policy, draft). */
export interface WitnessPolicy {
  readonly logs: readonly NoteKey[];
  readonly witnesses: readonly NoteKey[];
  /** Undefined if none has to have signed. */
  readonly quorum?: Member;
}

/** A witness, or a group of which so many members must be met. */
export type Member =
  | { readonly kind: "witness"; readonly key: NoteKey }
  | { readonly kind: "group"; readonly name: string; readonly threshold: number; readonly members: readonly Member[] };

/** The largest policy that is read, in UTF-16 units. */
export const maxWitnessPolicyChars: number = 256 * 1024;
/** The most lines that say something. */
export const maxWitnessPolicyLines: number = 1000;

/**
 * Parses `log`, `witness`, `group` and `quorum` lines: names are defined before they are used, each is a member of one group
 * at most, no two lines have the same public key, and exactly one line says the quorum. URLs are passed over.
 * Errors: TLOG_WITNESS_POLICY_MALFORMED, and those of `parseVkey`.
 */
export function parseWitnessPolicy(text: string): WitnessPolicy {
  if (text.length > maxWitnessPolicyChars) throw malformed("policy", `at most ${maxWitnessPolicyChars} characters`);
  // White space is ASCII's alone (tlog-policy, "Character set"): to others a name ends where it does not for us.
  if (/[^\t\n\u0020-\u007e\u0080-\uffff]/.test(text))
    throw malformed("policy", "no control character but tab and newline");
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length > maxWitnessPolicyLines) throw malformed("policy", `at most ${maxWitnessPolicyLines} lines`);
  const reading: Reading = { logs: [], members: new Map(), used: new Set(), keys: new Set(), quorums: [] };
  for (const line of lines) readLine(line.split(/[ \t]+/), reading);
  const [name, ...more] = reading.quorums;
  if (name === undefined || more.length > 0) throw malformed("quorum", "one line", `${reading.quorums.length}`);
  const quorum = name === "none" ? undefined : memberOf(name, reading);
  const witnesses = [...reading.members.values()].flatMap((member) => (member.kind === "witness" ? [member.key] : []));
  return { logs: reading.logs, witnesses, ...(quorum !== undefined && { quorum }) };
}

/**
 * Proves that the quorum signed a checkpoint's note, and gives one good signature of each witness that did. Not checked: that
 * the log signed (`checkCheckpoint`), the cosignatures' times, and that the log is one of the policy's.
 * Errors: TLOG_SIGNATURE_BAD, TLOG_COSIGNATURE_MALFORMED, TLOG_QUORUM_UNMET.
 */
export function checkWitnesses(note: Note, policy: WitnessPolicy): readonly VerifiedSignature[] {
  const seen = goodSignatures(note, policy.witnesses);
  if (policy.quorum === undefined || isMet(policy.quorum, seen)) return seen;
  const names = seen.map(({ key }) => quote(key.name)).join(", ");
  throw tlogError("TLOG_QUORUM_UNMET", {
    expected: formatMember(policy.quorum),
    got: names === "" ? "no witness" : names,
  });
}

interface Reading {
  readonly logs: NoteKey[];
  readonly members: Map<string, Member>;
  /** Names that are a member of some group. */
  readonly used: Set<string>;
  /** Public keys so far: one under two names would count twice. */
  readonly keys: Set<string>;
  readonly quorums: string[];
}

function readLine([word = "", ...rest]: readonly string[], reading: Reading): void {
  if (word === "log") readLog(rest, reading);
  else if (word === "witness") readWitness(rest, reading);
  else if (word === "group") readGroup(rest, reading);
  else if (word === "quorum" && rest.length === 1) reading.quorums.push(rest[0] ?? "");
  else throw malformed("line", "log, witness, group or quorum", quote(word));
}

function readLog([vkey, url, ...more]: readonly string[], reading: Reading): void {
  if (vkey === undefined || more.length > 0) throw malformed("log", "log VKEY [URL]");
  checkUrl(url);
  const key = newKey(vkey, reading);
  if (key.type.startsWith("cosignature-")) throw malformed(`log ${quote(key.name)}`, "a log's key", key.type);
  reading.logs.push(key);
}

function readWitness([name, vkey, url, ...more]: readonly string[], reading: Reading): void {
  if (name === undefined || vkey === undefined || more.length > 0)
    throw malformed("witness", "witness NAME VKEY [URL]");
  checkUrl(url);
  checkNewName(name, reading);
  const key = newKey(vkey, reading);
  if (!key.type.startsWith("cosignature-")) throw malformed(`witness ${quote(name)}`, "a cosignature key", key.type);
  reading.members.set(name, { kind: "witness", key });
}

function readGroup([name, count, ...names]: readonly string[], reading: Reading): void {
  if (name === undefined || count === undefined || names.length === 0)
    throw malformed("group", "group NAME all|any|K MEMBER…");
  checkNewName(name, reading);
  const members = names.map((each) => memberOf(each, reading));
  for (const each of names) {
    if (reading.used.has(each)) throw malformed(`group ${quote(name)}`, "members of no other group", quote(each));
    reading.used.add(each);
  }
  const threshold =
    count === "all" ? members.length : count === "any" ? 1 : /^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0;
  if (threshold < 1 || threshold > members.length)
    throw malformed(`group ${quote(name)}`, `all, any, or 1 to ${members.length}`, quote(count));
  reading.members.set(name, { kind: "group", name, threshold, members });
}

function newKey(vkey: string, { keys }: Reading): NoteKey {
  const key = parseVkey(vkey);
  if (keys.has(key.verifier.keyid)) throw malformed("key", "each key once", quote(key.name));
  keys.add(key.verifier.keyid);
  return key;
}

function checkNewName(name: string, { members }: Reading): void {
  if (name === "none" || members.has(name)) throw malformed("name", "a new name other than none", quote(name));
}

function memberOf(name: string, { members }: Reading): Member {
  const member = members.get(name);
  if (member === undefined) throw malformed("name", "one that was defined before", quote(name));
  return member;
}

function checkUrl(url: string | undefined): void {
  if (url !== undefined && !URL.canParse(url)) throw malformed("URL", "an absolute one", quote(url));
}

function isMet(member: Member, seen: readonly VerifiedSignature[]): boolean {
  if (member.kind === "witness") return seen.some(({ key }) => key === member.key);
  return member.members.filter((each) => isMet(each, seen)).length >= member.threshold;
}

function formatMember(member: Member): string {
  if (member.kind === "witness") return quote(member.key.name);
  return `${member.threshold} of (${member.members.map(formatMember).join(", ")})`;
}

function malformed(checked: string, expected: string, got?: string): Error {
  return tlogError("TLOG_WITNESS_POLICY_MALFORMED", { checked, expected, ...(got !== undefined && { got }) });
}
