import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";
import type { Reporter, TestModule } from "vitest/node";

if (Number(process.versions.node.split(".")[0]) < 24) {
  throw new Error(`Node 24 is needed, this is ${process.version}: run "npm test", which brings it`);
}

/** Tests run from the sources: no build stands between an edit and its test. */
const conditions: string[] = ["@countersign/source", "module", "node", "development|production"];
/** Properties are tried with the same cases in every run; scripts/seeded-fast-check.ts says how to have others. */
const alias = [{ find: /^fast-check$/, replacement: fileURLToPath(new URL("scripts/seeded-fast-check.ts", import.meta.url)) }];
/** The servers of tests are on this machine; clients that are not ours would ask them by way of the proxy of whoever runs the tests. */
const direct = { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };
const shared = { resolve: { conditions, alias }, ssr: { resolve: { conditions } } };
/** Only what hangs takes so long, even on a machine that has much else to do. */
const patience = { testTimeout: 120_000, hookTimeout: 120_000 };

/** Debian's browser; without it the browser project is left out, and the run says so. */
const chromium = "/usr/bin/chromium";
/** Chromium as root in a container, and without a word to the network. */
const chromiumFlags: string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

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

function browserProjects(): TestProjectInlineConfiguration[] {
  if (!existsSync(chromium)) {
    process.stdout.write(`browser tests skipped: no ${chromium}, install it with "apt-get install chromium"\n`);
    return [];
  }
  return [
    {
      // The shared test data stands beside the repository. noble is ESM already: bundling it first would reload the page.
      server: { fs: { allow: [".", "../shared"] } },
      optimizeDeps: { exclude: ["@noble/curves", "@noble/hashes", "@noble/post-quantum"] },
      resolve: { conditions: ["@countersign/source", "module", "browser", "development|production"] },
      test: {
        name: "browser",
        include: ["packages/*/src/**/*.browser.test.ts"],
        ...patience,
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({ launchOptions: { executablePath: chromium, args: chromiumFlags } }),
          instances: [{ browser: "chromium" }],
        },
      },
    },
  ];
}

export default defineConfig({
  test: {
    reporters: ["default", closingLine],
    // Vitest would leave one core free, which of two is half, and of one time goes by while tests wait.
    maxWorkers: availableParallelism(),
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts"],
          exclude: ["**/*.browser.test.ts"],
          // A process for each of some 200 files costs more than many of their tests do.
          isolate: false,
          setupFiles: ["vitest.worker.ts"],
          env: direct,
          ...patience,
        },
      },
      {
        ...shared,
        test: {
          name: "e2e",
          include: ["apps/*/src/**/*.test.ts", "scripts/**/*.test.ts", "interop/**/*.test.ts"],
          ...patience,
        },
      },
      ...browserProjects(),
    ],
  },
});
