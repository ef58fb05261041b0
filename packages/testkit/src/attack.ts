import { makeStage, type Attack, type Stage } from "./attack-vector.ts";
import { rowS12, rowS13, rowS5 } from "./attack-row-certificate.ts";
import { rowX1, rowX2, rowX3 } from "./attack-row-extra.ts";
import { rowS15, rowS16, rowS17, rowS19, rowS20 } from "./attack-row-format.ts";
import { rowS11 } from "./attack-row-timestamp.ts";
import { rowS6, rowS7, rowS8 } from "./attack-row-log.ts";
import { rowX4, rowX5 } from "./attack-row-signature.ts";
import { rowX6 } from "./attack-row-suite.ts";
import { rowS10, rowS14, rowS9 } from "./attack-row-entry.ts";
import { rowS2, rowS3, rowS4 } from "./attack-row-policy.ts";
import { rowX7 } from "./attack-row-deny.ts";
import { rowS1, rowS18, rowS24, rowS25 } from "./attack-row-content.ts";

const rows: readonly ((stage: Stage) => Attack[])[] = [
  rowS1,
  rowS2,
  rowS3,
  rowS4,
  rowS5,
  rowS6,
  rowS7,
  rowS8,
  rowS9,
  rowS10,
  rowS11,
  rowS12,
  rowS13,
  rowS14,
  rowS15,
  rowS16,
  rowS17,
  rowS18,
  rowS19,
  rowS20,
  rowS24,
  rowS25,
  rowX1,
  rowX2,
  rowX3,
  rowX4,
  rowX5,
  rowX6,
  rowX7,
];

/** Every attack with fresh keys: the names and expectations are the same each time, the bytes are not. */
export function makeAttacks(): Attack[] {
  const stage = makeStage();
  const attacks = rows.flatMap((row) => row(stage));
  const names = attacks.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two attacks are named ${twice}`);
  return attacks;
}

/** The files of a folder of vectors by their path in it: one for each attack, and each bundle and trust root once. */
export function attackFiles(attacks: readonly Attack[]): Map<string, string> {
  const files = new Map<string, string>();
  const names = new Map<string, string>();
  const share = (folder: string, name: string, text: string): string => {
    const file = names.get(folder + text) ?? `${name}.json`;
    names.set(folder + text, file);
    files.set(`${folder}/${file}`, text);
    return file;
  };
  for (const { name, vector, bundle, root } of attacks) {
    const shared = { bundle: share("bundle", name, bundle), trustedRoot: share("root", "instance", root) };
    files.set(`${name}.json`, formatVector({ ...vector, ...shared }));
  }
  return files;
}

// One line a member: short, and a reader's diff shows what changed.
function formatVector(vector: object): string {
  const lines = Object.entries(vector).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}
