import { AsyncLocalStorage } from 'node:async_hooks';
import { native } from '../native.ts';

/** What a scope needs to know of a tensor. */
export interface Owned {
  handle: number;
  owningScope: Scope | null;
}

const { track, releaseMany } = native;

/** The tensors made while a scope is the current one. */
export class Scope {
  readonly parent: Scope | undefined;
  tensors: Owned[] = [];
  ended = false;
  #compactAt = 1024;

  constructor(parent: Scope | undefined) {
    this.parent = parent;
  }

  add(tensor: Owned): void {
    if (this.tensors.length >= this.#compactAt) this.#compact();
    this.tensors.push(tensor);
  }

  owns(tensor: Owned): boolean {
    return tensor.owningScope === this && tensor.handle >= 0;
  }

  /** Forgets the tensors that were disposed or kept: a long scope may make any number of them. */
  #compact(): void {
    this.tensors = this.tensors.filter((tensor) => this.owns(tensor));
    this.#compactAt = Math.max(1024, 2 * this.tensors.length);
  }
}

// While JavaScript runs synchronously the current scope is a plain variable, which costs nothing to read. After an
// `await` that variable is somebody else's, so a scope around an async function is found through AsyncLocalStorage;
// it is asked only while such a scope is open.
let current: Scope | undefined;
let openAsyncScopes = 0;
const asyncScope = new AsyncLocalStorage<Scope>();

function currentScope(): Scope | undefined {
  if (current !== undefined) return current;
  if (openAsyncScopes === 0) return undefined;
  const scope = asyncScope.getStore();
  return scope === undefined || scope.ended ? undefined : scope;
}

/** Gives a new tensor to the current scope, or, outside any scope, to the garbage collector. */
export function adopt(tensor: Owned): Scope | null {
  const scope = currentScope();
  if (scope === undefined) {
    track(tensor.handle, tensor);
    return null;
  }
  scope.add(tensor);
  return scope;
}

/**
 * Runs `fn` and frees every tensor made inside it, except those in its result (a tensor, or arrays, maps, sets and
 * plain objects holding tensors), which belong to the enclosing scope, and those marked with `keep()`.
 *
 * `fn` may be async: tensors made after an `await` belong to the scope too, and they are freed once the promise has
 * settled. Scopes nest.
 *
 * @returns what `fn` returns
 */
export function scope<T>(fn: () => T): T {
  const parent = currentScope();
  const own = new Scope(parent);
  const outer = current;
  current = own;
  let result: T;
  let pending: boolean;
  try {
    result = asyncScope.run(own, fn);
    pending = isPromise(result);
  } catch (error) {
    end(own, undefined);
    throw error;
  } finally {
    current = outer;
  }
  if (!pending) {
    end(own, result);
    return result;
  }
  openAsyncScopes++;
  const settle = (value: unknown) => {
    openAsyncScopes--;
    end(own, value);
  };
  // Promise.resolve sees to it that the `then` of another class calls back once at most, and that its errors are told.
  return Promise.resolve(result).then(
    (value) => {
      settle(value);
      return value;
    },
    (error) => {
      settle(undefined);
      throw error;
    },
  ) as T;
}

export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  value instanceof Promise ||
  (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function');

let released = new Int32Array(1024);

function end(own: Scope, result: unknown): void {
  own.ended = true;
  try {
    if (result !== undefined && result !== null) {
      const parent = own.parent?.ended === true ? undefined : own.parent;
      visitTensors(result, (tensor) => {
        if (tensor.owningScope === own) hand(tensor, parent);
      });
    }
  } finally {
    // A result may have getters that throw, or be nested too deep.
    release(own);
  }
}

/** Frees what still belongs to a scope. */
function release(own: Scope): void {
  const { tensors } = own;
  if (tensors.length > released.length) released = new Int32Array(2 * tensors.length);
  let count = 0;
  for (const tensor of tensors) {
    if (own.owns(tensor)) {
      released[count++] = tensor.handle;
      tensor.handle = -1;
      tensor.owningScope = null;
    }
  }
  if (count > 0) releaseMany(released, count);
}

function hand(tensor: Owned, parent: Scope | undefined): void {
  if (parent !== undefined) {
    parent.add(tensor);
    tensor.owningScope = parent;
  } else {
    disown(tensor);
  }
}

/** Takes a tensor out of its scope: from now on only dispose() or the garbage collector frees it. */
export function disown(tensor: Owned): void {
  tensor.owningScope = null;
  if (tensor.handle >= 0) track(tensor.handle, tensor);
}

export const isOwned = (value: object): value is Owned => 'owningScope' in value;

function visitTensors(value: unknown, visit: (tensor: Owned) => void, seen = new Set<object>()): void {
  if (typeof value !== 'object' || value === null) return;
  if (isOwned(value)) {
    visit(value);
    return;
  }
  if (seen.has(value) || ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (value instanceof Map) {
    for (const [key, element] of value) {
      visitTensors(key, visit, seen);
      visitTensors(element, visit, seen);
    }
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const element of value) visitTensors(element, visit, seen);
  } else {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      for (const element of Object.values(value)) visitTensors(element, visit, seen);
    }
  }
}
