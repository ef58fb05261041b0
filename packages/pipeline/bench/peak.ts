/**
 * The most memory a process held. Linux hands `maxRSS` (getrusage) on from a parent through exec, so the child of a large
 * bench reads as large as the bench itself; `VmHWM` in /proc/self/status (proc(5)) starts afresh with the program.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const status = "/proc/self/status";

/** The most memory that this process itself held, in megabytes. Linux only, as the benches are. */
export function peakMb(): number {
  return peakOf(readFileSync(status, "utf8"));
}

/** Makes a process leave a copy of its status at its end: plain JavaScript, so that nothing else is loaded into what is measured. */
export function leavePeak(folder: string): readonly string[] {
  const [from, to] = [JSON.stringify(status), JSON.stringify(join(folder, "status"))];
  const copy = `fs.writeFileSync(${to}, fs.readFileSync(${from}))`;
  const script = `const fs=process.getBuiltinModule("fs");process.on("exit",()=>${copy})`;
  return ["--import", `data:text/javascript,${encodeURIComponent(script)}`];
}

/** What a process with `leavePeak` held at most, in megabytes. */
export function readPeakMb(folder: string): number {
  return peakOf(readFileSync(join(folder, "status"), "utf8"));
}

function peakOf(text: string): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
  if (kilobytes === undefined) throw new Error("no VmHWM in the status of the process");
  return Number(kilobytes) / 1024;
}
