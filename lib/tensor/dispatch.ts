import type { OperatorOverload, OperatorParameter } from '../binding.ts';
import { native } from '../native.ts';
import { camelCase } from './camel-case.mjs';
import { describeValue, isPlain, readOnce } from './check.ts';
import { isDType } from './dtype.ts';
import { Generator } from './random.ts';
import { isOwned } from './scope.ts';
import { Tensor } from './tensor.ts';

/**
 * Calls of operators: which overload a list of JavaScript arguments means, and how they are handed over.
 *
 * Arguments are positional in the schema's order; a plain object in last place names further ones (all keyword-only
 * arguments, and any others). The choice depends on the arguments' types alone, so it is made once for each
 * combination of types and then looked up.
 */
export type OperatorFunction = (...args: unknown[]) => unknown;

/** The types that overloads can differ in. */
const Code = {
  absent: 0,
  null: 1,
  tensor: 2,
  integer: 3,
  number: 4,
  boolean: 5,
  bigint: 6,
  dtype: 7,
  string: 8,
  complex: 9,
  generator: 10,
  emptyArray: 11,
  tensors: 12,
  integers: 13,
  numbers: 14,
  booleans: 15,
  strings: 16,
  options: 17,
  other: 18,
} as const;

const codes = Object.keys(Code).length;
const keyOfTensor = codes + Code.tensor;
const keyOfTensors = keyOfTensor * codes + Code.tensor;

const { call } = native;
/** Keys are numbers in base `codes`; that many digits fit into 2^53. */
const maxPositional = 12;

function codeOf(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      return Code.absent;
    case 'number':
      return Number.isInteger(value) ? Code.integer : Code.number;
    case 'boolean':
      return Code.boolean;
    case 'bigint':
      return Code.bigint;
    case 'string':
      return isDType(value) ? Code.dtype : Code.string;
    case 'object':
      if (value instanceof Tensor) return Code.tensor;
      if (value === null) return Code.null;
      if (Array.isArray(value)) return codeOfArray(value);
      if (value instanceof Generator) return Code.generator;
      if ('re' in value && 'im' in value) return Code.complex;
      return isPlain(value) && !isOwned(value) ? Code.options : Code.other;
    default:
      return Code.other;
  }
}

function codeOfArray(values: readonly unknown[]): number {
  let code: number = Code.emptyArray;
  for (const value of values) {
    // No parameter takes arrays of arrays, which may hold themselves: there is no need to look into them.
    const element = Array.isArray(value) ? Code.other : codeOf(value);
    const own =
      element === Code.tensor || element === Code.null
        ? Code.tensors
        : element === Code.integer || element === Code.bigint
          ? Code.integers
          : element === Code.number
            ? Code.numbers
            : element === Code.boolean
              ? Code.booleans
              : element === Code.string || element === Code.dtype
                ? Code.strings
                : Code.other;
    // At once: there may be millions more, or as many holes.
    if (own === Code.other) return own;
    if (code === Code.emptyArray || code === own) code = own;
    else if (code === Code.integers && own === Code.numbers) code = own;
    else if (!(code === Code.numbers && own === Code.integers)) return Code.other;
  }
  return code;
}

const inList = new Set<number>([Code.integers, Code.emptyArray]);

