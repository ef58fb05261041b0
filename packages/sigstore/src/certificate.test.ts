import { parseCertificate, type Certificate } from "@countersign/core";
import {
  makeAuthority,
  makeKeyPair,
  type AuthorityOptions,
  type Extension,
  type IssueOptions,
  type SubordinateOptions,
} from "@countersign/local-sigstore";
import { makeInstance, outcomeOf, trustRootOf } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  checkChainSignatures,
  checkIssued,
  checkPath,
  checkSigningUsage,
  checkTimes,
  codeSigning,
  timeStamping,
} from "./certificate.ts";
import type { Authority } from "./trust-root.ts";

const instance = makeInstance();
const nowMs = instance.now.getTime();
const { spki } = makeKeyPair("p256");
const options: AuthorityOptions = { uri: "http://ca.test", now: () => instance.now, kind: "p256" };
const identity = { type: "uri", value: "https://ci.test/x" } as const;

function leafOf(o: Partial<IssueOptions> = {}, ca = instance.ca): Certificate {
  return parseCertificate(ca.issue({ spki, identity, issuer: "https://token.test", sct: "none", ...o }).certificate);
}
function authoritiesOf(...cas: (typeof instance.ca)[]): readonly Authority[] {
  return trustRootOf(instance, { cas: cas.map((ca) => ca.trusted) }).authorities;
}
const ours = authoritiesOf(instance.ca);
const issued = (leaf: Certificate, authorities = ours, ...timesMs: number[]): string =>
  outcomeOf(() => checkIssued(leaf, authorities, timesMs.length === 0 ? [nowMs] : timesMs));
const flipLast = (der: Uint8Array): Uint8Array => der.with(-1, (der.at(-1) as number) ^ 1);

describe("a leaf and its authority", () => {
  test("an issued leaf is accepted, and says who issued it", () => {
    const leaf = leafOf();
    expect(issued(leaf)).toBe("accepted");
    expect(checkIssued(leaf, ours, [nowMs])).toEqual({ authority: ours[0], issuer: ours[0]?.chain[0] });
  });

  test("no authority, one of another name, one of the same name with another key: refused", () => {
    expect(issued(leafOf(), [])).toBe("SIGSTORE_CERTIFICATE_UNTRUSTED");
    expect(issued(leafOf(), authoritiesOf(makeAuthority({ ...options, organization: "another" })))).toBe(
      "SIGSTORE_CERTIFICATE_UNTRUSTED",
    );
    expect(issued(leafOf(), authoritiesOf(makeAuthority(options)))).toBe("SIGSTORE_CERTIFICATE_UNTRUSTED");
  });

  test("a flipped bit in the leaf's signature, or in what it signs", () => {
    const leaf = leafOf();
    expect(issued(parseCertificate(flipLast(leaf.raw)))).toBe("SIGSTORE_CERTIFICATE_UNTRUSTED");
    const at = leaf.raw.length - leaf.signature.length - 40;
    const names = new Set<string>();
    for (let offset = 4; offset < at; offset += 7) {
      names.add(
        outcomeOf(() =>
          checkIssued(parseCertificate(leaf.raw.with(offset, (leaf.raw[offset] as number) ^ 1)), ours, [nowMs]),
        ),
      );
    }
    expect([...names].toSorted()).toEqual(["CORE_CERTIFICATE_MALFORMED", "SIGSTORE_CERTIFICATE_UNTRUSTED"]);
  });

  test("of two authorities of one name the right one is found, whatever kind of key the other has", () => {
    for (const kind of ["p256", "p384", "rsa2048", "ed25519"] as const) {
      const other = makeAuthority({ ...options, kind });
      expect(issued(leafOf(), authoritiesOf(other, instance.ca))).toBe("accepted");
      expect(issued(leafOf({}, other), authoritiesOf(instance.ca, other))).toBe("accepted");
    }
  });

  test("an authority whose own chain does not hold is refused, each time it is asked", () => {
    const [issuer, root] = instance.ca.chain as [Uint8Array, Uint8Array];
    const broken = authoritiesOf({
      ...instance.ca,
      trusted: { ...instance.ca.trusted, chain: [flipLast(issuer), root] },
    });
    for (let run = 0; run < 2; run++) expect(issued(leafOf(), broken)).toBe("SIGSTORE_CERTIFICATE_CHAIN");
    const anotherRoot = makeAuthority(options).chain[1] as Uint8Array;
    const mixed = authoritiesOf({ ...instance.ca, trusted: { ...instance.ca.trusted, chain: [issuer, anotherRoot] } });
    expect(issued(leafOf(), mixed)).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  });
});

