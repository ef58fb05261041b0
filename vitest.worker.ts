/** Unit tests share a process, file after file: each file must leave it as it was, or it fails. */
import { deepStrictEqual } from "node:assert";
import { afterAll } from "vitest";

const variables = { ...process.env };
const state = (): object => ({
  folder: process.cwd(),
  umask: process.umask(),
  globals: [fetch, setTimeout, setInterval, setImmediate, Date, Date.now, Math.random, performance, console.log],
  // Names alone: what a variable holds is nobody's business.
  changed: [...new Set([...Object.keys(variables), ...Object.keys(process.env)])].filter(
    (name) => variables[name] !== process.env[name],
  ),
});
const before = state();

afterAll(() => deepStrictEqual(state(), before));
