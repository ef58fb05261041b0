/** A process that works on a store and an output directory: `write JOB` in a loop until it is killed, `count JOB` to its end. */
import { parseUtf8, utf8 } from "@countersign/core";
import { saveTarget } from "@countersign/tuf";
import { openStore, openTargetFolder } from "@countersign/tuf/node";
import {
  generationOf,
  jobFetcher,
  storedBytes,
  storedNames,
  wantedTarget,
  type Job,
} from "./process-sample.contract.ts";

const [mode, text = "{}"] = process.argv.slice(2);
const job = JSON.parse(text) as Job;
const store = openStore(job.store);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function saveAll(): Promise<void> {
  const folder = await openTargetFolder(job.out, { storeDirectory: job.store });
  for (const name of job.targets) await saveTarget(jobFetcher(job), wantedTarget(name), folder);
}

async function write(generations: number): Promise<void> {
  for (let count = 0; count < generations; count++) {
    await store.open(async (session) => {
      const next = 1 + Math.max(...(await Promise.all(storedNames.map((name) => generationOf(session, name)))));
      for (const name of storedNames) {
        await session.write(name, storedBytes(name, next));
        say(`${name} ${next}`);
      }
    });
  }
}

async function count(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    await store.open(async (session) => {
      const before = Number(parseUtf8((await session.read("counter", 100)) ?? utf8("0")));
      await session.write("counter", utf8(String(before + 1)));
    });
  }
}

say("begin");
if (mode === "write") await Promise.all([write(150), saveAll()]);
else await Promise.all([count(5), saveAll()]);
say("end");
