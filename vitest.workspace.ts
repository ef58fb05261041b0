import { defineConfig } from "vitest/config";
import type { Reporter, TestModule } from "vitest/node";

if (Number(process.versions.node.split(".")[0]) < 24) {
  throw new Error(`Node 24 is needed, this is ${process.version}: run "npm test", which brings it`);
}

/** Tests run from the sources: no build stands between an edit and its test. */
const conditions: string[] = ["@countersign/source", "module", "node", "development|production"];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };

/** Prints one plain line that any CI can read. */
const closingLine: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "passed") count.passed++;
        else if (state === "failed") count.failed++;
        else count.skipped++;
      }
    }
    process.stdout.write(`\nvitest: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  },
};

export default defineConfig({
  test: {
    reporters: ["default", closingLine],
    projects: [
      { ...shared, test: { name: "unit", include: ["packages/*/src/**/*.test.ts"], exclude: ["**/*.browser.test.ts"], testTimeout: 20_000 } },
      { ...shared, test: { name: "e2e", include: ["apps/*/src/**/*.test.ts", "scripts/**/*.test.ts", "interop/**/*.test.ts"], testTimeout: 60_000 } },
    ],
  },
});
