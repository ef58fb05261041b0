import { copyJson, type Loose, type LooseObject } from "./json.ts";
import { makeTufKey } from "./tuf-key.ts";
import { publishTuf, publishTufRoot, putTufTimestamp, tufRole, type TufRepository } from "./tuf-repository.ts";
import type { TufAttack } from "./tuf-attack.ts";

const md5 = "d41d8cd98f00b204e9800998ecf8427e";

/** Publishes the top-level targets with members of one target replaced. */
function withTarget(members: LooseObject): TufAttack["attack"] {
  return async (repository) => {
    const targets = tufRole(repository, "targets").signed["targets"] as LooseObject;
    targets["app.bin"] = { ...(targets["app.bin"] as LooseObject), ...members };
    await publishTuf(repository);
  };
}

/** Publishes the top-level targets with members replaced. */
function withTargets(members: LooseObject): TufAttack["attack"] {
  return async (repository) => {
    await publishTuf(repository);
    Object.assign(tufRole(repository, "targets").signed, members);
    await publishTuf(repository, ...(Object.hasOwn(members, "version") ? [] : ["targets"]));
  };
}

/** Publishes a root with a role of timestamp changed. */
function withTimestampRole(change: (role: LooseObject, repository: TufRepository) => void): TufAttack["attack"] {
  return async (repository) => {
    change((repository.root.signed["roles"] as LooseObject)["timestamp"] as LooseObject, repository);
    await publishTufRoot(repository);
    await publishTuf(repository);
  };
}

function listKey(repository: TufRepository, keyid: string, json: Loose): void {
  (repository.root.signed["keys"] as LooseObject)[keyid] = json;
}

const metadata = "TUF_METADATA_MALFORMED";

/** Keys and the form of metadata: rows T1 and T2, defects 8 to 11 of tuf-js. */
export const rowsOfForm: readonly TufAttack[] = [
  {
    row: "T1",
    about: "one public key under two key ids meets 2 of 2",
    expect: "TUF_THRESHOLD",
    attack: withTimestampRole((role, repository) => {
      const [key] = repository.timestamp.signers;
      if (key === undefined) return;
      listKey(repository, "again", copyJson(key.json as LooseObject));
      Object.assign(role, { keyids: [key.keyid, "again"], threshold: 2 });
      repository.timestamp.signers.push({ ...key, keyid: "again" });
    }),
  },
  {
    row: "T1",
    about: "two keys under ids that are not their hashes meet 2 of 2",
    expect: "found",
    attack: withTimestampRole((role, repository) => {
      const keys = ["one", "two"].map((keyid) => ({ ...makeTufKey(), keyid }));
      for (const { keyid, json } of keys) listKey(repository, keyid, json as LooseObject);
      Object.assign(role, { keyids: ["one", "two"], threshold: 2 });
      repository.timestamp.signers.splice(0, 1, ...keys);
    }),
  },
  {
    row: "T1",
    about: "P-384 key",
    expect: "found",
    attack: withTimestampRole((role, repository) => {
      const key = makeTufKey("ecdsa-p384-sha384");
      listKey(repository, key.keyid, key.json as LooseObject);
      Object.assign(role, { keyids: [key.keyid], threshold: 1 });
      repository.timestamp.signers.splice(0, 1, key);
    }),
  },
  {
    row: "T2",
    about: "an empty signature is none",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      await publishTuf(repository);
      const file = JSON.parse(new TextDecoder().decode(repository.metadata.get("timestamp.json"))) as LooseObject;
      file["signatures"] = (file["signatures"] as LooseObject[]).map((each) => ({ ...each, sig: "" }));
      repository.metadata.set("timestamp.json", new TextEncoder().encode(JSON.stringify(file)));
    },
  },
  { row: "T2", about: "hashes: {}", expect: metadata, attack: withTarget({ hashes: {} }) },
  { row: "T2", about: "md5 only", expect: metadata, attack: withTarget({ hashes: { md5 } }) },
  { row: "T2", about: "negative length", expect: metadata, attack: withTarget({ length: -1 }) },
  { row: "T2", about: "negative version", expect: metadata, attack: withTargets({ version: -3 }) },
  { row: "T2", about: "expires 2036", expect: metadata, attack: withTargets({ expires: "2036" }) },
  { row: "T2", about: "expires never", expect: metadata, attack: withTargets({ expires: "never" }) },
  {
    row: "T2",
    about: "expiry with offset and fraction",
    expect: "found",
    attack: withTargets({ expires: "2036-12-18T13:28:12.99008-06:00" }),
  },
  { row: "T2", about: "specification 2.0", expect: "TUF_SPEC_VERSION", attack: withTargets({ spec_version: "2.0" }) },
  { row: "T2", about: "specification 1.0", expect: "found", attack: withTargets({ spec_version: "1.0" }) },
  {
    row: "defect 11",
    about: "unknown members, and names that sort by code point and not by UTF-16",
    expect: "found",
    attack: withTargets({ "x-unknown": { "\ufb01": 1, "\u{1f600}": [null, true] } }),
  },
  {
    row: "defect 8",
    about: "a target named constructor that is not there",
    expect: "not found",
    attack: () => {},
    ask: ["constructor"],
  },
  { row: "T3", about: "a target named toString", expect: "not found", attack: () => {}, ask: ["toString"] },
  { row: "T3", about: "a target named __proto__", expect: "not found", attack: () => {}, ask: ["__proto__"] },
  {
    row: "T2",
    about: "a timestamp signed by nobody, later",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      repository.timestamp.signers.length = 0;
      repository.timestamp.signed["version"] = 9;
      await putTufTimestamp(repository);
    },
  },
];
