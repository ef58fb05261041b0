export * from "./evidence.ts";
export * from "./instance.ts";
export * from "./json.ts";
