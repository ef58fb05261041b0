import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findDockerfileImages, maxDockerfileChars } from "./dockerfile.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const images = (text: string, args: Record<string, string> = {}): readonly string[] =>
  findDockerfileImages(text, new Map(Object.entries(args))).map(({ image, by, line }) => `${line} ${by} ${image}`);

describe("images of a Dockerfile", () => {
  test.each([
    ["a quoted text is no here-document", 'FROM good\nRUN echo "<<EOF"\nFROM evil\nRUN true \\\nEOF', "3 FROM evil"],
    ["nor is a here-string", "FROM good\nRUN cat <<<EOF\nFROM evil\nRUN true \\\nEOF", "3 FROM evil"],
    ["nor a shift", "FROM good\nRUN echo $((1<<EOF))\nFROM evil\nRUN true \\\nEOF", "3 FROM evil"],
    ["two escapes do not join lines", "FROM good\nRUN echo \\\\\nFROM evil", "3 FROM evil"],
    [
      "a mount's members in capitals",
      "FROM good\nRUN --mount=type=bind,FROM=evil,target=/x /x/run",
      "2 RUN --mount evil",
    ],
    ["in quotes", 'FROM good\nRUN --mount=type=bind,"from=evil",target=/x /x/run', "2 RUN --mount evil"],
    ["escaped", "FROM good\nRUN --mount=type=bind,fr\\om=evil,target=/x /x/run", "2 RUN --mount evil"],
    ["a quote inside a member", "FROM good\nRUN --mount=type=bind,f'rom=evil,target=/x' /x/run", "2 RUN --mount evil"],
    ["a flag in quotes", 'FROM good\nCOPY "--from=evil" / /', "2 COPY --from evil"],
  ])("nothing hides: %s", (_, text, hidden) => {
    expect(images(text)).toEqual(["1 FROM good", hidden]);
  });

  test.each([
    ["a here-document by a name that is cut otherwise", "FROM good\nRUN cat <<E-F\nE-F\nFROM evil\nRUN true \\\nE"],
    ["one beside a variable that builders cannot read", "FROM good\nRUN cat ${ <<E\nFROM evil\nRUN true \\\nE"],
    ["one beside an open quote", "FROM good\nRUN cat ' <<E\nFROM evil\nRUN true \\\nE"],
    ["an escape after another comment", "# a comment\n# escape=`\nFROM good\nRUN true \\\nFROM evil"],
    ["an escape after a directive that is none", "# a=b c\n# escape=`\nFROM good\nRUN true \\\nFROM evil"],
    ["an escape that is none", "# escape=x\nFROM good\nRUN true x\nFROM evil"],
    ["a blank of another kind after the escape", "FROM good\nRUN true \\\u00a0\nFROM evil"],
    ["another frontend's language, begun by //", "// syntax=evil\nFROM good"],
    ["the same as JSON", '{"syntax":"evil"}'],
    ["what is no instruction", "FROM good\n!FROM evil"],
    ["a quote that ends with the line", "FROM good\nRUN --mount=type=bind,fro'm=evil,target=/x ls"],
    ["letters in flags that builders take for blanks", "FROM good\nCOPY --chown=\u00e0--from=evil / /"],
    ["a mark before a comment", "FROM good\nRUN true \\\n\ufeff# x\nFROM evil"],
  ])("refused: %s", (_, text) => {
    expect(() => images(text)).toThrow(code("OCI_DOCKERFILE_MALFORMED"));
  });

  test("nothing hides behind another escape, or in a stage's name that only looks like one", () => {
    expect(images("# escape=`\nFROM good\nRUN --mount=fr`om=evil /x/run")).toContain("3 RUN --mount evil");
    expect(images("FROM good\nFROM x\u00a0AS\u00a0evil\nFROM evil")).toContain("3 FROM evil");
  });

  test("stages are no images, by name, by number and in any case", () => {
    expect(
      images(`FROM golang:1.26 AS Build
COPY --from=0 /a /b
COPY --chown=1:1 --from=build /a /b
COPY --from=1 /a /b
FROM scratch
COPY --from=busybox:1 /bin/sh /sh
RUN --mount=type=bind,from=build,target=/x --mount=type=cache,from=alpine:3,target=/y echo --from=none
FROM BUILD
ONBUILD COPY --from=debian:12 / /
`),
    ).toEqual([
      "1 FROM golang:1.26",
      "4 COPY --from 1",
      "6 COPY --from busybox:1",
      "7 RUN --mount alpine:3",
      "9 COPY --from debian:12",
    ]);
  });

  test("variables: defaults, build arguments, alternatives", () => {
    const text = `ARG BASE=alpine
ARG TAG
ARG FULL="\${BASE}:3"
FROM $BASE:\${TAG:-3.20}
FROM \${FULL}
FROM \${TAG:+tagged/}x
`;
    expect(images(text)).toEqual(["4 FROM alpine:3.20", "5 FROM alpine:3", "6 FROM x"]);
    expect(images(text, { TAG: "9", BASE: "b", UNDECLARED: "x" })).toEqual([
      "4 FROM b:9",
      "5 FROM b:3",
      "6 FROM tagged/x",
    ]);
    for (const bad of [
      "FROM $X",
      "FROM ${X}",
      "FROM a:${X:?no}",
      "ARG X\nFROM $X",
      "FROM a\nARG B=c\nFROM $B",
      "FROM a\nCOPY --from=$X / /",
      "FROM ${X:-}",
    ])
      expect(() => images(bad), bad).toThrow(code("OCI_DOCKERFILE_VARIABLE"));
  });

  test("arguments that BuildKit declares itself, and the frontend that one of them names", () => {
    const args = { TARGETARCH: "arm64", TARGETX: "x", BUILDKIT_SYNTAX: "other/frontend:1" };
    expect(images("#syntax=a/b:1 c\nFROM x")[0]).toBe("1 syntax a/b:1");
    expect(images("# syntax=a/b:1\nFROM x-$TARGETARCH", args)).toEqual(["1 syntax other/frontend:1", "2 FROM x-arm64"]);
    expect(() => images("FROM x-$TARGETARCH")).toThrow(code("OCI_DOCKERFILE_VARIABLE"));
    expect(() => images("FROM x-$TARGETX", args)).toThrow(code("OCI_DOCKERFILE_VARIABLE"));
  });

  test("continued lines, comments between them, another escape, here-documents, syntax", () => {
    expect(
      images(
        "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM \\\n# a comment\n  alpine:3 \\\n  AS x\nRUN <<EOF\nFROM evil\nEOF\nFROM x",
      ),
    ).toEqual(["1 syntax docker/dockerfile:1", "2 FROM alpine:3"]);
    expect(images("# escape=`\nFROM `\n  mcr/windows:1\nRUN dir c:\\\nFROM b")).toEqual([
      "2 FROM mcr/windows:1",
      "5 FROM b",
    ]);
    expect(images("from a\r\nfrom b\r\n")).toEqual(["1 FROM a", "2 FROM b"]);
    expect(images("FROM a\nRUN <<-E <<'F'\n\tE\nFROM no\nF\nFROM b")).toEqual(["1 FROM a", "6 FROM b"]);
  });

  test("what cannot be read is refused", () => {
    for (const bad of [
      "FROM",
      "FROM a b",
      "FROM a AS",
      "FROM a AS b c",
      "ARG 1=2",
      "FROM a\nRUN <<EOF\n",
      "FROM a\nCOPY --from= / /",
    ])
      expect(() => images(bad), bad).toThrow(code("OCI_DOCKERFILE_MALFORMED"));
    expect(() => images("#".repeat(maxDockerfileChars + 1))).toThrow(code("OCI_TOO_LARGE"));
  });

  test("any text is read or refused, and a FROM in it is never overlooked", () => {
    const line = fc.constantFrom(
      "FROM a/b:1",
      "RUN x \\",
      "# c",
      "",
      "COPY --from=c/d / /",
      "ARG X=1",
      "RUN <<E",
      "E",
      "FROM $X",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        try {
          findDockerfileImages(lines.join("\n"));
        } catch (error) {
          expect(error).toMatchObject({ name: "TrustError" });
        }
        expect(
          images(
            [...lines.filter((each) => !/[\\]$|<</.test(each) && each !== "FROM $X"), "FROM seen/it:1"].join("\n"),
          ),
        ).toContainEqual(expect.stringMatching(/FROM seen\/it:1$/));
      }),
    );
  });
});
