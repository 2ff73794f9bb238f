/** Why an interrupted signal is aborted. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  /** What the process should end with: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** What a process that this signal has stopped should end with. */
export const exitCodeOf = (signal: AbortSignal | undefined): number =>
  signal?.reason instanceof InterruptedError ? signal.reason.exitCode : 130;

/**
 * Runs `work` with a signal that Ctrl-C (SIGINT) or SIGTERM aborts, so that it can end in good order. The second one
 * ends the process at once.
 *
 * @param tell called at the first
 * @throws what `work` throws: an InterruptedError where it throws the signal's reason
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  tell: () => void = () => {},
): Promise<T> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    const reason = new InterruptedError(signal as 'SIGINT' | 'SIGTERM');
    if (controller.signal.aborted) process.exit(reason.exitCode);
    tell();
    controller.abort(reason);
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
