/** `npm run demo`: the main job on this machine, in a few seconds. Exits with 1 if any step is not as it should be. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const folder = ".cache/demo";
const state = `${folder}/sigstore`;
const release = `${folder}/release.tgz`;
const identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
const trust = `--trusted-root ${state}/trusted_root.json`;

let problems = 0;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

say("Pack a real tarball: this workspace.");
run(`npm pack --silent --pack-destination ${folder}`, 0);
run(`mv ${folder}/*.tgz ${release}`, 0);

say("Start a Sigstore of our own on this machine: identity provider, certificate authority, log, timestamps.");
const sigstore = await start(`bin/countersign dev up --dir ${state}`);
const issuer = issuerOf(sigstore.said);

say("Take a token that says who we are (a CI service would hand it to the job), and sign without any key to keep.");
run(`bin/countersign dev token --dir ${state} --github acme/app > ${folder}/token.jwt`, 0);
run(
  `bin/countersign sign ${release} --identity-token ${folder}/token.jwt --signing-config ${state}/signing_config.json ${trust}`,
  0,
);

say("Stop it. From here on nothing but files is needed.");
sigstore.child.kill("SIGTERM");

const expected = `--certificate-identity ${identity} --certificate-oidc-issuer ${issuer}`;
say("Was this file signed by exactly this identity, vouched for by exactly this issuer?");
run(`bin/countersign verify ${release} --offline ${trust} ${expected}`, 0);

say("The same for a program: one JSON object that lists every check.");
const { stdout } = run(`bin/countersign verify ${release} --quiet --json --offline ${trust} ${expected}`, 0);
check(
  (JSON.parse(stdout) as { decision: { verdict: string } }).decision.verdict === "allowed",
  "the report says allowed",
);

say("Flip one bit of the file: refused.");
run(`cp ${release} ${folder}/tampered.tgz`, 0);
run(`printf '\\${flippedByte(100)}' | dd of=${folder}/tampered.tgz bs=1 seek=100 conv=notrunc status=none`, 0);
run(
  `bin/countersign verify ${folder}/tampered.tgz --bundle ${release}.sigstore.json --offline ${trust} ${expected}`,
  1,
);

say("Expect another identity: refused.");
run(`bin/countersign verify ${release} --offline ${trust} ${expected.replace("/acme/", "/evil/")}`, 1);

say(problems === 0 ? "All as it should be." : `${problems} steps were not as they should be.`);
process.exitCode = problems === 0 ? 0 : 1;

/** Shows a command and what it says, runs it by a shell and checks its exit code. */
function run(command: string, wanted: number): { readonly stdout: string } {
  process.stdout.write(`$ ${shown(command)}\n`);
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  process.stdout.write(`${stdout}${stderr}`);
  if (wanted !== 0) process.stdout.write(`(exit code ${status})\n`);
  check(status === wanted, `exit code ${wanted}, got ${status}`);
  return { stdout };
}

/** Broken into lines that a shell takes as one. */
function shown(command: string): string {
  return command.length < 100 ? command : command.replaceAll(" --", " \\\n    --");
}

/** Starts a command that stays, and waits until it has said that it is ready. */
function start(command: string): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  process.stdout.write(`$ ${command} &\n`);
  const [program = "", ...words] = command.split(" ");
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill());
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      process.stdout.write(text);
      said += text;
      if (said.includes("Ctrl-C")) resolve({ child, said });
    });
  });
}

function issuerOf(said: string): string {
  const [, issuer] = /--certificate-oidc-issuer (\S+)/.exec(said) ?? [];
  if (issuer === undefined) throw new Error("countersign dev up named no issuer");
  return issuer;
}

/** One byte of the release with its lowest bit flipped, in octal for printf. */
function flippedByte(index: number): string {
  return ((readFileSync(release)[index] ?? 0) ^ 1).toString(8).padStart(3, "0");
}

function check(holds: boolean, expectation: string): void {
  if (holds) return;
  problems++;
  process.stdout.write(`NOT AS EXPECTED: ${expectation}\n`);
}

function say(text: string): void {
  process.stdout.write(`\n# ${text}\n`);
}