describe("times count at both ends, and all of them (attacks S13)", () => {
  const [notBefore, notAfter] = [new Date(nowMs), new Date(nowMs + 600_000)];
  const leaf = leafOf({ notBefore, notAfter });
  test.each([
    [[0], "accepted"],
    [[600_000], "accepted"],
    // To the end of the last second: X.509 knows no fractions.
    [[600_999], "accepted"],
    [[-1], "SIGSTORE_CERTIFICATE_TIME"],
    [[601_000], "SIGSTORE_CERTIFICATE_TIME"],
    [[0, 600_000], "accepted"],
    [[0, 601_000], "SIGSTORE_CERTIFICATE_TIME"],
    [[601_000, 0], "SIGSTORE_CERTIFICATE_TIME"],
  ])("the leaf at %j ms: %s", (offsets, outcome) => {
    expect(issued(leaf, ours, ...offsets.map((offset) => nowMs + offset))).toBe(outcome);
  });

  test.each([
    [{ start: notBefore, end: notBefore }, "accepted"],
    [{ start: notAfter }, "SIGSTORE_CERTIFICATE_TIME"],
    [{ start: new Date(0), end: new Date(nowMs - 1) }, "SIGSTORE_CERTIFICATE_TIME"],
  ])("the authority's window %j: %s", (validFor, outcome) => {
    const authorities = authoritiesOf({ ...instance.ca, trusted: { ...instance.ca.trusted, validFor } });
    expect(issued(leaf, authorities)).toBe(outcome);
    expect(outcomeOf(() => checkTimes(leaf, authorities[0] as Authority, nowMs))).toBe(outcome);
  });

  test("an intermediate that has ended", () => {
    const ca = makeAuthority({ ...options, notBefore: new Date(nowMs - 9000), notAfter: new Date(nowMs - 1000) });
    expect(issued(leafOf({}, ca), authoritiesOf(ca))).toBe("SIGSTORE_CERTIFICATE_TIME");
    expect(issued(leafOf({ notBefore: new Date(nowMs - 9000) }, ca), authoritiesOf(ca), nowMs - 5000)).toBe("accepted");
  });
});

const critical = (oid: string): Extension => ({ oid, critical: true, value: Uint8Array.of(5, 0) });

describe("S5: what a leaf may be", () => {
  const rows: readonly [string, Partial<IssueOptions>, string][] = [
    ["as Fulcio makes it", {}, "accepted"],
    ["codeSigning beside another purpose", { extendedKeyUsages: [timeStamping, codeSigning] }, "accepted"],
    ["no extended key usage", { extendedKeyUsages: [] }, "SIGSTORE_CERTIFICATE_USAGE"],
    ["another purpose", { extendedKeyUsages: [timeStamping] }, "SIGSTORE_CERTIFICATE_USAGE"],
    ["any purpose", { extendedKeyUsages: ["2.5.29.37.0"] }, "SIGSTORE_CERTIFICATE_USAGE"],
    ["no key usage", { keyUsages: [] }, "SIGSTORE_CERTIFICATE_USAGE"],
    ["key usage without digitalSignature", { keyUsages: ["keyEncipherment"] }, "SIGSTORE_CERTIFICATE_USAGE"],
    ["a CA", { isCa: true }, "SIGSTORE_CERTIFICATE_USAGE"],
    [
      "no CA, but may sign certificates",
      { keyUsages: ["digitalSignature", "keyCertSign"] },
      "SIGSTORE_CERTIFICATE_USAGE",
    ],
    ["basic constraints that say it is none", { isCa: false }, "accepted"],
    ["an unknown critical extension", { extraExtensions: [critical("1.2.3.4")] }, "SIGSTORE_CERTIFICATE_EXTENSION"],
    ["an unknown extension", { extraExtensions: [{ ...critical("1.2.3.4"), critical: false }] }, "accepted"],
  ];
  test.each(rows)("%s", (_, o, outcome) => {
    expect(outcomeOf(() => checkSigningUsage(leafOf(o)))).toBe(outcome);
  });
});

