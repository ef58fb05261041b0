/** A pattern that matches exactly this text. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[]/g, "[$&]");
}
