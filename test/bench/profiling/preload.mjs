import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded first in every process of a profiled fleet. The first SIGUSR2 starts a CPU profile; the second writes it to
 * the folder in SPL_PROFILE_DIR.
 */
const folder = process.env.SPL_PROFILE_DIR;
const INTERVAL_US = 200;

if (folder !== undefined && isMainThread) {
  const session = new Session();
  let running = false;
  const begin = () => {
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    session.post('Profiler.start');
  };
  const end = () => {
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) throw error;
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
    session.disconnect();
  };
  process.on('SIGUSR2', () => {
    (running ? end : begin)();
    running = !running;
    writeFileSync(join(folder, `${process.pid}.${running ? 'begun' : 'ended'}`), '');
  });
}
