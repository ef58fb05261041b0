import { TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { placeOf, targetUrlOf } from "./http-address.ts";
import { dropBody } from "./http-body.ts";
import { baseOf, plainHeaders, refused, strongTag, type HttpClient } from "./http-client.ts";
import { firstRetryMs } from "./http-limit.ts";
import { isPassing, type MirrorAnswer } from "./http-mirror.ts";
import { readPieces } from "./http-piece.ts";
import { ask, isAbsent, Postponed, type HttpAnswer, type HttpResponse } from "./http-request.ts";
import type { FetchedTarget, TargetFetchOptions } from "./fetch.ts";

/** A target's body under way, from some mirror. */
interface OpenTarget {
  readonly start: number;
  readonly mirror: number;
  readonly validator: string | undefined;
  readonly answer: HttpAnswer;
}

/** See `Fetcher.target`. A body that breaks off is continued where it ended, at the same mirror or another one. */
export async function fetchTarget(
  client: HttpClient,
  path: string,
  options: TargetFetchOptions,
): Promise<FetchedTarget | undefined> {
  const first = await openAny(client, path, options);
  if (first === undefined) return undefined;
  const { start, mirror, validator } = first;
  const body = endable(continued(client, path, options, first), first.answer);
  return { start, mirror, body, ...(validator !== undefined && { validator }) };
}

/** The body; to end its iteration also ends the request if nothing of it was read yet, as a generator by itself would not. */
function endable(body: AsyncGenerator<Uint8Array>, answer: HttpAnswer): FetchedTarget["body"] {
  const next = (): Promise<IteratorResult<Uint8Array>> => body.next();
  const end = (): Promise<IteratorResult<Uint8Array>> => {
    dropBody(answer);
    return body.return(undefined);
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

async function openAny(client: HttpClient, path: string, options: TargetFetchOptions): Promise<OpenTarget | undefined> {
  const { fromMirror = 0, signal } = options;
  return client.mirrors.answer({
    from: fromMirror,
    signal,
    absence: "next",
    ask: (mirror) => openAt(client, path, options, mirror),
  });
}

async function openAt(
  client: HttpClient,
  path: string,
  options: TargetFetchOptions,
  mirror: number,
): Promise<MirrorAnswer<OpenTarget>> {
  const { start = 0, validator } = options;
  const url = targetUrlOf(baseOf(client, mirror).targets, path);
  const answer = await send(client, url, options, start);
  const { response } = answer;
  if (isAbsent(response)) {
    dropBody(answer);
    return "absent";
  }
  const from = startOf(response, start);
  if (from === undefined || (from > 0 && validator !== undefined && strongTag(response) !== validator)) {
    dropBody(answer);
    // What we have is longer than the file there, or of another state of it: all of it, then.
    if (start > 0) return openAt(client, path, withoutStart(options), mirror);
    throw refused(answer);
  }
  return { value: { start: from, mirror, validator: strongTag(response), answer } };
}

function withoutStart({ start: _start, validator: _validator, ...rest }: TargetFetchOptions): TargetFetchOptions {
  return rest;
}

function send(
  client: HttpClient,
  url: URL,
  { validator, signal }: TargetFetchOptions,
  start: number,
): Promise<HttpAnswer> {
  const { world, userHeaders, limits } = client;
  const range = {
    ...(start > 0 && { range: `bytes=${start}-` }),
    ...(start > 0 && validator !== undefined && { "if-range": validator }),
  };
  return ask(world, { url, headers: { ...plainHeaders, ...range }, userHeaders, signal, limits });
}

/** Where the body begins; undefined if it is not what was asked for. RFC 9110 §14.4. */
function startOf({ status, headers }: HttpResponse, start: number): number | undefined {
  if (status === 200) return 0;
  if (status !== 206 || start === 0) return undefined;
  const encoding = headers.get("content-encoding") ?? "identity";
  const from = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(headers.get("content-range") ?? "")?.[1];
  // A part of something compressed cannot be decompressed by itself.
  return encoding === "identity" && from !== undefined && Number(from) === start ? start : undefined;
}

async function* continued(
  client: HttpClient,
  path: string,
  options: TargetFetchOptions,
  first: OpenTarget,
): AsyncGenerator<Uint8Array> {
  let open = first;
  let at = first.start;
  for (let failures = 0; ;) {
    // A server without ranges sends what we have once more.
    let position = open.start;
    const maxBytes = Math.max(0, options.maxBytes - position);
    try {
      for await (const piece of readPieces(client.world, open.answer, { maxBytes })) {
        const fresh = position < at ? piece.subarray(at - position) : piece;
        position += piece.length;
        if (fresh.length === 0) continue;
        at += fresh.length;
        failures = 0;
        yield fresh;
      }
      return;
    } catch (error) {
      failures++;
      if (!(error instanceof TrustError) || !isPassing(error) || failures >= client.limits.maxTries) throw error;
      await client.world.sleep(firstRetryMs * 2 ** (failures - 1), options.signal).catch(() => {});
      open = await reopen(client, path, options, { at, open, error });
    }
  }
}

interface Break {
  readonly at: number;
  readonly open: OpenTarget;
  readonly error: TrustError;
}

/** The same mirror first, from where the body broke off; then any other one. */
async function reopen(
  client: HttpClient,
  path: string,
  options: TargetFetchOptions,
  { at, open, error }: Break,
): Promise<OpenTarget> {
  const { validator } = open;
  const rest = { ...withoutStart(options), start: at };
  const same = { ...rest, ...(validator !== undefined && { validator }) };
  const again = await openAt(client, path, same, open.mirror).catch((problem: unknown) => {
    if (problem instanceof TrustError && problem.code === "TUF_FETCH_ABORTED") throw problem;
    if (problem instanceof Postponed || problem instanceof TrustError) return "absent" as const;
    throw problem;
  });
  const found = again === "absent" ? await openAny(client, path, rest) : again.value;
  if (found === undefined) throw error;
  const isOther = found.mirror === open.mirror && validator !== undefined && found.validator !== validator;
  if (!isOther) return found;
  dropBody(found.answer);
  throw tufError("TUF_FETCH_CUT", { checked: placeOf(found.answer.url), got: "another file than before" });
}
