/** A peer that encodes and signs messages. */
interface Sender<M> {
  prepare(message: M): () => void;
}

/**
 * Encodes and signs a message while the log syncs the records before it, which saves a few tenths of a millisecond.
 * @returns sends the message; call it when the records are durable.
 */
export function encodeAhead<M>(peer: Sender<M>, message: M): () => void {
  let send: (() => void) | undefined;
  // By then the log has passed its write to the system.
  setImmediate(() => (send ??= peer.prepare(message)));
  return () => (send ??= peer.prepare(message))();
}
