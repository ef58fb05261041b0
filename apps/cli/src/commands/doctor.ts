import { accessSync, constants } from "node:fs";
import { quote } from "@countersign/core";
import { loadInstance, staleTrustDays, type InstanceName } from "@countersign/pipeline";
import { findAmbient } from "@countersign/sigstore";
import { findCi } from "../ci.ts";
import { readOptionalFile } from "../machine.node.ts";
import { checkServices } from "../online.ts";
import type { DoctorOptions } from "../options.ts";
import { authoritiesVariable, proxyEnvOf, proxyVariables, useAuthorities } from "../network.node.ts";
import { formatJson } from "../render-json.ts";
import { symptomOf, type Symptom } from "../symptom.ts";
import { updatedRoot } from "../trust.ts";
import type { Style, Terminal } from "../terminal.ts";
import { version } from "../version.ts";

/** `countersign doctor`: 0 if nothing is bad, else 3. Opens no socket unless --online was given, and nothing is bad about the way. */
export async function doctorCommand(
  _operands: readonly string[],
  options: DoctorOptions,
  terminal: Terminal,
): Promise<number> {
  const names = ["public-good", "staging", "github"] as const;
  const roots = await Promise.all(names.map((name) => readRoot(name, terminal)));
  const network = [
    await symptomOf("proxy", () => proxySymptom(terminal)),
    await symptomOf("TLS", () => authoritySymptom(terminal)),
  ];
  const canAsk = network.every(({ result }) => result !== "bad");
  const symptoms = [
    nodeSymptom(),
    clockSymptom(roots, terminal.now()),
    ...roots.map((root) => rootSymptom(root, terminal.now())),
    ...network,
    tokenSymptom(terminal),
    folderSymptom(),
    ...(options.online === true && canAsk ? await checkServices(terminal) : []),
  ];
  const isHealthy = symptoms.every((symptom) => symptom.result !== "bad");
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.doctor/v1", version, healthy: isHealthy, checks: symptoms }));
  else terminal.out(symptoms.map((symptom) => formatSymptom(symptom, terminal)).join(""));
  return isHealthy ? 0 : 3;
}

/** The trust root that verify uses for an instance. */
interface Root {
  readonly name: InstanceName;
  readonly date: string;
  readonly origin: string;
}

async function readRoot(name: InstanceName, terminal: Terminal): Promise<Root> {
  const [update] = await updatedRoot(name, terminal);
  if (update?.date !== undefined)
    return { name, date: update.date, origin: `of countersign trust update, in ${quote(update.source)}` };
  const { source } = await loadInstance(name);
  const origin = `built in from ${source.package} ${source.version} of ${source.date.slice(0, 10)}`;
  return { name, date: source.date, origin };
}

function nodeSymptom(): Symptom {
  return { name: "node", result: "good", detail: `${process.version} on ${process.platform} ${process.arch}` };
}

const dayMs = 86_400_000;
const maxPlausibleYears = 20;

/** No clock is asked: a time before the root was published, or decades after, is wrong all the same. */
function clockSymptom(roots: readonly Root[], now: Date): Symptom {
  const newest = Math.max(...roots.map((root) => Date.parse(root.date)));
  const isPlausible = now.getTime() > newest - dayMs && now.getTime() < newest + maxPlausibleYears * 365 * dayMs;
  const detail = `this machine says it is ${now.toISOString()}`;
  if (isPlausible) return { name: "clock", result: "good", detail };
  return { name: "clock", result: "bad", detail: `${detail}, which cannot be`, fix: "set the clock" };
}

function rootSymptom({ name, date, origin }: Root, now: Date): Symptom {
  const ageDays = Math.max(0, Math.floor((now.getTime() - Date.parse(date)) / dayMs));
  const detail = `${origin}, ${ageDays} days old`;
  if (ageDays <= staleTrustDays) return { name: `trust root ${name}`, result: "good", detail };
  return {
    name: `trust root ${name}`,
    result: "note",
    detail,
    fix: "countersign trust update, or give a current one with --trusted-root",
  };
}

/** Throws what is wrong with it. */
function proxySymptom({ env }: Terminal): Symptom {
  proxyEnvOf(env);
  const set = proxyVariables.filter((name) => (env[name] ?? "") !== "");
  if (set.length === 0) return { name: "proxy", result: "good", detail: "none" };
  return {
    name: "proxy",
    result: "note",
    detail: `services and registries are asked through the proxy of ${set.map((name) => `$${name}`).join(", ")}`,
  };
}

/** Throws what is wrong with them. */
function authoritySymptom({ env }: Terminal): Symptom {
  useAuthorities(env);
  const set = ["NODE_EXTRA_CA_CERTS", authoritiesVariable].filter((name) => (env[name] ?? "") !== "");
  if (env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    return {
      name: "TLS",
      result: "bad",
      detail: "$NODE_TLS_REJECT_UNAUTHORIZED=0 accepts any server",
      fix: "unset it; name your authority in $NODE_EXTRA_CA_CERTS",
    };
  }
  if (set.length === 0) return { name: "TLS", result: "good", detail: "the authorities that come with Node" };
  return { name: "TLS", result: "note", detail: `more authorities from ${set.map((name) => `$${name}`).join(", ")}` };
}

/** By variables and files alone: nothing is asked for a token. */
function tokenSymptom({ env }: Terminal): Symptom {
  const name = "identity token";
  if ((env["SIGSTORE_ID_TOKEN"] ?? "") !== "") return { name, result: "good", detail: "in $SIGSTORE_ID_TOKEN" };
  const ambient = findAmbient({ env, readFile: readOptionalFile });
  if (ambient !== undefined) return { name, result: "good", detail: `this environment can give one (${ambient})` };
  const ci = findCi(env);
  if (ci !== undefined) return { name, result: "note", detail: `${ci.name} gives none to this job`, fix: ci.fix };
  return { name, result: "note", detail: "none seen; you will be asked to sign in, unless you sign with a key" };
}

function folderSymptom(): Symptom {
  const folder = quote(process.cwd());
  try {
    accessSync(".", constants.W_OK);
    return { name: "working folder", result: "good", detail: `${folder} can be written` };
  } catch {
    return {
      name: "working folder",
      result: "note",
      detail: `${folder} cannot be written`,
      fix: "sign with --bundle in a folder that can",
    };
  }
}

const styles: Readonly<Record<Symptom["result"], Style>> = { good: "green", note: "yellow", bad: "red" };

function formatSymptom({ name, result, detail, fix }: Symptom, terminal: Terminal): string {
  const line = `${terminal.style(styles[result], result.padEnd(4))} ${name}: ${detail}\n`;
  return fix === undefined ? line : `${line}     hint: ${fix}\n`;
}
