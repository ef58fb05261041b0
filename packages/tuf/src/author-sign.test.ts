import { beforeAll, describe, expect, test } from "vitest";
import { generateSigner, type JsonObject, type Signer } from "@countersign/core";
import { flipLastHex, makeSimulatedDisk } from "@countersign/testkit";
import {
  delegate,
  delegatorOf,
  editRole,
  editTargets,
  makeBins,
  mergeStaged,
  rotateKeys,
  signStaged,
  undelegate,
} from "./author.ts";
import { authorityOfDelegator, authorityOfRoot, mergeSignatures, signDraft, signingStateOf } from "./author-sign.ts";
import { formatSignerKey } from "./author-key.ts";
import { makeRoot, makeTargets } from "./author-init.ts";
import { statusOf } from "./author-status.ts";
import { createWorkspace, openWorkspace, type Workspace } from "./author-workspace.ts";
import {
  add,
  emptyState,
  entryOf,
  everybody,
  folder,
  hireStaff,
  init,
  published,
  release,
  roleOf,
  testNow,
} from "./author-sample.contract.ts";
import { delegatedBy } from "./author-delegation.ts";
import { withDelegation } from "./author-delegation.ts";
import { codeOf, codeOfAsync } from "./sample.contract.ts";
import { defaultValidDays } from "./author-settings.ts";
import { textIn, type Draft } from "./author-draft.ts";

const expires = new Date("2027-01-01T00:00:00Z");
let [ada, bob, cy, eve]: Signer[] = [];
beforeAll(() => {
  [ada, bob, cy, eve] = ["ada", "bob", "cy", "eve"].map(() => generateSigner("ed25519"));
});

function rootOf(signers: readonly (Signer | undefined)[], threshold: number): Draft {
  const role = roleOf(signers as readonly Signer[], threshold);
  return makeRoot({
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
    expires,
    consistentSnapshot: true,
  });
}

describe("signing", () => {
  test("counts distinct keys that a role lists, and no others", async () => {
    const root = rootOf([ada, bob, cy], 2);
    const authority = authorityOfRoot(root, "root");
    const { draft, keyids } = await signDraft(root, [ada as Signer, eve as Signer], [authority]);
    expect(keyids).toEqual([formatSignerKey(ada as Signer).keyid]);
    expect(signingStateOf(draft, authority)).toMatchObject({ isMet: false, signed: keyids, wrong: [] });
    const both = await signDraft(draft, [bob as Signer], [authority]);
    expect(signingStateOf(both.draft, authority)).toMatchObject({
      isMet: true,
      open: [formatSignerKey(cy as Signer).keyid],
    });
  });

  test("T1: one key under two ids counts once, and signs under both", async () => {
    const { key, keyid } = formatSignerKey(ada as Signer);
    const root = rootOf([ada, bob], 2);
    const keys = { ...(root.signed["keys"] as JsonObject), "00ff": key };
    const signed = {
      ...root.signed,
      keys,
      roles: { ...(root.signed["roles"] as JsonObject), root: { keyids: [keyid, "00ff"], threshold: 2 } },
    };
    const authority = authorityOfRoot({ signed, signatures: [] }, "root");
    const { draft, keyids } = await signDraft({ signed, signatures: [] }, [ada as Signer], [authority]);
    expect(keyids).toEqual([keyid, "00ff"]);
    expect(signingStateOf(draft, authority)).toMatchObject({ isMet: false, signed: [keyid] });
  });

  test("replaces a signature by the same key, and refuses a key that is listed for another algorithm", async () => {
    const root = rootOf([ada], 1);
    const authority = authorityOfRoot(root, "root");
    const once = await signDraft(root, [ada as Signer], [authority]);
    const twice = await signDraft(once.draft, [ada as Signer], [authority]);
    expect(twice.draft.signatures).toHaveLength(1);
    const ed25519ph = { ...(ada as Signer), algorithm: generateSigner("ed25519ph").algorithm };
    expect(await codeOfAsync(() => signDraft(root, [ed25519ph], [authority]))).toBe("TUF_KEY_SCHEME");
  });

  test("of damaged signatures: they are named as wrong and count for nothing", async () => {
    const root = rootOf([ada, bob], 1);
    const authority = authorityOfRoot(root, "root");
    const [good] = (await signDraft(root, [ada as Signer], [authority])).draft.signatures;
    for (const sig of ["", "zz", "abc", textIn(good?.["sig"]).replace(/^../, flipLastHex), 7])
      expect(
        signingStateOf({ ...root, signatures: [{ keyid: textIn(good?.["keyid"]), sig }] }, authority),
      ).toMatchObject({ isMet: false, wrong: [good?.["keyid"]] });
  });
});

