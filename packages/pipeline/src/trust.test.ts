import { makeInstance, trustRootBytes } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  isInstanceName,
  loadInstance,
  loadTrust,
  staleTrustDays,
  type InstanceName,
  type TrustOptions,
} from "./index.ts";

const { parts, now } = makeInstance();
const bytes = trustRootBytes(parts);
const daysAgo = (days: number): string => new Date(now.getTime() - days * 86_400_000).toISOString();
const codeOf = (options: Partial<TrustOptions>): Promise<string> =>
  loadTrust({ now, ...options }).then(
    ({ findings }) => findings.map(({ code, level }) => `${level} ${code}`).join(" "),
    (error: { code: string }) => error.code,
  );

describe("roots that are built in", () => {
  test.each<InstanceName>(["public-good", "staging", "github"])(
    "%s can be read, and says where it is from and how old it is",
    async (instance) => {
      const { source } = await loadInstance(instance);
      const later = new Date(new Date(source.date).getTime() + 5 * 86_400_000);
      const { root, sources, require } = await loadTrust({ now: later, instance });
      expect(root.authorities.length).toBeGreaterThan(0);
      expect(sources).toMatchObject([
        { source: `${instance}, embedded from ${source.package} ${source.version}`, date: source.date, ageDays: 5 },
      ]);
      expect(require).toEqual(instance === "github" ? { scts: 0, logEntries: 0, times: 1 } : undefined);
    },
  );

  test("public-good is the default; another name is a usage error", async () => {
    expect((await loadTrust({ now })).sources[0]?.source).toMatch(/^public-good/);
    expect(await codeOf({ instance: "nowhere" })).toBe("PIPELINE_INSTANCE_UNKNOWN");
    expect([isInstanceName("staging"), isInstanceName("constructor"), isInstanceName("__proto__")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("the age of a root", () => {
  const file = (date?: string) => [{ source: "root.json", bytes, ...(date === undefined ? {} : { date }) }];
  test.each<[string, Partial<TrustOptions>, string]>([
    ["young enough", { files: file(daysAgo(staleTrustDays)) }, ""],
    ["past ninety days: a warning", { files: file(daysAgo(staleTrustDays + 1)) }, "warn PIPELINE_TRUST_OLD"],
    ["past the caller's limit: refused", { files: file(daysAgo(8)), maxAgeDays: 7 }, "PIPELINE_TRUST_STALE"],
    ["at the caller's limit", { files: file(daysAgo(7)), maxAgeDays: 7 }, ""],
    ["unknown, and no limit", { files: file() }, ""],
    ["unknown, with a limit", { files: file(), maxAgeDays: 7 }, "PIPELINE_TRUST_AGE_UNKNOWN"],
    ["in the future", { files: file(daysAgo(-3)), maxAgeDays: 0 }, ""],
    ["not a date, with a limit", { files: file("yesterday"), maxAgeDays: 7 }, "PIPELINE_TRUST_AGE_UNKNOWN"],
    ["not a date", { files: file("yesterday") }, ""],
    [
      "one of two too old",
      { files: [...file(daysAgo(1)), ...file(daysAgo(9))], maxAgeDays: 7 },
      "PIPELINE_TRUST_STALE",
    ],
  ])("%s", async (_, options, outcome) => {
    expect(await codeOf(options)).toBe(outcome);
  });
});

test("several files count together, and what was passed over in them is said", async () => {
  const other = makeInstance("b");
  const odd = { ...parts, logs: [{ ...other.rekor.trusted, keyDetails: "PKIX_UNHEARD_OF" }], version: "0.1" } as const;
  const { root, findings, sources } = await loadTrust({
    now,
    files: [
      { source: "a", bytes },
      { source: "b", bytes: trustRootBytes(odd) },
    ],
  });
  expect([root.logs.length, root.authorities.length, sources.length]).toEqual([2, 2, 2]);
  expect(findings).toMatchObject([{ level: "warn", code: "SIGSTORE_TRUST_ROOT_LOG_SKIPPED" }]);
  await expect(loadTrust({ now, files: [{ source: "x", bytes: bytes.subarray(1) }] })).rejects.toMatchObject({
    code: "CORE_JSON_MALFORMED",
  });
});