/** Whether an argument of type `code` can be given for a parameter. */
function accepts(parameter: OperatorParameter, code: number): boolean {
  if (code === Code.absent) return parameter.hasDefault || parameter.nullable;
  if (code === Code.null) return parameter.nullable;
  if (parameter.list) {
    switch (parameter.kind) {
      case 'Tensor':
        return code === Code.tensors || code === Code.emptyArray;
      case 'int':
        return (
          inList.has(code) || (parameter.fixedSize > 0 && (code === Code.integer || code === Code.bigint))
        );
      case 'float':
      case 'Scalar':
        return inList.has(code) || code === Code.numbers;
      case 'bool':
        return code === Code.booleans || code === Code.emptyArray;
      case 'str':
        return code === Code.strings || code === Code.emptyArray;
      default:
        return false;
    }
  }
  switch (parameter.kind) {
    case 'Tensor':
      return code === Code.tensor;
    case 'Scalar':
      return (code >= Code.integer && code <= Code.bigint) || code === Code.complex;
    case 'int':
      return code === Code.integer || code === Code.bigint;
    case 'float':
      return code === Code.integer || code === Code.number || code === Code.bigint;
    case 'bool':
      return code === Code.boolean;
    case 'ScalarType':
      return code === Code.dtype;
    case 'str':
      return code === Code.string || code === Code.dtype;
    case 'Layout':
    case 'Device':
    case 'MemoryFormat':
      return code === Code.string;
    case 'Generator':
      return code === Code.generator;
    case 'unsupported':
      return false;
  }
}

/** What a return of the schema becomes in JavaScript. */
type Wrap = (value: unknown, args: readonly unknown[]) => unknown;

function wrapperOf(type: string, alias: number): Wrap {
  if (alias >= 0) return (_, args) => args[alias];
  if (type === 'Tensor' || type === 'Tensor?') {
    return (value) => (value === null ? null : new Tensor(value as number));
  }
  if (type === 'Tensor[]' || type === 'Tensor?[]') {
    return (value) =>
      (value as (number | null)[]).map((handle) => (handle === null ? null : new Tensor(handle)));
  }
  return (value) => value;
}

/** An overload, ready to be called. */
interface Plan {
  id: number;
  /** The commonest case: exactly one return, a new tensor. */
  givesTensor: boolean;
  wraps: Wrap[];
}

/** An overload whose parameters are known by their JavaScript names too. */
interface Candidate extends Plan {
  parameters: readonly OperatorParameter[];
  indexOf: ReadonlyMap<string, number>;
  positional: number;
  schema: string;
}

function candidateOf(overload: OperatorOverload): Candidate {
  const { parameters, aliases, returns } = overload;
  const firstKeyword = parameters.findIndex((parameter) => parameter.keywordOnly);
  return {
    id: overload.id,
    givesTensor: returns.length === 1 && returns[0] === 'Tensor' && aliases[0] === -1,
    wraps: returns.map((type, i) => wrapperOf(type, aliases[i]!)),
    parameters,
    indexOf: new Map(parameters.map((parameter, i) => [camelCase(parameter.name), i])),
    positional: firstKeyword < 0 ? parameters.length : firstKeyword,
    schema: overload.schema,
  };
}

const writesOut = (overload: OperatorOverload): boolean =>
  overload.parameters.some((parameter) => parameter.written && parameter.keywordOnly);

/** Overloads in the order in which they are tried: out= variants last, short ones first. */
function candidatesOf(qualifiedName: string, overload: string | undefined): Candidate[] {
  return native
    .describeOperator(qualifiedName)
    .filter((entry) => entry.supported && (overload === undefined || entry.overload === overload))
    .sort((a, b) => Number(writesOut(a)) - Number(writesOut(b)) || a.parameters.length - b.parameters.length)
    .map(candidateOf);
}

/**
 * An argument as it is now. Lists and complex numbers may be of getters, Proxies or subclasses, which could give a number
 * where they have just shown a tensor, or free one that has been read: they are read once, into a plain copy, before
 * anything else is done with any argument.
 */
function settled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return value;
  if (Array.isArray(value)) return readOnce(value);
  if (value instanceof Generator || !('re' in value && 'im' in value)) return value;
  return { re: value.re, im: value.im };
}

/** The options that are given, each read once. */
function settledOptions(options: object): Map<string, unknown> {
  const named = new Map<string, unknown>();
  for (const name of Object.keys(options)) {
    const value = settled((options as Record<string, unknown>)[name]);
    if (value !== undefined) named.set(name, value);
  }
  return named;
}

const noOptions: ReadonlyMap<string, unknown> = new Map();

