export * from "./errors.ts";
export * from "./glob.ts";
export * from "./rule.ts";
