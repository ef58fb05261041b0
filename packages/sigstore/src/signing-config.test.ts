import { describe, expect, test } from "vitest";
import {
  codeOf,
  hasShared,
  jsonBytes,
  mutants,
  readShared,
  sampleService as service,
  sampleSigningConfig,
  sharedFiles,
  type Loose,
} from "../vectors/format-sample.ts";
import { maxSigningConfigBytes, parseSigningConfig, selectServices } from "./signing-config.ts";

const now = Date.UTC(2025, 5, 1);
const parse = (changes: Record<string, Loose>): ReturnType<typeof parseSigningConfig> =>
  parseSigningConfig(jsonBytes({ ...sampleSigningConfig(), ...changes }));
const rekor = (selector: Loose, ...services: Loose[]): string[] =>
  selectServices(parse({ rekorTlogUrls: services, rekorTlogConfig: selector }), now).rekor.map((each) => each.url);
const any = { selector: "ANY" };
const all = { selector: "ALL" };
const exact = (count: number): Loose => ({ selector: "EXACT", count });
const from = (start: string, end?: string): Loose => (end === undefined ? { start } : { start, end });

describe("selectServices", () => {
  test("takes one of each where there is one of each", () => {
    const services = selectServices(parse({}), now);
    expect(services.fulcio?.url).toBe("https://fulcio.example");
    expect(services.oidc?.url).toBe("https://oidc.example/auth");
    expect(services.rekor.map((each) => each.url)).toEqual(["https://rekor.example"]);
    expect(services.tsa).toHaveLength(1);
  });

  test("S23: passes over a service that starts in 2999 and one that ended yesterday", () => {
    const future = service("https://future", { validFor: from("2999-01-01T00:00:00Z") });
    const past = service("https://past", { validFor: from("2024-06-01T00:00:00Z", "2025-05-31T00:00:00Z") });
    expect(rekor(any, future, past, service("https://now"))).toEqual(["https://now"]);
    expect(codeOf(() => rekor(any, future, past))).toBe("SIGSTORE_SERVICE_NONE");
  });

  test("both ends of a window count", () => {
    const instant = new Date(now).toISOString();
    expect(rekor(any, service("https://last", { validFor: from("2024-01-01T00:00:00Z", instant) }))).toEqual([
      "https://last",
    ]);
    expect(rekor(any, service("https://first", { validFor: from(instant) }))).toEqual(["https://first"]);
  });

  test("S23: takes version 2 beside version 1, also an older one, and none of version 0 or 3", () => {
    const v2 = service("https://v2", { majorApiVersion: 2, validFor: from("2023-01-01T00:00:00Z") });
    expect(
      rekor(
        all,
        service("https://v1"),
        v2,
        service("https://v3", { majorApiVersion: 3 }),
        service("https://v0", { majorApiVersion: 0 }),
      ),
    ).toEqual(["https://v2"]);
    expect(codeOf(() => rekor(any, service("https://v3", { majorApiVersion: 3 })))).toBe("SIGSTORE_SERVICE_NONE");
  });

  test("S23: takes at most one of an operator, the one that started last", () => {
    const newer = service("https://newer", { validFor: from("2025-01-01T00:00:00Z") });
    const other = service("https://other", { operator: "elsewhere", validFor: from("2024-06-01T00:00:00Z") });
    expect(rekor(all, service("https://older"), newer, other)).toEqual(["https://newer", "https://other"]);
    expect(rekor(any, service("https://older"), newer, other)).toEqual(["https://newer"]);
    expect(rekor(exact(2), service("https://older"), newer, other)).toEqual(["https://newer", "https://other"]);
    expect(codeOf(() => rekor(exact(3), service("https://older"), newer, other))).toBe("SIGSTORE_SERVICE_TOO_FEW");
  });

  test("keeps the listed order of services that started together", () => {
    expect(rekor(all, service("https://a", { operator: "a" }), service("https://b", { operator: "b" }))).toEqual([
      "https://a",
      "https://b",
    ]);
  });

  test("leaves a kind empty that the config does not list", () => {
    const services = selectServices(
      parse({ caUrls: [], oidcUrls: null, rekorTlogUrls: [], rekorTlogConfig: null, tsaUrls: [] }),
      now,
    );
    expect(services).toEqual({ rekor: [], tsa: [] });
  });
});

