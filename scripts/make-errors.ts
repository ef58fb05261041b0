import { writeFileSync } from "node:fs";
import { formatErrorPage, readCatalogues } from "./error-page.ts";
import { repositoryRoot } from "./report.ts";

const rows = await readCatalogues(repositoryRoot);
writeFileSync(`${repositoryRoot}/docs/errors.md`, formatErrorPage(rows));
process.stdout.write(`docs/errors.md: ${rows.length} codes\n`);