/** What the addon takes for a settled argument. */
const handOver = (value: unknown): unknown => {
  if (value instanceof Tensor) return value.handle;
  if (Array.isArray(value)) {
    return value.some((element) => element instanceof Tensor) ? value.map(handOver) : value;
  }
  return value instanceof Generator ? value.id : value;
};

function finish(plan: Plan, result: unknown, args: readonly unknown[]): unknown {
  if (plan.givesTensor) return new Tensor(result as number);
  const { wraps } = plan;
  if (wraps.length === 0) return undefined;
  if (wraps.length === 1) return wraps[0]!(result, args);
  return wraps.map((wrap, i) => wrap((result as unknown[])[i], args));
}

/**
 * The function that calls an operator.
 * @param qualifiedName 'aten::add'; one overload alone by 'aten::add.Tensor'
 * @throws Error if there is no such operator
 */
export function operatorFunction(qualifiedName: string): OperatorFunction {
  const dot = qualifiedName.indexOf('.');
  const name = dot < 0 ? qualifiedName : qualifiedName.slice(0, dot);
  const overload = dot < 0 ? undefined : qualifiedName.slice(dot + 1);
  const label = camelCase(name.replace(/^aten::/, ''));
  let candidates: Candidate[] | undefined;
  const plans = new Map<number, Plan>();
  const namedPlans = new Map<string, Candidate>();
  let lastKey = -1;
  let lastPlan: Plan | undefined;

  const overloads = (): Candidate[] => {
    if (candidates === undefined) {
      candidates = candidatesOf(name, overload);
      if (candidates.length === 0) throw new Error(`there is no operator ${qualifiedName}`);
    }
    return candidates;
  };

  function callNamed(given: readonly unknown[], named: ReadonlyMap<string, unknown>): unknown {
    let key = '';
    for (const arg of given) key += `${codeOf(arg)},`;
    // With its length, since a name may be any text.
    for (const [name, value] of named) key += `${name.length}:${name}${codeOf(value)},`;
    let plan = namedPlans.get(key);
    if (plan === undefined) {
      plan = choose(overloads(), given, named, label);
      namedPlans.set(key, plan);
    }
    const inOrder = given.slice();
    while (inOrder.length < plan.parameters.length) inOrder.push(undefined);
    for (const [name, value] of named) inOrder[plan.indexOf.get(name)!] = value;
    return finish(plan, call(plan.id, ...inOrder.map(handOver)), inOrder);
  }

  const planFor = (key: number, args: readonly unknown[]): Plan => {
    let plan = plans.get(key);
    if (plan === undefined) {
      plan = choose(overloads(), args, noOptions, label);
      plans.set(key, plan);
    }
    lastKey = key;
    lastPlan = plan;
    return plan;
  };

  // Most calls have a tensor, or a tensor and another or a number: those go over without an array in between.
  return function operator(a?: unknown, b?: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: a rest parameter would make an array in every call.
    const count = arguments.length;
    if (a instanceof Tensor) {
      if (count === 1) {
        const plan = keyOfTensor === lastKey ? lastPlan! : planFor(keyOfTensor, [a]);
        const result = call(plan.id, a.handle);
        return plan.givesTensor ? new Tensor(result as number) : finish(plan, result, [a]);
      }
      if (count === 2 && b instanceof Tensor) {
        const plan = keyOfTensors === lastKey ? lastPlan! : planFor(keyOfTensors, [a, b]);
        const result = call(plan.id, a.handle, b.handle);
        return plan.givesTensor ? new Tensor(result as number) : finish(plan, result, [a, b]);
      }
      if (count === 2 && typeof b === 'number') {
        const key = keyOfTensor * codes + codeOf(b);
        const plan = key === lastKey ? lastPlan! : planFor(key, [a, b]);
        const result = call(plan.id, a.handle, b);
        return plan.givesTensor ? new Tensor(result as number) : finish(plan, result, [a, b]);
      }
    }
    const args: unknown[] = [];
    let key = 1;
    for (let i = 0; i < count; i++) {
      // biome-ignore lint/complexity/noArguments: as above.
      const arg = settled(arguments[i]);
      const code = codeOf(arg);
      if (code === Code.options) {
        if (i < count - 1) throw new TypeError(`${label}: options must come last`);
        return callNamed(args, settledOptions(arg as object));
      }
      args.push(arg);
      key = key * codes + code;
    }
    if (count > maxPositional) return callNamed(args, noOptions);
    const plan = key === lastKey ? lastPlan! : planFor(key, args);
    return finish(plan, call(plan.id, ...args.map(handOver)), args);
  };
}