describe("S5: what stands above a leaf", () => {
  const below = (o: SubordinateOptions, ca = makeAuthority({ ...options, pathLength: 1 })): string => {
    const sub = ca.subordinate({ extendedKeyUsages: [codeSigning], ...o });
    return outcomeOf(() => checkIssued(leafOf({}, sub), authoritiesOf(sub), [nowMs]));
  };
  const nameConstraints: Extension = { oid: "2.5.29.30", critical: true, value: Uint8Array.of(0x30, 0) };
  const rows: readonly [string, SubordinateOptions, string][] = [
    ["a proper intermediate", {}, "accepted"],
    ["one for any purpose", { extendedKeyUsages: ["2.5.29.37.0"] }, "accepted"],
    ["one without a purpose", { extendedKeyUsages: [] }, "accepted"],
    ["one that is no CA", { isCa: false }, "SIGSTORE_CERTIFICATE_CHAIN"],
    // Which cannot be read, so that the trust root leaves its authority out.
    ["one that is no CA but has a path length", { isCa: false, pathLength: 0 }, "SIGSTORE_CERTIFICATE_UNTRUSTED"],
    ["one that may not sign certificates", { keyUsages: ["digitalSignature"] }, "SIGSTORE_CERTIFICATE_CHAIN"],
    ["one for another purpose", { extendedKeyUsages: [timeStamping] }, "SIGSTORE_CERTIFICATE_CHAIN"],
    ["an unknown critical extension", { extraExtensions: [critical("1.2.3.4")] }, "SIGSTORE_CERTIFICATE_EXTENSION"],
    [
      "name constraints, which nobody here evaluates",
      { extraExtensions: [nameConstraints] },
      "SIGSTORE_CERTIFICATE_EXTENSION",
    ],
    [
      "name constraints that are not critical",
      { extraExtensions: [{ ...nameConstraints, critical: false }] },
      "SIGSTORE_CERTIFICATE_EXTENSION",
    ],
  ];
  test.each(rows)("%s", (_, o, outcome) => {
    expect(below(o)).toBe(outcome);
  });

  test("a path longer than the one above allows", () => {
    expect(below({}, makeAuthority({ ...options, pathLength: 0 }))).toBe("SIGSTORE_CERTIFICATE_CHAIN");
    const deep = makeAuthority({ ...options, pathLength: 2 })
      .subordinate({ pathLength: 0 })
      .subordinate({ pathLength: 0 });
    expect(issued(leafOf({}, deep), authoritiesOf(deep))).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  });

  test("a leaf in the authority's place", () => {
    const leaf = leafOf();
    expect(outcomeOf(() => checkPath([leaf, ...(ours[0] as Authority).chain], codeSigning))).toBe(
      "SIGSTORE_CERTIFICATE_CHAIN",
    );
  });

  test("certificates in the wrong order, by name and by signature", () => {
    const chain = (ours[0] as Authority).chain.toReversed();
    expect(outcomeOf(() => checkPath(chain, codeSigning))).toBe("SIGSTORE_CERTIFICATE_CHAIN");
    expect(outcomeOf(() => checkChainSignatures(chain))).toBe("SIGSTORE_CERTIFICATE_CHAIN");
    expect(outcomeOf(() => checkChainSignatures((ours[0] as Authority).chain))).toBe("accepted");
  });
});
