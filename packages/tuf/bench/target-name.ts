/** The name of a target. In a file of its own, so that no side loads the other one's modules. */
export function targetName(at: number): string {
  return `packages/p${String(at % 997).padStart(3, "0")}/file-${String(at).padStart(7, "0")}.tar.gz`;
}
