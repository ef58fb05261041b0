import { digestStream, isVerified, type Artifact, type HashName } from "@countersign/core";
import {
  addTufTarget,
  makeTufRepository,
  publishTuf,
  tufClient,
  tufRole,
  type LooseObject,
} from "@countersign/testkit";
import { expect, test } from "vitest";
import { makeMemoryStore } from "./memory-store.ts";
import { bytesOf, codeOf } from "./sample.contract.ts";
import { needTarget } from "./updater.ts";
import { verifyTarget } from "./verify.ts";
import type { TrustedTarget } from "./trusted-target.ts";

async function found(members: LooseObject = {}): Promise<TrustedTarget> {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  const listed = tufRole(repository, "targets").signed["targets"] as Record<string, LooseObject>;
  Object.assign(listed["app.bin"] ?? {}, members);
  await publishTuf(repository);
  const root = repository.metadata.get("1.root.json") as Uint8Array;
  return needTarget("app.bin", await tufClient(repository, { root, store: makeMemoryStore() }).target("app.bin"));
}

async function artifact(content: string, ...hashes: HashName[]): Promise<Artifact> {
  const stream = (async function* () {
    yield bytesOf(content);
  })();
  return digestStream(stream, { name: "x", hashes });
}

test("the file that was listed becomes verified claims", async () => {
  const claims = verifyTarget(
    await found({ custom: { channel: "beta" } }),
    await artifact("the app", "sha256", "sha512"),
  );
  expect(isVerified(claims)).toBe(true);
  expect(Object.isFrozen(claims.target?.custom)).toBe(true);
  expect(claims).toMatchObject({
    via: "tuf",
    artifact: { digests: [expect.stringMatching(/^sha256:/)] },
    signer: { kind: "key", algorithm: "ed25519" },
    target: {
      name: "app.bin",
      length: 7,
      rolePath: ["targets"],
      version: 1,
      expires: "2031-01-01T00:00:00Z",
      under: { root: 1, timestamp: 1, snapshot: 1 },
      custom: { channel: "beta" },
    },
  });
});

test("what was found cannot be changed before it is vouched for", async () => {
  const target = await found({ custom: { release: { version: "1.0.0" } } });
  const { release } = target.custom as { release: { version: string } };
  expect(() => (target.digests as unknown as string[]).splice(0, 1, `sha256:${"00".repeat(32)}`)).toThrow(TypeError);
  expect(() => (release.version = "2.0.0")).toThrow(TypeError);
  expect(() => (target.rolePath as string[]).push("x")).toThrow(TypeError);
  expect(() => (target.under as { root: number }).root++).toThrow(TypeError);
  const [signer] = target.signers as unknown as [{ kind: string }];
  expect(() => (signer.kind = "certificate")).toThrow(TypeError);
});

test("another file is refused", async () => {
  const target = await found();
  expect(codeOf(() => verifyTarget(target, { name: "x", digests: [] }))).toBe("TUF_TARGET_LENGTH");
  const [longer, other, unhashed] = [
    await artifact("the app!", "sha256"),
    await artifact("the apq", "sha256"),
    await artifact("the app", "sha512"),
  ];
  expect(codeOf(() => verifyTarget(target, longer))).toBe("TUF_TARGET_LENGTH");
  expect(codeOf(() => verifyTarget(target, other))).toBe("TUF_TARGET_HASH");
  expect(codeOf(() => verifyTarget(target, unhashed))).toBe("TUF_TARGET_UNHASHED");
});

test("every hash that is listed must fit", async () => {
  const sha256 = (await found()).digests.map((digest) => digest.slice("sha256:".length)).join("");
  const target = await found({ hashes: { sha256, sha512: "00".repeat(64) } });
  const right = await artifact("the app", "sha256", "sha512");
  expect(codeOf(() => verifyTarget(target, right))).toBe("TUF_TARGET_HASH");
});

test("only what an updater gave counts", async () => {
  const target = await found();
  const forged = { ...target, length: 3 };
  const three = await artifact("abc", "sha256");
  expect(codeOf(() => verifyTarget(forged, three))).toBe("TUF_TARGET_UNPROVED");
  expect(codeOf(() => verifyTarget({ ...target }, three))).toBe("TUF_TARGET_UNPROVED");
});
