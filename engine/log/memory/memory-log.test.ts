import { describeLog } from '../../../test/conformance/log.ts';
import { MemoryStorage, openMemoryLog } from './memory-log.ts';

describeLog('the memory log', async () => {
  const storage = new MemoryStorage();
  return {
    open: async options => openMemoryLog({ ...options, storage }),
    failNextWrite: () => {
      storage.nextFailure = new Error('no space left');
    },
    dispose: async () => undefined,
  };
});
