import { hex, parseHex, quote, type JsonObject, type Signer, type Verifier } from "@countersign/core";
import { delegatedBy, rowOfDelegated, type Delegated } from "./author-delegation.ts";
import { isSameContent, objectAt, signedBytesOf, type Draft, textIn } from "./author-draft.ts";
import { rowsOfRoot, type RoleRow } from "./author-role.ts";
import { tufError } from "./errors.ts";
import { readKeys, type TopRole } from "./role.ts";

/** Who may sign a role, in the words of one delegator: root, or a targets role. */
export interface Authority {
  /** For messages: `root 4`, `targets 7`. */
  readonly source: string;
  readonly threshold: number;
  readonly keys: readonly AuthorityKey[];
}

/** One key of an authority. */
export interface AuthorityKey {
  readonly keyid: string;
  /** Undefined if this tool cannot check its signatures. */
  readonly verifier: Verifier | undefined;
  /** Why there is no verifier. */
  readonly reason?: string;
  /** As listed; undefined if the key is named and not listed. */
  readonly json?: JsonObject;
}

/** How far the signing of a draft has come, in the eyes of one authority. */
export interface SigningState {
  readonly threshold: number;
  /** Ids of keys whose signatures hold; a key with several ids counts once. */
  readonly signed: readonly string[];
  /** Ids of keys that could still sign. */
  readonly open: readonly string[];
  /** Ids of signatures that are there and do not hold. */
  readonly wrong: readonly string[];
  readonly isMet: boolean;
}

/** Who may sign a top-level role, as a root says. Throws TUF_DRAFT_MALFORMED and the errors of `readKeys`. */
export function authorityOfRoot(root: Draft, role: TopRole): Authority {
  const row = rowsOfRoot(root.signed).get(role);
  if (row === undefined) throw tufError("TUF_DRAFT_MALFORMED", { checked: "roles", expected: role });
  return authorityOf(`root ${textIn(root.signed["version"])}`, row, objectAt(root.signed, "keys"));
}

/** Who may sign a delegated role, as a targets role says; undefined if it delegates to nobody of that name. */
export function authorityOfDelegator(parent: Draft, parentName: string, role: string): Authority | undefined {
  const delegated = delegatedBy(parent);
  const row = rowOfDelegated(delegated, role);
  return row === undefined
    ? undefined
    : authorityOfRow(`${parentName} ${textIn(parent.signed["version"])}`, row, delegated);
}

/** As `authorityOfDelegator`, for whoever has the delegations at hand. */
export function authorityOfRow(source: string, row: RoleRow, { keys }: Delegated): Authority {
  return authorityOf(source, row, keys);
}

function authorityOf(source: string, { keyids, threshold }: RoleRow, keys: JsonObject): Authority {
  const listed = Object.fromEntries(
    keyids.flatMap((keyid) => (Object.hasOwn(keys, keyid) ? [[keyid, keys[keyid]]] : [])),
  );
  const read = readKeys(listed as JsonObject, "keys");
  return {
    source,
    threshold,
    keys: [...new Set(keyids)].map((keyid) => {
      const key = read.get(keyid);
      const use = key?.use();
      if (key === undefined || use === undefined)
        return { keyid, verifier: undefined, reason: "it is named and not listed" };
      if (use.kind === "verifier") return { keyid, verifier: use.verifier, json: key.json };
      const reason =
        use.kind === "identity" ? "it is a Sigstore identity, whose signatures are made elsewhere" : use.reason;
      return { keyid, verifier: undefined, reason, json: key.json };
    }),
  };
}

/** Looks at every signature of a draft. Proves nothing about its content. */
export function signingStateOf(draft: Draft, { keys, threshold }: Authority): SigningState {
  const message = signedBytesOf(draft);
  const byId = new Map(keys.map((key) => [key.keyid, key.verifier]));
  const held = new Map<string, string>();
  const wrong: string[] = [];
  for (const { keyid, sig } of draft.signatures) {
    const id = textIn(keyid);
    const verifier = byId.get(id);
    if (verifier === undefined) continue;
    if (isSignature(verifier, message, sig)) held.set(verifier.keyid, held.get(verifier.keyid) ?? id);
    else wrong.push(id);
  }
  const open = keys
    .filter(({ verifier }) => verifier === undefined || !held.has(verifier.keyid))
    .map(({ keyid }) => keyid);
  return { threshold, signed: [...held.values()], open, wrong, isMet: held.size >= threshold };
}

/** What signing did. */
export interface SignedDraft {
  readonly draft: Draft;
  /** Ids under which somebody signed just now. */
  readonly keyids: readonly string[];
}

/**
 * Signs a draft with every signer that one of the authorities lists, under each id by which it is listed; earlier signatures
 * by the same ids are replaced. A signer that nobody lists does nothing. Throws TUF_KEY_SCHEME if a key is listed for another
 * algorithm than its signer has.
 */
export async function signDraft(
  draft: Draft,
  signers: readonly Signer[],
  authorities: readonly Authority[],
): Promise<SignedDraft> {
  const message = signedBytesOf(draft);
  const made = new Map<string, string>();
  for (const { keyid, verifier } of authorities.flatMap(({ keys }) => keys)) {
    const signer = signers.find((each) => each.keyid === verifier?.keyid);
    if (signer === undefined || verifier === undefined || made.has(keyid)) continue;
    if (signer.algorithm.name !== verifier.algorithm.name)
      throw tufError("TUF_KEY_SCHEME", {
        checked: keyid,
        expected: verifier.algorithm.name,
        got: signer.algorithm.name,
      });
    made.set(keyid, hex(await signer.sign({ message })));
  }
  return { draft: withSignatures(draft, made), keyids: [...made.keys()] };
}

/**
 * Adds the signatures that others made over the same content. Each must be by a listed key and hold; those by keys that nobody
 * lists are passed over, and so are ids that are there already. Throws TUF_MERGE_DIFFERENT, TUF_SIGNATURE_WRONG.
 */
export function mergeSignatures(draft: Draft, other: Draft, authorities: readonly Authority[]): SignedDraft {
  if (!isSameContent(draft, other)) throw tufError("TUF_MERGE_DIFFERENT");
  const message = signedBytesOf(draft);
  const present = new Set(draft.signatures.map(({ keyid }) => textIn(keyid)));
  const added = new Map<string, string>();
  for (const { keyid, sig } of other.signatures) {
    const id = textIn(keyid);
    const verifier = authorities.flatMap(({ keys }) => keys).find((key) => key.keyid === id)?.verifier;
    if (verifier === undefined || sig === "") continue;
    if (!isSignature(verifier, message, sig)) throw tufError("TUF_SIGNATURE_WRONG", { checked: quote(id) });
    if (!present.has(id)) added.set(id, textIn(sig));
  }
  return { draft: withSignatures(draft, added), keyids: [...added.keys()] };
}

function withSignatures(draft: Draft, made: ReadonlyMap<string, string>): Draft {
  const kept = draft.signatures.filter(({ keyid }) => !made.has(textIn(keyid)));
  return { ...draft, signatures: [...kept, ...[...made].map(([keyid, sig]) => ({ keyid, sig }))] };
}

function isSignature(verifier: Verifier, message: Uint8Array, sig: JsonObject[string]): boolean {
  if (typeof sig !== "string" || sig === "" || !/^(?:[0-9a-f]{2})+$/.test(sig)) return false;
  return verifier.verify(message, parseHex(sig));
}
