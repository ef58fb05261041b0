import { describe, expect, test } from "vitest";
import { inParentheses } from "./eager-code.ts";

/** What a module exports as `result`, run from its text. */
async function resultOf(code: string): Promise<unknown> {
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { readonly result: unknown };
  return module.result;
}

function startsOf(code: string, ...declarations: readonly string[]): ReadonlySet<number> {
  return new Set(declarations.map((text) => code.indexOf(text)));
}

const code = [
  `import{strictEqual as same}from"node:assert";`,
  `const early=twice(4);`,
  `function twice(n){same(typeof n,"number");return n<8?twice(n*2):n}`,
  `async function later(){return once.name}`,
  `function*count(){yield 1;yield 2}`,
  `function once(){once=()=>"again";return"first"}`,
  `function never(){return 0}`,
  `export const result=[early,await later(),[...count()],once(),once(),twice.name,never()];`,
].join("");
const expected = [8, "once", [1, 2], "first", "again", "twice", 0];
const all = ["function twice", "async function later", "function*count", "function once"] as const;

describe("inParentheses", () => {
  test("the module does the same: hoisted, recursive, async, a generator, one that replaces itself", async () => {
    const eager = inParentheses(code, startsOf(code, ...all));
    expect(eager.startsWith("var twice=(function (n){")).toBe(true);
    for (const start of ["later=(async function (", "count=(function*(", "once=(function ("])
      expect(eager).toContain(start);
    expect(await resultOf(eager)).toEqual(expected);
    expect(await resultOf(code)).toEqual(expected);
  });

  test("expressions, arrow functions among them, stay in their place", async () => {
    const inner = [
      "const add=a=>b=>a+b;",
      "const of=function(...all){return all.map(x=>x*2)};",
      "function outer(n){return[1,2].map(x=>x+n)}",
      "const{named=()=>3}={};",
      "export const result=[add(1)(2),of(1,2),outer(10),add.name,of.name,named.name,((a,b=()=>a)=>b())(7)];",
    ].join("");
    const starts = startsOf(
      inner,
      "a=>b",
      "b=>a",
      "function(",
      "x=>x*2",
      "function outer",
      "x=>x+n",
      "()=>3",
      "(a,b",
      "()=>a",
    );
    const eager = inParentheses(inner, starts);
    expect(eager).toContain("const add=(a=>(b=>a+b));const of=(function(...all){return all.map((x=>x*2))});");
    expect(eager).toContain("var outer=(function (n){return[1,2].map((x=>x+n))});");
    expect(eager).toContain("const{named=(()=>3)}={};");
    expect(eager).toContain("(((a,b=(()=>a))=>b()))(7)");
    expect(await resultOf(eager)).toEqual(await resultOf(inner));
  });

  test("what did not run, and what V8 would compile late all the same, stays as it is", () => {
    expect(inParentheses(code, startsOf(code, "function twice"))).toContain("function never(){return 0}");
    expect(inParentheses(code, new Set())).toBe(code);
    const inner = "const a=()=>{function b(){}};";
    expect(inParentheses(inner, startsOf(inner, "function b"))).toBe(inner);
    const methods = "const o={m(){},get g(){return 1},async:async()=>{}};class C{m(){}static s(){}}";
    const everywhere = new Set(Array.from(methods, (_, at) => at));
    expect(inParentheses(methods, everywhere)).toBe(methods);
  });
});