describe("merging signatures of others", () => {
  test("takes those that hold, and leaves those of strangers", async () => {
    const root = rootOf([ada, bob, cy], 2);
    const authority = authorityOfRoot(root, "root");
    const a = (await signDraft(root, [ada as Signer], [authority])).draft;
    const b = (await signDraft(root, [bob as Signer], [authority])).draft;
    const stranger = { keyid: "ff", sig: "00" };
    const merged = mergeSignatures(a, { ...b, signatures: [...b.signatures, stranger] }, [authority]);
    expect(merged.keyids).toEqual([formatSignerKey(bob as Signer).keyid]);
    expect(signingStateOf(merged.draft, authority).isMet).toBe(true);
  });

  test("refuses a signature that does not hold, and signatures over other content", async () => {
    const root = rootOf([ada, bob], 2);
    const authority = authorityOfRoot(root, "root");
    const { keyid } = formatSignerKey(bob as Signer);
    const forged = { ...root, signatures: [{ keyid, sig: "00".repeat(64) }] };
    expect(codeOf(() => mergeSignatures(root, forged, [authority]))).toBe("TUF_SIGNATURE_WRONG");
    const other = { ...root, signed: { ...root.signed, version: 2 } };
    expect(codeOf(() => mergeSignatures(root, other, [authority]))).toBe("TUF_MERGE_DIFFERENT");
  });
});

