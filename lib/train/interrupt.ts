/**
 * Runs `work` with a signal that Ctrl-C (SIGINT) or SIGTERM aborts, so that it can end in good order. The second one
 * ends the process at once.
 *
 * @param tell called at the first
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  tell: () => void = () => {},
): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    tell();
    controller.abort(new Error(`interrupted by ${name}`));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
