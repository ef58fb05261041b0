import type { Artifact } from "@countersign/core";
import type { Peer, World } from "@countersign/pipeline";
import type { ReadOptions } from "./artifact.node.ts";

/** What a second opinion needs besides: the artifact as it is read, and somebody to ask. */
export interface OpinionRequest {
  /** For the one reading of the artifact. */
  readonly reading: Pick<ReadOptions, "onPiece">;
  /** For the world of the run, once the artifact was read. */
  readonly world: (artifact: Artifact) => Pick<World, "peer" | "message">;
}

/** The other implementation, loaded now. */
export async function loadPeer(): Promise<Peer> {
  const { loadSigstorePeer } = await import("@countersign/pipeline/node");
  return loadSigstorePeer();
}

/** Loads the other implementation, and gets ready to keep the artifact for it, up to a limit: 1 GiB. */
export async function requestOpinion(maxBytes?: number): Promise<OpinionRequest> {
  const { loadSigstorePeer, maxOpinionBytes } = await import("@countersign/pipeline/node");
  const peer = await loadSigstorePeer();
  const limit = maxBytes ?? maxOpinionBytes;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const onPiece = (piece: Uint8Array): void => {
    size += piece.length;
    if (size > limit) pieces.length = 0;
    else pieces.push(Uint8Array.from(piece));
  };
  return {
    reading: { onPiece },
    world: (artifact) => {
      const isWhole = artifact.size === size && size <= limit;
      return { peer, ...(isWhole && { message: Buffer.concat(pieces) }) };
    },
  };
}
