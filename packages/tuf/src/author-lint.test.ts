import { describe, expect, test } from "vitest";
import { formatPem, generateSigner, hex, type JsonObject, type Signer } from "@countersign/core";
import { makeSimulatedDisk, type DiskState } from "@countersign/testkit";
import { delegate, editRole, makeBins, rotateKeys, signStaged } from "./author.ts";
import { add, everybody, folder, hireStaff, published, release, roleOf, testNow } from "./author-sample.contract.ts";
import { changed, formatDraft, parseDraft, signedBytesOf, type Draft } from "./author-draft.ts";
import { lintRepository } from "./author-lint.ts";
import { maxAlike } from "./author-lint-target.ts";
import { openWorkspace } from "./author-workspace.ts";
import { formatSignerKey } from "./author-key.ts";

/** The codes that lint finds, each once, with its level. */
async function codes(state: DiskState, now = testNow): Promise<readonly string[]> {
  const workspace = await openWorkspace(makeSimulatedDisk(state).disk, folder);
  const findings = await lintRepository(workspace, now);
  return [...new Set(findings.map(({ level, code }) => `${level} ${code}`))].toSorted();
}

const usual = "warn TUF_LINT_ROOT_SINGLE";

function read(state: DiskState, name: string): Draft {
  return parseDraft(state.directory(`${folder}/public/metadata`)?.current.get(name)?.current as Uint8Array);
}

function write(state: DiskState, name: string, bytes: Uint8Array): void {
  state.put(`${folder}/public/metadata`, name, { kind: "file", current: bytes, synced: bytes });
}

/** Changes a published file as its own role could, so that only the content is wrong. */
async function forge(
  state: DiskState,
  name: string,
  signers: readonly Signer[],
  change: (draft: Draft) => JsonObject,
): Promise<void> {
  const draft = { signed: change(read(state, name)), signatures: [] };
  const message = signedBytesOf(draft);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({ keyid: formatSignerKey(signer).keyid, sig: hex(await signer.sign({ message })) })),
  );
  write(state, name, formatDraft({ ...draft, signatures }));
}