/** The first overload that takes these arguments. @throws TypeError saying which argument no overload takes */
function choose(
  candidates: readonly Candidate[],
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
  label: string,
): Candidate {
  const failures: Failure[] = [];
  for (const candidate of candidates) {
    const failure = mismatch(candidate, args, named);
    if (failure === null) return candidate;
    failures.push(failure);
  }
  // The overloads that came furthest tell best what is wrong.
  const furthest = Math.max(...failures.map((failure) => failure.position));
  const reasons = failures.filter((failure) => failure.position === furthest);
  // Of those that came as far, one that has a parameter there tells more than one that has no more parameters.
  const first = reasons.find((failure) => failure.got !== undefined) ?? reasons[0]!;
  const expected = [...new Set(reasons.map((failure) => failure.expected).filter((text) => text !== ''))];
  const message =
    first.got !== undefined
      ? `argument '${first.name}' expected ${expected.join(' or ')}, got ${first.got}`
      : first.name;
  throw new TypeError(
    `${label}: ${message}\n${candidates.map((candidate) => `  ${candidate.schema}`).join('\n')}`,
  );
}

interface Failure {
  position: number;
  name: string;
  expected: string;
  got?: string;
}

function mismatch(
  candidate: Candidate,
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): Failure | null {
  const { parameters, indexOf, positional } = candidate;
  const filled = new Set<number>();
  for (let i = 0; i < args.length; i++) {
    const parameter = parameters[i];
    if (parameter === undefined || i >= positional) {
      return {
        position: i,
        name: `expected at most ${positional} positional arguments, got ${args.length}`,
        expected: '',
      };
    }
    if (!accepts(parameter, codeOf(args[i]))) {
      return {
        position: i,
        name: camelCase(parameter.name),
        expected: typeText(parameter),
        got: describeValue(args[i]),
      };
    }
    if (args[i] !== undefined) filled.add(i);
  }
  for (const [key, value] of named) {
    const index = indexOf.get(key);
    if (index === undefined)
      return { position: args.length, name: `there is no argument '${key}'`, expected: '' };
    if (filled.has(index))
      return { position: args.length, name: `argument '${key}' is given twice`, expected: '' };
    if (!accepts(parameters[index]!, codeOf(value))) {
      return {
        position: args.length + 1,
        name: key,
        expected: typeText(parameters[index]!),
        got: describeValue(value),
      };
    }
    filled.add(index);
  }
  for (let i = 0; i < parameters.length; i++) {
    const parameter = parameters[i]!;
    // `Tensor? bias` without a default may be left out: it means null.
    if (!filled.has(i) && !parameter.hasDefault && !parameter.nullable) {
      return { position: i, name: camelCase(parameter.name), expected: typeText(parameter), got: 'nothing' };
    }
    // A generator or out= tensor tells its overload apart: the others come first.
    if (!filled.has(i) && parameter.kind === 'Generator' && !parameter.hasDefault) {
      return { position: i, name: camelCase(parameter.name), expected: 'Generator', got: 'nothing' };
    }
  }
  return null;
}

const typeText = ({ kind, list, nullable, fixedSize }: OperatorParameter): string =>
  `${kind}${list ? `[${fixedSize > 0 ? fixedSize : ''}]` : ''}${nullable ? ' or null' : ''}`;
