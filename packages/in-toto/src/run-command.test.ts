import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, describe, expect, test } from "vitest";
import { runCommand } from "./command.node.ts";
import { makeFolder, node, refusal, makeSink, quiet, removeFolders } from "./run.contract.ts";

afterAll(removeFolders);

describe("commands", () => {
  test("the exit code is passed through", async () => {
    expect(await runCommand(node("process.exit(7)"))).toMatchObject({ returnValue: 7, exitCode: 7 });
    expect(await runCommand(["true"])).toEqual({
      returnValue: 0,
      exitCode: 0,
      stdout: { text: "", lostBytes: 0 },
      stderr: { text: "", lostBytes: 0 },
    });
  });

  test("an end by a signal is recorded as the reference does", async () => {
    const result = await runCommand(node("process.kill(process.pid, 'SIGKILL')"));
    expect(result).toMatchObject({ returnValue: -9, exitCode: 137 });
  });

  test("streams are kept and passed on", async () => {
    const out = makeSink();
    const err = makeSink();
    const program = "process.stdout.write('é\\0\\n'); process.stderr.write(Buffer.from([0x61, 0xff]))";
    const result = await runCommand(node(program), {
      streams: "record",
      output: { stdout: out.sink, stderr: err.sink },
    });
    expect([result.stdout.text, result.stderr.text]).toEqual(["é\0\n", "a\ufffd"]);
    expect([out.text(), err.text()]).toEqual(["é\0\n", "a\ufffd"]);
  });

  test("both streams may be full at once, and only their starts are kept", async () => {
    const program = "const b = Buffer.alloc(3e6, 'x'); process.stdout.write(b); process.stderr.write(b)";
    const result = await runCommand(node(program), { streams: "record", maxStreamBytes: 10, ...quiet() });
    expect(result.stdout).toEqual({ text: "x".repeat(10), lostBytes: 3e6 - 10 });
    expect(result.stderr).toEqual({ text: "x".repeat(10), lostBytes: 3e6 - 10 });
  });

  test("a reader that goes away does not end the recording", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const result = await runCommand(node("for (let i = 0; i < 1e5; i++) console.log(i)"), {
      streams: "record",
      output: { stdout: broken, stderr: makeSink().sink },
    });
    expect(result.returnValue).toBe(0);
    expect(result.stdout.text.endsWith("99999\n")).toBe(true);
  });

  test("its environment and directory can be chosen", async () => {
    const cwd = makeFolder({ here: "" });
    const program = "console.log(JSON.stringify([Object.keys(process.env), require('fs').readdirSync('.')]))";
    const result = await runCommand(node(program), { streams: "record", cwd, env: { ONLY: "1" }, ...quiet() });
    expect(JSON.parse(result.stdout.text)).toEqual([["ONLY"], ["here"]]);
  });

  test.each([[["/nonexistent/program"]], [[""]], [["a\0b"]], [[makeFolder()]], [[]]])(
    "%j cannot be started",
    async (command) => {
      await expect(runCommand(command)).rejects.toEqual(refusal("INTOTO_RUN_FAILED"));
    },
  );

  test("a time limit ends it and what it started", async () => {
    const folder = makeFolder();
    // Whoever outlives it says so once it is let go on: how long the end takes does not matter.
    const program = `(while [ ! -e ${folder}/go ]; do sleep 0.05; done; touch ${folder}/late) & sleep 30`;
    const start = performance.now();
    await expect(runCommand(["sh", "-c", program], { timeoutMs: 100, streams: "record", ...quiet() })).rejects.toEqual(
      refusal("INTOTO_RUN_TIMEOUT"),
    );
    expect(performance.now() - start).toBeLessThan(25_000);
    writeFileSync(join(folder, "go"), "");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(existsSync(join(folder, "late"))).toBe(false);
  });

  test("a command that does not want to end is killed", async () => {
    const program = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    await expect(runCommand(node(program), { timeoutMs: 300 })).rejects.toEqual(refusal("INTOTO_RUN_TIMEOUT"));
  });

  test("output that a process left behind holds open is not waited for", async () => {
    const start = performance.now();
    const result = await runCommand(["sh", "-c", "echo done; sleep 40 &"], { streams: "record", ...quiet() });
    expect(result).toMatchObject({ returnValue: 0, stdout: { text: "done\n" } });
    expect(performance.now() - start).toBeLessThan(35_000);
  });

  test("no handler of signals is left", async () => {
    const before = process.listenerCount("SIGTERM");
    await runCommand(["true"]);
    await expect(runCommand(["/nonexistent"])).rejects.toEqual(refusal("INTOTO_RUN_FAILED"));
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  test("a signal that reaches us is passed on, and its end recorded", async () => {
    const cwd = makeFolder();
    const module = new URL("../dist/index.node.js", import.meta.url).href;
    const inner = JSON.stringify(["sh", "-c", "trap 'exit 9' TERM; touch ready; while :; do sleep 0.05; done"]);
    const program = `const { runCommand } = await import(${JSON.stringify(module)});
      console.log((await runCommand(${inner})).exitCode);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    while (!existsSync(join(cwd, "ready"))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGTERM");
    const said = new Promise<string>((resolve) =>
      child.stdout.once("data", (text: Buffer) => resolve(text.toString())),
    );
    expect(await said).toBe("9\n");
  });
});