describe("a workspace", () => {
  async function fresh(): Promise<Workspace> {
    return init(makeSimulatedDisk(emptyState()).disk, hireStaff());
  }

  test("is made once, and opened only where one is", async () => {
    const { disk } = makeSimulatedDisk(emptyState());
    expect(await codeOfAsync(() => openWorkspace(disk, folder))).toBe("TUF_WORKSPACE_MISSING");
    await createWorkspace(disk, folder, { validDays: defaultValidDays });
    expect(await codeOfAsync(() => createWorkspace(disk, folder, { validDays: defaultValidDays }))).toBe(
      "TUF_WORKSPACE_EXISTS",
    );
  });

  test("T3: refuses a file under the name of another role", async () => {
    const workspace = await fresh();
    const targets = (await workspace.staged("targets")) as Draft;
    expect(await codeOfAsync(() => workspace.stage("root", targets))).toBe("TUF_DRAFT_MALFORMED");
    await workspace.stage("../../x", targets);
    expect(await workspace.stagedRoles()).toEqual(["../../x", "root", "targets"]);
    expect(await workspace.disk.list("/")).not.toContain("x.json");
  });

  test("forgets signatures of what is changed after it was signed", async () => {
    const staff = hireStaff();
    const workspace = await init(makeSimulatedDisk(emptyState()).disk, staff);
    await signStaged(workspace, { signers: everybody(staff) });
    await editTargets(workspace, "targets", new Map([["a", entryOf("x")]]), testNow);
    expect((await workspace.staged("targets"))?.signatures).toEqual([]);
    expect((await workspace.staged("root"))?.signatures).toHaveLength(1);
  });

  test("routes targets to their bin, also to explicit bins", async () => {
    for (const form of ["succinct", "explicit"] as const) {
      const workspace = await fresh();
      await add(workspace, { moved: "m" });
      await makeBins(
        workspace,
        "targets",
        { bins: { prefix: "bin", bits: 2 }, form, ...roleOf([ada as Signer]) },
        testNow,
      );
      const byRole = await editTargets(workspace, "targets", new Map([["x/y.tgz", entryOf("x")]]), testNow);
      const listed: string[] = [];
      for (const role of await workspace.stagedRoles())
        if (role.startsWith("bin-"))
          listed.push(...Object.keys((await workspace.staged(role))?.signed["targets"] as object));
      expect([...byRole.keys()]).toEqual([expect.stringMatching(/^bin-[0-3]$/)]);
      expect(listed.toSorted()).toEqual(["moved", "x/y.tgz"]);
      expect((await workspace.staged("targets"))?.signed["targets"]).toEqual({});
    }
  });

  test("names roles that are not there, and those of which there are two", async () => {
    const workspace = await fresh();
    expect(await codeOfAsync(() => editRole(workspace, "nobody", testNow))).toBe("TUF_ROLE_UNKNOWN");
    expect(await codeOfAsync(() => editTargets(workspace, "root", new Map([["a", entryOf("x")]]), testNow))).toBe(
      "TUF_ROLE_UNKNOWN",
    );
    expect(await codeOfAsync(() => mergeStaged(workspace, "nobody", makeTargets(expires)))).toBe("TUF_ROLE_UNKNOWN");
    const plan = (name: string): Parameters<typeof delegate>[2] => ({ name, ...roleOf([ada as Signer]), paths: ["*"] });
    await delegate(workspace, "targets", plan("a"), testNow);
    await delegate(workspace, "targets", plan("b"), testNow);
    await delegate(workspace, "a", plan("shared"), testNow);
    await delegate(workspace, "b", plan("shared"), testNow);
    expect(await codeOfAsync(() => delegatorOf(workspace, "shared"))).toBe("TUF_ROLE_AMBIGUOUS");
    expect((await delegatorOf(workspace, "shared", "b")).name).toBe("b");
    await rotateKeys(workspace, { role: "shared", from: "b", ...roleOf([bob as Signer]) }, testNow);
    const b = (await workspace.staged("b")) as Draft;
    expect(authorityOfDelegator(b, "b", "shared")?.keys.map(({ keyid }) => keyid)).toEqual([
      formatSignerKey(bob as Signer).keyid,
    ]);
    await undelegate(workspace, "b", "shared", testNow);
    expect(delegatedBy((await workspace.staged("b")) as Draft).roles).toEqual([]);
  });

  test("T5: a role of two delegators must be signed as both ask", async () => {
    const staff = hireStaff();
    const workspace = await init(makeSimulatedDisk(emptyState()).disk, staff);
    const plan = { name: "shared", paths: ["*"] };
    await delegate(workspace, "targets", { name: "a", ...roleOf([ada as Signer]), paths: ["*"] }, testNow);
    await delegate(workspace, "targets", { ...plan, ...roleOf([bob as Signer]) }, testNow);
    await editRole(workspace, "a", testNow, (draft) => withDelegation(draft, { ...plan, ...roleOf([cy as Signer]) }));
    await signStaged(workspace, { signers: [...everybody(staff), ada as Signer, bob as Signer] });
    const before = (await statusOf(workspace, testNow)).find(({ role }) => role === "shared");
    expect(before?.staged).toMatchObject({ isReady: false, signing: [{ isMet: true }, { isMet: false }] });
    await signStaged(workspace, { signers: [cy as Signer], roles: ["shared"] });
    expect((await statusOf(workspace, testNow)).find(({ role }) => role === "shared")?.staged?.isReady).toBe(true);
  });

  test("tells how all roles stand", async () => {
    const staff = hireStaff();
    const { workspace } = await published(staff);
    await rotateKeys(workspace, { role: "root", ...roleOf([ada as Signer, bob as Signer], 2) }, testNow);
    await signStaged(workspace, { signers: [ada as Signer] });
    const rows = new Map((await statusOf(workspace, testNow)).map((row) => [row.role, row]));
    expect(rows.get("timestamp")).toEqual({
      role: "timestamp",
      published: { version: 1, expires: "2026-06-08T12:00:00Z", expiresInDays: 7 },
    });
    expect(rows.get("root")?.staged).toMatchObject({
      version: 2,
      isReady: false,
      signing: [
        { source: "root 1", threshold: 1, signed: [], isMet: false, isNeeded: true },
        { source: "root 2", threshold: 2, signed: [formatSignerKey(ada as Signer).keyid], isMet: false },
      ],
    });
    await signStaged(workspace, { signers: [...staff.root, bob as Signer] });
    expect((await release(workspace, everybody(staff))).roles).toEqual([{ role: "root", version: 2 }]);
  });
});
