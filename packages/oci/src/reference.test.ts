import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatReference,
  hostnameOf,
  isTag,
  maxReferenceChars,
  parseReference,
  parseRepository,
  pinReference,
} from "./reference.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const digest = `sha256:${"0".repeat(64)}`;

describe("references", () => {
  test.each([
    ["alpine", "docker.io/library/alpine:latest"],
    ["alpine:3", "docker.io/library/alpine:3"],
    ["team/app", "docker.io/team/app:latest"],
    ["index.docker.io/team/app", "docker.io/team/app:latest"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/app:1", "localhost:5000/app:1"],
    ["[::1]:5000/app:1", "[::1]:5000/app:1"],
    ["GHCR.io/a/b", "GHCR.io/a/b:latest"],
    ["ghcr.io/a/b/c__d/e-f.g:v1.2.3-rc.1", "ghcr.io/a/b/c__d/e-f.g:v1.2.3-rc.1"],
    [`ghcr.io/a/b@${digest}`, `ghcr.io/a/b@${digest}`],
    [`ghcr.io/a/b:1@${digest}`, `ghcr.io/a/b:1@${digest}`],
  ])("%s is %s", (text, whole) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(whole);
    expect(parseReference(whole)).toEqual(reference);
  });

  test.each([
    "",
    ":",
    "@",
    "/",
    "a//b",
    "app:",
    "app:-x",
    "ghcr.io/",
    "ghcr.io/App",
    "ghcr.io/../x",
    "ghcr.io/a/./b",
    "ghcr.io/a b",
    "ghcr.io/a\u0000b",
    "ghcr.io/a%2fb",
    "ghcr.io:99999/a",
    "ghcr.io:0/a",
    "ghcr.io:/a",
    "user@ghcr.io/a",
    "https://ghcr.io/a",
    "127.1/a",
    "0x7f.0.0.1/a",
    "ghcr.io/a@sha256:abc",
    `ghcr.io/a@${digest}@${digest}`,
    `ghcr.io/a@${digest.toUpperCase()}`,
    `ghcr.io/${"a".repeat(255)}`,
    "a".repeat(maxReferenceChars + 1),
    `app:${"t".repeat(129)}`,
    "ghcr.io/a__b___c",
    "ghcr.io/-a",
  ])("refuses %j", (text) => {
    expect(() => parseReference(text)).toThrow(code("OCI_REFERENCE_MALFORMED"));
  });

  test("any text is a reference that reads back, or refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:/@_-]{0,60}$/)), (text) => {
        try {
          const reference = parseReference(text);
          expect(parseReference(formatReference(reference))).toEqual(reference);
        } catch (error) {
          expect(error).toEqual(code("OCI_REFERENCE_MALFORMED"));
        }
      }),
    );
  });

  test("a pinned one has the digest alone, a repository neither", () => {
    const reference = parseReference("ghcr.io/a/b:1");
    expect(formatReference(pinReference(reference, parseReference(`x@${digest}`).digest as never))).toBe(
      `ghcr.io/a/b@${digest}`,
    );
    expect(parseRepository("ghcr.io/a/b")).toEqual({ registry: "ghcr.io", repository: "a/b" });
    expect(() => parseRepository("ghcr.io/a/b:1")).toThrow(code("OCI_REFERENCE_MALFORMED"));
    expect(() => parseRepository(`ghcr.io/a/b@${digest}`)).toThrow(code("OCI_REFERENCE_MALFORMED"));
    expect(hostnameOf("ghcr.io:443")).toBe("ghcr.io");
    expect([isTag("v1"), isTag("a/b")]).toEqual([true, false]);
  });
});