describe("lint", () => {
  test("finds nothing to refuse in what was just published, and all gone where nothing is", async () => {
    const staff = hireStaff();
    const { state } = await published(staff);
    expect(await codes(state)).toEqual([usual]);
    const { disk } = makeSimulatedDisk(state);
    await disk.remove(`${folder}/public/metadata/1.root.json`);
    expect(await codes(state)).toEqual(["fail TUF_LINT_ROLE_MISSING"]);
  });

  test("tells what has expired and what soon will", async () => {
    const { state } = await published(hireStaff());
    expect(await codes(state, new Date("2026-06-07T13:00:00Z"))).toEqual(["warn TUF_LINT_EXPIRES_SOON", usual]);
    expect(await codes(state, new Date("2026-06-09T00:00:00Z"))).toEqual(["fail TUF_LINT_EXPIRED", usual]);
  });

  test("finds signatures that are missing, and metadata that clients cannot read", async () => {
    const { state } = await published(hireStaff());
    const timestamp = read(state, "timestamp.json");
    write(state, "timestamp.json", formatDraft({ ...timestamp, signatures: [] }));
    expect(await codes(state)).toEqual(["fail TUF_LINT_UNSIGNED", usual]);
    write(state, "timestamp.json", formatDraft(changed(timestamp, { expires: "never" })));
    expect(await codes(state)).toEqual(["fail TUF_LINT_FORM", usual]);
  });

  test("T2: finds targets without a length or with empty hashes", async () => {
    for (const entry of [
      { hashes: { sha256: "0".repeat(64) } },
      { length: 1, hashes: {} },
      { length: 1, hashes: { md5: "00" } },
    ] as readonly JsonObject[]) {
      const staff = hireStaff();
      const { state } = await published(staff);
      await forge(state, "1.targets.json", staff.targets, ({ signed }) => ({ ...signed, targets: { a: entry } }));
      expect(await codes(state)).toEqual(["fail TUF_LINT_FORM", usual]);
    }
  });

  test("T1: finds one key under two ids, and a threshold that it alone would meet", async () => {
    const staff = hireStaff();
    const { state } = await published(staff);
    const [signer] = staff.targets as readonly [Signer];
    const { key, keyid } = formatSignerKey(signer);
    await forge(state, "1.root.json", staff.root, ({ signed }) => ({
      ...signed,
      keys: { ...(signed["keys"] as JsonObject), "00ff": key },
      roles: { ...(signed["roles"] as JsonObject), targets: { keyids: [keyid, "00ff"], threshold: 2 } },
    }));
    expect(await codes(state)).toEqual([
      "fail TUF_LINT_KEY_TWICE",
      "fail TUF_LINT_THRESHOLD",
      "fail TUF_LINT_UNSIGNED",
      "warn TUF_LINT_KEY_ID",
      usual,
    ]);
  });

  test("finds keys that are weak, of an unknown kind, or named and not listed", async () => {
    const staff = hireStaff();
    const { state } = await published(staff);
    const weak = {
      keytype: "rsa",
      scheme: "rsassa-pss-sha256",
      keyval: { public: formatPem("PUBLIC KEY", new Uint8Array([0x30, 0])) },
    };
    await forge(state, "1.root.json", staff.root, ({ signed }) => {
      const roles = signed["roles"] as Record<string, { keyids: string[] }>;
      const keyids = [...(roles["targets"]?.keyids ?? []), "01", "02"];
      return {
        ...signed,
        keys: { ...(signed["keys"] as JsonObject), "01": weak },
        roles: { ...roles, targets: { keyids, threshold: 1 } },
      };
    });
    expect(await codes(state)).toEqual(["warn TUF_LINT_KEY_UNUSABLE", usual]);
  });

  test("finds root keys that sign other roles, and snapshots that are not consistent", async () => {
    const staff = hireStaff();
    const { state } = await published({ ...staff, timestamp: staff.root });
    expect(await codes(state)).toEqual(["warn TUF_LINT_KEY_SHARED", usual]);
    const other = await published(staff);
    await forge(other.state, "1.root.json", staff.root, ({ signed }) => ({ ...signed, consistent_snapshot: false }));
    expect(await codes(other.state)).toContain("warn TUF_LINT_INCONSISTENT");
  });

  test("walks the chain of roots", async () => {
    const staff = hireStaff();
    const { state, workspace } = await published(staff);
    const next = [generateSigner("ed25519"), generateSigner("ed25519")];
    await rotateKeys(workspace, { role: "root", ...roleOf(next, 2) }, testNow);
    await release(workspace, [...everybody(staff), ...next]);
    expect(await codes(state)).toEqual([]);
    const two = read(state, "2.root.json");
    write(
      state,
      "2.root.json",
      formatDraft({
        ...two,
        signatures: two.signatures.filter(({ keyid }) => keyid !== formatSignerKey(staff.root[0] as Signer).keyid),
      }),
    );
    expect(await codes(state)).toEqual(["fail TUF_LINT_ROOT_CHAIN"]);
    write(state, "2.root.json", formatDraft(two));
    await makeSimulatedDisk(state).disk.remove(`${folder}/public/metadata/1.root.json`);
    expect(await codes(state)).toEqual(["fail TUF_LINT_ROOT_CHAIN"]);
  });

  test("finds targets nobody finds, delegations behind one that ends the search, and roles nobody delegates to", async () => {
    const staff = hireStaff();
    const { state, workspace } = await published(staff);
    const [ada] = [generateSigner("ed25519")];
    const plan = { ...roleOf([ada as Signer]), paths: ["plugins/*"] };
    await delegate(workspace, "targets", { ...plan, name: "plugins", isTerminating: true }, testNow);
    await delegate(workspace, "targets", { ...plan, name: "behind" }, testNow);
    await add(workspace, { "plugins/a": "a" }, "plugins");
    await release(workspace, [...everybody(staff), ada as Signer]);
    expect(await codes(state)).toEqual([usual, "warn TUF_LINT_UNREACHABLE"]);
    const again = await openWorkspace(workspace.disk, folder);
    await editRole(again, "targets", testNow, (draft) => changed(draft, { delegations: { keys: {}, roles: [] } }));
    await release(again, everybody(staff));
    const messages = (await lintRepository(await openWorkspace(workspace.disk, folder), testNow)).map(
      ({ message }) => message,
    );
    expect(messages).toContainEqual(expect.stringMatching(/"plugins", got nobody delegates to it$/));
  });

  test("finds targets whose files are gone, and says of many only the number", async () => {
    const staff = hireStaff();
    const names = Array.from({ length: maxAlike + 5 }, (_, at) => `f${at}`);
    const { state } = await published(staff, Object.fromEntries(names.map((name) => [name, name])));
    for (const name of state.directory(`${folder}/public/targets`)?.current.keys() ?? [])
      await makeSimulatedDisk(state).disk.remove(`${folder}/public/targets/${name}`);
    const findings = (await lintRepository(await openWorkspace(makeSimulatedDisk(state).disk, folder), testNow)).filter(
      ({ code }) => code === "TUF_LINT_FILE_MISSING",
    );
    expect(findings).toHaveLength(maxAlike);
    expect(findings.at(-1)?.message).toMatch(/\(and 5 more like it\)$/);
  });

  test("T3: finds names that not every client can store", async () => {
    const staff = hireStaff();
    const { state, workspace } = await published(staff, {
      "app.tgz": "a",
      "App.tgz": "b",
      "con.txt": "c",
      dir: "d",
      "dir/x": "e",
    });
    const inUse = async (): Promise<readonly string[]> =>
      (await lintRepository(await openWorkspace(workspace.disk, folder), testNow))
        .filter(({ code }) => code === "TUF_LINT_TARGET_NAME")
        .map(({ level, message }) => `${level} ${message.slice(message.indexOf(": ") + 2)}`);
    expect(await inUse()).toEqual([
      `warn "app.tgz", got the same as "App.tgz" where case does not count`,
      `warn "con.txt", got Windows does not take it`,
      `warn "dir/x", got "dir" is a target too, and cannot be a folder beside it`,
    ]);
    const entry = { length: 1, hashes: { sha256: "00".repeat(32) } };
    await forge(state, "1.targets.json", staff.targets, ({ signed }) => ({ ...signed, targets: { "../up": entry } }));
    expect(await inUse()).toEqual([`fail "../up", got no client can store it`]);
  });

  test("looks into bins, and finds a bin that is not there", async () => {
    const staff = hireStaff();
    const { state, workspace } = await published(staff);
    const [ada] = [generateSigner("ed25519")];
    await makeBins(
      workspace,
      "targets",
      { bins: { prefix: "bin", bits: 1 }, form: "succinct", ...roleOf([ada as Signer]) },
      testNow,
    );
    await signStaged(workspace, { signers: [ada as Signer] });
    await release(workspace, everybody(staff));
    expect(await codes(state)).toEqual([usual]);
    await makeSimulatedDisk(state).disk.remove(`${folder}/public/metadata/1.bin-0.json`);
    expect(await codes(state)).toContain("fail TUF_LINT_ROLE_MISSING");
  });
});
