import { isPromise } from './scope.ts';

/**
 * Does `fn` between `enter` and `leave`, which is told what `enter` returned. What they change belongs to the thread
 * and would leak into other tasks at an `await`, so `fn` must be synchronous.
 * @param name whose argument `fn` is
 * @throws TypeError if `fn` returns a promise, or a generator, whose body would run outside
 */
export function synchronously<State, T>(
  name: string,
  enter: () => State,
  leave: (before: State) => void,
  fn: () => T,
): T {
  const before = enter();
  try {
    const result = fn();
    const later = isPromise(result) ? 'promise' : isGenerator(result) ? 'generator' : null;
    if (later !== null) {
      if (result instanceof Promise) result.catch(() => {});
      throw new TypeError(
        `${name}: argument 'fn' expected a synchronous function, got one that returns a ${later}`,
      );
    }
    return result;
  } finally {
    leave(before);
  }
}

/** Of a `function*` or `async function*`. */
const isGenerator = (value: unknown): boolean => /Generator\]$/.test(Object.prototype.toString.call(value));
