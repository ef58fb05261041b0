/**
 * Stands for fast-check in tests: the same cases in every run, so that a run that failed can be run again. Others by
 * COUNTERSIGN_SEED, a whole number, or `random`.
 */
import fc from "../node_modules/fast-check/lib/fast-check.js";

const seed = process.env["COUNTERSIGN_SEED"] ?? "20261125";
if (seed !== "random") fc.configureGlobal({ seed: Number(seed) });

export * from "../node_modules/fast-check/lib/fast-check.js";
// oxlint-disable-next-line import/no-default-export -- as fast-check has one
export default fc;
