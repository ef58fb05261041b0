export type { ListItem, ListOutcome } from "./lane.node.ts";
export type { ListArtifact, ListEvidence } from "./lane-read.node.ts";
export {
  inspectList,
  laneItems,
  minItemsForThreads,
  openLanes,
  type LaneOptions,
  type Hear,
  type Lanes,
  type ListOptions,
  type ListOrder,
} from "./many.node.ts";
export {
  askTufJs,
  checkOpinion,
  collectReplay,
  recordFetcher,
  secondOpinionTimeoutMs,
  type TufReplay,
} from "./second-opinion-tuf.node.ts";
export { loadSigstorePeer, maxOpinionBytes } from "./second-opinion-sigstore.node.ts";
