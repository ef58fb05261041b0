export * from "./bundle.ts";
export * from "./key-detail.ts";
export * from "./requirement.ts";
export * from "./trust-root.ts";
