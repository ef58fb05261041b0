import type { JsonObject } from "@countersign/core";
import { artifacts, fileOf, layout, link, owner, person, signed, step, type Asked } from "./chain.contract.ts";

/** The functionaries of every chain here. */
export const [ann, bob, carl] = [person("ann"), person("bob"), person("carl")];
/** What ann writes. */
export const source = artifacts({ "src/a.c": "int a;", "src/b.c": "int b;" });

/** Two steps, ann writes and bob packs; every variant changes one thing. */
export function chain(
  change: {
    readonly write?: JsonObject;
    readonly pack?: JsonObject;
    readonly packStep?: JsonObject;
    readonly layout?: JsonObject;
    readonly files?: Asked["files"];
  } = {},
): Asked {
  const steps = [
    step("write", [ann], {
      expected_products: [
        ["CREATE", "src/*"],
        ["DISALLOW", "*"],
      ],
    }),
    step("pack", [bob], {
      expected_materials: [
        ["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "write"],
        ["DISALLOW", "*"],
      ],
      expected_products: [
        ["CREATE", "app.tar"],
        ["ALLOW", "src/*"],
        ["DISALLOW", "*"],
      ],
      ...change.packStep,
    }),
  ];
  return {
    layout: signed(layout([ann, bob, carl], steps, change.layout), [owner]),
    files: {
      [fileOf("write", ann)]: signed(link("write", { products: source, ...change.write }), [ann]),
      [fileOf("pack", bob)]: signed(
        link("pack", {
          materials: source,
          products: { ...source, ...artifacts({ "app.tar": "tar" }) },
          ...change.pack,
        }),
        [bob],
      ),
      ...change.files,
    },
  };
}
