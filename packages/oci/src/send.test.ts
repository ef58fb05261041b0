import { utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { refusalOf } from "./send.ts";
import type { OciResponse } from "./http.ts";

async function said(text: string): Promise<string> {
  // oxlint-disable-next-line typescript/require-await -- a stream
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield utf8(text);
  };
  const response: OciResponse = { status: 403, headers: {}, body: body() };
  return (await refusalOf(response, "manifest")).message;
}

test("what a registry says of an error is told in its words, whatever they are", async () => {
  const error = { code: "DENIED", message: "requested access is denied", detail: [{ Type: "repository" }] };
  expect(await said(JSON.stringify({ errors: [error, { code: "X" }, null, 5] }))).toContain(
    'status 403: "DENIED: requested access is denied; X"',
  );
  for (const text of ["<html>", "null", "5", "[]", '{"errors":null}', '{"errors":[{}]}'])
    expect(await said(text)).toContain(`status 403: ${JSON.stringify(text)}`);
  expect(await said('{"errors":[{"code":"\\u001b[31m"}]}')).not.toContain("\u001b");
  expect(await said("")).toMatch(/status 403$/);
});