describe("parseSigningConfig", () => {
  const malformed = "SIGSTORE_SIGNING_CONFIG_MALFORMED";
  test.each([
    [
      "unknown version",
      "SIGSTORE_SIGNING_CONFIG_VERSION",
      { mediaType: "application/vnd.dev.sigstore.signingconfig.v0.3+json" },
    ],
    ["no selector", malformed, { rekorTlogConfig: {} }],
    ["no configuration", malformed, { tsaConfig: null }],
    ["undefined selector", malformed, { rekorTlogConfig: { selector: "SERVICE_SELECTOR_UNDEFINED" } }],
    ["exact without count", malformed, { rekorTlogConfig: { selector: "EXACT" } }],
    ["exact zero", malformed, { rekorTlogConfig: exact(0) }],
    ["negative count", malformed, { rekorTlogConfig: exact(-1) }],
    ["fractional count", malformed, { rekorTlogConfig: exact(1.5) }],
    ["ftp", malformed, { caUrls: [service("ftp://fulcio.example")] }],
    ["credentials in the URL", malformed, { caUrls: [service("https://user:word@fulcio.example")] }],
    ["fragment in the URL", malformed, { caUrls: [service("https://fulcio.example#x")] }],
    ["white space in the URL", malformed, { caUrls: [service("https://fulcio.example/ x")] }],
    ["no host", malformed, { caUrls: [service("https://")] }],
    ["long URL", malformed, { caUrls: [service(`https://fulcio.example/${"x".repeat(2048)}`)] }],
    ["no window", malformed, { caUrls: [service("https://fulcio.example", { validFor: null })] }],
    ["no start", malformed, { caUrls: [service("https://fulcio.example", { validFor: {} })] }],
    ["start that is no time", malformed, { caUrls: [service("https://fulcio.example", { validFor: from("today") })] }],
    [
      "end before start",
      malformed,
      {
        caUrls: [service("https://fulcio.example", { validFor: from("2025-01-01T00:00:00Z", "2024-01-01T00:00:00Z") })],
      },
    ],
    ["negative version", malformed, { caUrls: [service("https://fulcio.example", { majorApiVersion: -1 })] }],
    ["too many services", malformed, { caUrls: Array.from({ length: 257 }, () => service("https://fulcio.example")) }],
  ] satisfies [string, string, Record<string, Loose>][])("refuses: %s", (_, code, changes) => {
    expect(codeOf(() => parse(changes))).toBe(code);
  });

  test("refuses what is too long", () => {
    expect(codeOf(() => parseSigningConfig(new Uint8Array(maxSigningConfigBytes + 1)))).toBe("CORE_TOO_LARGE");
  });

  test("passes over unknown members with a warning each", () => {
    const config = parse({ novelty: 1, caUrls: [service("https://fulcio.example", { colour: "red" })] });
    expect(config.warnings.map((each) => [each.level, each.code])).toEqual(
      Array.from({ length: 2 }, () => ["warn", "SIGSTORE_SIGNING_CONFIG_MEMBER"]),
    );
  });

  test("reads version 0.1: bare URLs, of API version 1, valid always", () => {
    const config = parseSigningConfig(
      jsonBytes({
        mediaType: "application/vnd.dev.sigstore.signingconfig.v0.1+json",
        caUrl: "https://fulcio.example",
        oidcUrl: "https://oidc.example",
        tlogUrls: ["https://rekor.example", "https://rekor-two.example"],
        tsaUrls: [],
      }),
    );
    const services = selectServices(config, -1e14);
    expect(services.fulcio).toMatchObject({ url: "https://fulcio.example", majorApiVersion: 1 });
    expect(services.rekor.map((each) => each.url)).toEqual(["https://rekor.example"]);
    expect(services.tsa).toEqual([]);
    expect(
      codeOf(() =>
        parseSigningConfig(
          jsonBytes({ mediaType: "application/vnd.dev.sigstore.signingconfig.v0.1+json", tlogUrls: [7] }),
        ),
      ),
    ).toBe(malformed);
  });

  test("every mutant of every node gives services or a TrustError", () => {
    const seen = new Set<string>();
    for (const mutant of mutants(sampleSigningConfig()))
      seen.add(codeOf(() => selectServices(parseSigningConfig(jsonBytes(mutant)), now)));
    expect([...seen].toSorted()).toEqual(
      expect.arrayContaining([malformed, "SIGSTORE_SIGNING_CONFIG_VERSION", "accepted"]),
    );
  });
});

describe.skipIf(!hasShared)("signing configs made by others", () => {
  test.each(sharedFiles(/^signing_config\/.*\.json$/))("%s", (path) => {
    const config = parseSigningConfig(readShared(path));
    expect(config.warnings).toEqual([]);
    const { rekor: logs } = selectServices(config, now);
    expect(logs.map((each) => each.majorApiVersion)).toEqual([path.includes("only-v1") ? 1 : 2]);
  });
});
