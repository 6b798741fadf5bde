/** Resolves with the reason when the launcher should stop. A second Ctrl-C changes nothing: the stop is under way. */
const PARENT_LOOK_MS = 1_000;

export function untilTold(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    // Whoever read our output has gone. Unheard, the error would end the launcher on the spot and leave its parts behind.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', () => resolve('nobody reads its output any more'));
    }
    // npm killed, terminal gone: nobody could stop us any more. Started by init itself, there is no parent to lose.
    const parent = process.ppid;
    if (parent === 1) return;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve('its parent has gone');
    }, PARENT_LOOK_MS);
    timer.unref();
  });
}
