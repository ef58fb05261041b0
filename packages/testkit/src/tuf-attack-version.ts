import { makeTufKey } from "./tuf-key.ts";
import {
  addTufTarget,
  publishTuf,
  publishTufRole,
  publishTufRoot,
  publishTufSnapshot,
  publishTufTimestamp,
  putTufRole,
  putTufSnapshot,
  putTufTimestamp,
  tufRole,
  type TufRepository,
} from "./tuf-repository.ts";
import type { LooseObject } from "./json.ts";
import type { TufAttack } from "./tuf-attack.ts";

const past = "2029-12-31T00:00:00Z";

/** Lists a new key for a top-level role in root, which signs for it from now on, in place of all before. */
function rotate(repository: TufRepository, name: "root" | "timestamp" | "snapshot" | "targets"): void {
  const key = makeTufKey();
  const { keys, roles } = repository.root.signed as { keys: LooseObject; roles: LooseObject };
  keys[key.keyid] = key.json as LooseObject;
  roles[name] = { keyids: [key.keyid], threshold: 1 };
  const role = name === "targets" ? tufRole(repository, name) : repository[name];
  role.signers.splice(0, name === "root" ? 0 : role.signers.length, key);
}

/** Versions, expiries, lengths and hashes: the workflow of the specification, §5.3 to §5.6. */
export const rowsOfVersion: readonly TufAttack[] = [
  { row: "workflow", about: "nothing new", expect: "found", attack: () => {} },
  { row: "workflow", about: "all is new", expect: "found", attack: async (repository) => publishTuf(repository) },
  {
    row: "root",
    about: "five new roots, the key changed in each",
    expect: "found",
    attack: async (repository) => {
      for (let count = 0; count < 5; count++) {
        rotate(repository, "root");
        await publishTufRoot(repository);
      }
    },
  },
  {
    row: "root",
    about: "signed by the new key only",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      rotate(repository, "root");
      repository.root.signers.pop();
      const key = makeTufKey();
      const { keys, roles } = repository.root.signed as { keys: LooseObject; roles: LooseObject };
      keys[key.keyid] = key.json as LooseObject;
      roles["root"] = { keyids: [key.keyid], threshold: 1 };
      repository.root.signers.splice(0, repository.root.signers.length, key);
      await publishTufRoot(repository);
    },
  },
  {
    row: "root",
    about: "signed by the old key only",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      rotate(repository, "root");
      repository.root.signers.pop();
      await publishTufRoot(repository);
    },
  },
  {
    row: "root",
    about: "a version left out",
    expect: "TUF_ROOT_VERSION",
    attack: async (repository) => {
      repository.root.signed["version"] = 2;
      await publishTufRoot(repository);
      const third = repository.metadata.get("3.root.json");
      if (third !== undefined) repository.metadata.set("2.root.json", third);
    },
  },
  {
    row: "root",
    about: "an old root under the next name",
    expect: "TUF_ROOT_VERSION",
    attack: ({ metadata }) => {
      metadata.set("2.root.json", metadata.get("1.root.json") as Uint8Array);
    },
  },
  {
    row: "root",
    about: "the last root has expired",
    expect: "TUF_EXPIRED",
    attack: async (repository) => {
      repository.root.signed["expires"] = past;
      await publishTufRoot(repository);
    },
  },
  {
    row: "root",
    about: "one in between has expired",
    expect: "found",
    attack: async (repository) => {
      const { expires } = repository.root.signed;
      repository.root.signed["expires"] = past;
      await publishTufRoot(repository);
      repository.root.signed["expires"] = expires as string;
      await publishTufRoot(repository);
    },
  },
  {
    row: "rollback",
    about: "timestamp",
    expect: "TUF_ROLLBACK",
    before: async (repository) => publishTuf(repository),
    attack: async (repository) => {
      repository.timestamp.signed["version"] = 1;
      await putTufTimestamp(repository);
    },
  },
  {
    row: "rollback",
    about: "snapshot in timestamp",
    expect: "TUF_ROLLBACK",
    before: async (repository) => publishTuf(repository),
    attack: async (repository) => {
      repository.snapshot.signed["version"] = 1;
      await putTufSnapshot(repository);
      await publishTufTimestamp(repository);
    },
  },
  {
    row: "rollback",
    about: "targets in snapshot",
    expect: "TUF_ROLLBACK",
    before: async (repository) => publishTuf(repository),
    attack: async (repository) => {
      tufRole(repository, "targets").signed["version"] = 1;
      await putTufRole(repository, "targets");
      await publishTufSnapshot(repository);
    },
  },
  {
    row: "rollback",
    about: "a role is gone from snapshot",
    expect: "TUF_ROLLBACK",
    before: (repository) => {
      repository.roles.set("gone", { signed: { ...tufRole(repository, "targets").signed }, signers: [] });
    },
    attack: async (repository) => {
      delete (repository.snapshot.signed["meta"] as LooseObject)["gone.json"];
      await publishTufSnapshot(repository);
    },
  },
  {
    row: "fast-forward",
    about: "timestamp key rotated, versions begin anew",
    expect: "found",
    before: async (repository) => {
      repository.timestamp.signed["version"] = 1000;
      repository.snapshot.signed["version"] = 1000;
      await publishTuf(repository);
    },
    attack: async (repository) => {
      rotate(repository, "timestamp");
      await publishTufRoot(repository);
      repository.timestamp.signed["version"] = 0;
      repository.snapshot.signed["version"] = 0;
      await publishTuf(repository);
    },
  },
  {
    row: "fast-forward",
    about: "snapshot key rotated, targets begin anew",
    expect: "found",
    before: async (repository) => {
      tufRole(repository, "targets").signed["version"] = 1000;
      await publishTuf(repository);
    },
    attack: async (repository) => {
      rotate(repository, "snapshot");
      await publishTufRoot(repository);
      tufRole(repository, "targets").signed["version"] = 0;
      await publishTuf(repository);
    },
  },
  {
    row: "fast-forward",
    about: "a key only added: what was seen still counts",
    expect: "TUF_ROLLBACK",
    before: async (repository) => publishTuf(repository),
    attack: async (repository) => {
      const key = makeTufKey();
      const { keys, roles } = repository.root.signed as { keys: LooseObject; roles: LooseObject };
      keys[key.keyid] = key.json as LooseObject;
      ((roles["timestamp"] as LooseObject)["keyids"] as string[]).push(key.keyid);
      await publishTufRoot(repository);
      repository.timestamp.signed["version"] = 1;
      await putTufTimestamp(repository);
    },
  },
  {
    row: "fast-forward",
    about: "keys of timestamp rotated, its old one signs",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      const [old] = repository.timestamp.signers;
      rotate(repository, "timestamp");
      if (old !== undefined) repository.timestamp.signers.splice(0, 1, old);
      await publishTufRoot(repository);
      await publishTuf(repository);
    },
  },
  ...(["timestamp", "snapshot"] as const).map((name): TufAttack => ({
    row: "freeze",
    about: `${name} has expired`,
    expect: "TUF_EXPIRED",
    attack: async (repository) => {
      repository[name].signed["expires"] = past;
      await publishTuf(repository);
    },
  })),
  {
    row: "freeze",
    about: "targets has expired",
    expect: "TUF_EXPIRED",
    attack: async (repository) => {
      tufRole(repository, "targets").signed["expires"] = past;
      await publishTuf(repository);
    },
  },
  {
    row: "freeze",
    about: "expires at this very moment",
    expect: "TUF_EXPIRED",
    attack: async (repository) => {
      repository.timestamp.signed["expires"] = "2030-01-01T00:00:00Z";
      await publishTuf(repository);
    },
  },
  {
    row: "freeze",
    about: "a timestamp of the same version is not looked into",
    expect: "found",
    attack: async (repository) => {
      repository.timestamp.signed["meta"] = { "snapshot.json": { version: 100 } };
      await putTufTimestamp(repository);
    },
  },
  {
    row: "mix and match",
    about: "snapshot of another version than timestamp says",
    expect: "TUF_VERSION",
    before: (repository) => {
      repository.hasHashes = false;
    },
    attack: async (repository) => {
      repository.timestamp.signed["meta"] = { "snapshot.json": { version: 2 } };
      await publishTufTimestamp(repository);
      repository.metadata.set("2.snapshot.json", repository.metadata.get("1.snapshot.json") as Uint8Array);
    },
  },
  {
    row: "mix and match",
    about: "targets that snapshot does not mean, same length",
    expect: "TUF_HASH",
    attack: async (repository) => {
      await publishTuf(repository);
      const file = repository.metadata.get("2.targets.json") as Uint8Array;
      const text = new TextDecoder().decode(file);
      repository.metadata.set("2.targets.json", new TextEncoder().encode(text.replace("app.bin", "app.bim")));
    },
  },
  {
    row: "mix and match",
    about: "targets that are shorter than snapshot says",
    expect: "TUF_LENGTH",
    attack: async (repository) => {
      await publishTuf(repository);
      const file = repository.metadata.get("2.targets.json") as Uint8Array;
      repository.metadata.set("2.targets.json", file.slice(0, -1));
    },
  },
  {
    row: "oversized",
    about: "targets that are longer than snapshot says",
    expect: "TUF_FETCH_TOO_LARGE",
    attack: async (repository) => {
      await publishTuf(repository);
      const file = repository.metadata.get("2.targets.json") as Uint8Array;
      repository.metadata.set("2.targets.json", new Uint8Array([...file, 32]));
    },
  },
  {
    row: "partial",
    about: "targets are missing",
    expect: "TUF_METADATA_ABSENT",
    attack: async (repository) => {
      await publishTuf(repository);
      repository.metadata.delete("2.targets.json");
    },
  },
  {
    row: "not consistent",
    about: "snapshots that are not consistent",
    expect: "found",
    before: (repository) => {
      repository.root.signed["consistent_snapshot"] = false;
    },
    attack: async (repository) => {
      addTufTarget(repository, "b/new.bin", "new");
      await publishTuf(repository);
    },
    ask: ["b/new.bin"],
  },
  {
    row: "not consistent",
    about: "targets were published before their snapshot",
    expect: "TUF_HASH",
    before: (repository) => {
      repository.root.signed["consistent_snapshot"] = false;
    },
    attack: async (repository) => {
      await publishTuf(repository);
      const meta = { ...(repository.snapshot.signed["meta"] as LooseObject) };
      tufRole(repository, "targets").signed["version"] = 1;
      await publishTufRole(repository, "targets");
      tufRole(repository, "targets").signed["x"] = "y";
      await putTufRole(repository, "targets");
      const text = new TextDecoder().decode(repository.metadata.get("targets.json"));
      repository.metadata.set("targets.json", new TextEncoder().encode(text.replace(',"x":"y"', "")));
      repository.snapshot.signed["meta"] = {
        "targets.json": { ...(meta["targets.json"] as LooseObject), hashes: { sha256: "00".repeat(32) } },
      };
      await publishTufSnapshot(repository);
    },
  },
];
