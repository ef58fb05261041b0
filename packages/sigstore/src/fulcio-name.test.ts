import { readFileSync } from "node:fs";
import { parseJson, type GeneralName, type JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { isNameOf } from "./fulcio-name.ts";
import type { Token } from "./oidc.ts";

type Name = readonly [GeneralName["type"], string];
interface Case {
  readonly about: string;
  readonly claims: JsonObject;
  readonly are: readonly Name[];
  readonly areNot: readonly Name[];
}

function casesOf(file: string): readonly Case[] {
  const bytes = readFileSync(new URL(`../vectors/fulcio-name/${file}.json`, import.meta.url));
  return (parseJson(new Uint8Array(bytes)) as unknown as { readonly cases: readonly Case[] }).cases;
}

function tokenOf(claims: JsonObject): Token {
  const { iss, sub, email } = claims as Readonly<Record<string, string>>;
  return { raw: "", issuer: iss ?? "", subject: sub ?? "nobody", expiresMs: 0, claims, ...(email && { email }) };
}

describe.each(["listed", "private"])("S21: whom Fulcio may name, for issuers that are %s", (file) => {
  test.each(casesOf(file))("$about", ({ claims, are, areNot }) => {
    const judged = ([type, value]: Name): readonly [...Name, boolean] => [type, value, isNameOf({ type, value }, tokenOf(claims))]; // prettier-ignore
    expect(are.map(judged)).toEqual(are.map((name) => [...name, true]));
    expect(areNot.map(judged)).toEqual(areNot.map((name) => [...name, false]));
  });
});
