import { isAnybodyThere } from "./ci.ts";
import { signingError } from "./signing-errors.ts";
import { formatNote, plain } from "./render-text.ts";
import type { OutputOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What signing without a key would make known. */
export interface Publication {
  /** Hosts of the logs that everybody can read; empty if there is none. */
  readonly hosts: readonly string[];
}

/** Hosts of the logs of public instances, staging too; a log of one's own is nobody's business. */
export function publicHosts(urls: readonly string[]): readonly string[] {
  const hosts = urls.map((url) => new URL(url).hostname);
  return hosts.filter((host) => /(?:^|\.)sig(?:store|stage)\.dev\.?$/.test(host));
}

/**
 * Says that the identity will be public for ever and gets a yes: by --yes, or by asking a person.
 * Throws CLI_CONSENT_NEEDED where there is nobody to ask, CLI_CONSENT_REFUSED where the answer is no.
 */
export async function checkConsent(
  { hosts }: Publication,
  options: OutputOptions & { readonly yes?: true },
  terminal: Terminal,
): Promise<void> {
  if (hosts.length === 0) return;
  const logs = hosts.map(plain).join(", ");
  if (options.quiet !== true || options.yes !== true) {
    const what = "who you are (the identity in the token) and the digest of each file";
    terminal.err(formatNote(`signing publishes ${what} in the public log at ${logs}, for ever`, terminal));
  }
  if (options.yes === true) return;
  if (!isAnybodyThere(terminal)) throw signingError("CLI_CONSENT_NEEDED", { checked: logs });
  const answer = await terminal.ask("countersign: sign? [y/N] ");
  if (!/^y(es)?$/i.test(answer.trim())) throw signingError("CLI_CONSENT_REFUSED");
}
