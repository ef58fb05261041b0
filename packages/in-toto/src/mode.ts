/**
 * `strict` refuses what an attacker could use; `compat` decides as the reference in Python does (in-toto 1.3.1 for
 * Metablock, 2.2.0 for DSSE), whose laxness docs/in-toto.md lists.
 */
export type Mode = "strict" | "compat";
