/**
 * Keys on tokens, against SoftHSM: `npm run test:pkcs11`. Installs the optional package pkcs11js, which is compiled on
 * installation, beside nothing else, and runs the tests that are skipped without it. Fails if SoftHSM is not there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const version = "2.1.7";
const folder = fileURLToPath(new URL("../node_modules/.cache/countersign-pkcs11/", import.meta.url));
const installed = `${folder}node_modules/pkcs11js/index.js`;

function run(
  program: string,
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): void {
  const { status } = spawnSync(program, argv, { stdio: "inherit", ...options });
  if (status !== 0) process.exit(status ?? 1);
}

if (spawnSync("softhsm2-util", ["--version"]).status !== 0) {
  process.stderr.write("test:pkcs11: no softhsm2-util; install the Debian package softhsm2\n");
  process.exit(1);
}
if (!existsSync(installed) || !existsSync(`${folder}node_modules/pkcs11js/build/Release/pkcs11.node`)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, JSON.stringify({ private: true, allowScripts: { pkcs11js: true } }));
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", `pkcs11js@${version}`], { cwd: folder });
}
const tests = ["packages/sigstore/src/keys/pkcs11", "apps/cli/src/pkcs11"];
run("vitest", ["run", "--config", "vitest.workspace.ts", "--project", "unit", "--project", "e2e", ...tests], {
  env: { ...process.env, COUNTERSIGN_TEST_PKCS11JS: installed },
});
