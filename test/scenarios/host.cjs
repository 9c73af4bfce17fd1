// A stand-in for an editor's extension host: it loads the built coordinator that it is given, opens it when it is told
// to, and goes on with what else it has to do. What it notices it sends to its parent.
const { openCoordinator } = require(process.argv[2]);

/** How many listen to each event of the process. */
const listeners = () => process.eventNames().map(name => `${String(name)} ${process.listenerCount(name)}`);

let running;

const acts = {
  async open() {
    const before = listeners();
    running = await openCoordinator({
      home: process.env.SYNCROPEL_HOME,
      flags: {},
      env: process.env,
      logger: { info() {}, error: message => process.send({ error: message }) },
      onStop: error => void stop(error),
    });
    return { opened: true, before, after: listeners() };
  },
  async close() {
    await running.close();
    return { closed: true, after: listeners() };
  },
  async quit() {
    // The channel is all that keeps it running.
    setImmediate(() => process.disconnect());
    return { quits: true };
  },
};

async function stop(error) {
  await running.close();
  process.send({ stopped: true, error: error?.message });
}

process.on('message', async what => {
  try {
    process.send(await acts[what]());
  } catch (error) {
    process.send({ error: error.stack });
  }
});
