const CONVERSATION = /\b(?:conversation|session|thread|rollout)s?\b/i;
const ABSENT = /\bno\b|\bnot found\b|\bnot exist\b|\bdoesn't exist\b|\bunknown\b|\binvalid\b|\bmissing\b/i;

/**
 * True when a failed agent reported that the conversation to continue does not exist. Some tools store conversations by
 * folder, and each attempt has its own folder.
 */
export function isSessionLost(words: string): boolean {
  return words.split('\n').some(line => CONVERSATION.test(line) && ABSENT.test(line));
}
