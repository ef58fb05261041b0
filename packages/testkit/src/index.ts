export * from "./evidence.ts";
export * from "./instance.ts";
export * from "./json.ts";
export * from "./mutate.ts";
export * from "./outcome.ts";
export * from "./attack-judge.ts";
export * from "./attack-vector.ts";
export * from "./attack.ts";
