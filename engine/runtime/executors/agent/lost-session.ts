const CONVERSATION = /\b(?:conversation|session|thread|rollout)s?\b/i;
const ABSENT = /\bno\b|\bnot found\b|\bnot exist\b|\bdoesn't exist\b|\bunknown\b|\binvalid\b|\bmissing\b/i;

/**
 * Tells whether a failed agent said that the conversation to continue does not exist. Some tools keep their conversations by
 * folder, and each attempt has a folder of its own.
 */
export function isSessionLost(words: string): boolean {
  return words.split('\n').some(line => CONVERSATION.test(line) && ABSENT.test(line));
}
