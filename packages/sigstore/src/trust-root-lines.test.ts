import { concatBytes, parseUtf8, utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOf, jsonBytes, sampleTrustRoot } from "../vectors/format-sample.ts";
import { maxTrustRootLines, parseTrustRoots } from "./trust-root-lines.ts";
import { maxTrustRootBytes } from "./trust-root.ts";

const pretty = JSON.stringify(sampleTrustRoot(), undefined, 2);
const line = parseUtf8(jsonBytes(sampleTrustRoot())).trim();
const count = (text: string): number => parseTrustRoots(utf8(text)).length;
const code = (text: string): string => codeOf(() => count(text));

test("one document, however it is laid out, or one on each line", () => {
  expect([count(line), count(`\n${line}\n\n`), count(pretty), count(`${pretty}\n`)]).toEqual([1, 1, 1, 1]);
  expect([count(`${line}\n${line}`), count(`\r\n${line}\r\n\r\n${line}\r\n`)]).toEqual([2, 2]);
  const loose = line.replace("{", "{\n").replace("[{", "[\n{");
  expect(count(loose)).toBe(1);
});

test("a line that is cut or no trust root makes the whole file unusable", () => {
  const cut = line.slice(0, line.length / 2);
  expect(code(`${line}\n${cut}`)).toBe("SIGSTORE_TRUST_ROOT_LINE");
  expect(code(`${line}\n{}\n${line}`)).toBe("SIGSTORE_TRUST_ROOT_LINE");
  expect(code(`${line}\nnull`)).toBe("SIGSTORE_TRUST_ROOT_LINE");
  expect(code(`${line} ${line}`)).toBe("CORE_JSON_MALFORMED");
  expect(code(`${cut}\n${line}`)).toBe("CORE_JSON_MALFORMED");
  expect(code(`${pretty}\n${pretty}`)).toBe("CORE_JSON_MALFORMED");
  expect(() => count(`${line}\n\n${cut}`)).toThrow("line 3");
});

test("the number of lines and the size have limits", () => {
  expect(code(`${line}\n`.repeat(maxTrustRootLines + 1))).toBe("SIGSTORE_TRUST_ROOT_LINES");
  const long = concatBytes(utf8(`${line}\n`), new Uint8Array(maxTrustRootBytes).fill(32));
  expect(codeOf(() => parseTrustRoots(long))).toBe("CORE_TOO_LARGE");
});
