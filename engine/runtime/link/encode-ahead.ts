/** Whatever encodes and signs messages. */
interface Sender<M> {
  prepare(message: M): () => void;
}

/**
 * Has a message encoded and signed while the log makes durable what it follows from: that takes a few tenths of a
 * millisecond, which would come on top otherwise. @returns what sends it; to be called when all is durable.
 */
export function encodeAhead<M>(peer: Sender<M>, message: M): () => void {
  let send: (() => void) | undefined;
  // By then the log has handed its write to the system.
  setImmediate(() => (send ??= peer.prepare(message)));
  return () => (send ??= peer.prepare(message))();
}
