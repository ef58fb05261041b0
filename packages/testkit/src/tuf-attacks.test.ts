import { describe, expect, test } from "vitest";
import { judgeTuf, tufAttacks } from "./index.ts";

const rows = [...new Set(tufAttacks.map(({ row }) => row))];

describe.each(rows)("%s", (row) => {
  test.each(tufAttacks.filter((each) => each.row === row).map((each) => [each.about, each] as const))(
    `${row}: %s`,
    async (_, attack) => {
      const { got, error } = await judgeTuf(attack);
      expect({ got, why: error?.message }).toEqual({ got: attack.expect, why: error?.message });
    },
  );
});
