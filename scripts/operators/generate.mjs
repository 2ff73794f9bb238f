// @ts-check
/**
 * TypeScript signatures of LibTorch's operators, from the schemas that the loaded LibTorch reports.
 * Declarations only: what a call does at run time is decided by the same schemas in lib/tensor/dispatch.ts.
 */

import { camelCase } from '../../lib/tensor/camel-case.mjs';
import { isPublic } from '../../lib/tensor/public.mjs';

/**
 * @typedef {import('../../lib/binding.ts').NativeBinding} Binding
 * @typedef {import('../../lib/binding.ts').OperatorOverload} Overload
 * @typedef {import('../../lib/binding.ts').OperatorParameter} Parameter
 * @typedef {Overload & { outs: Parameter[] }} Call
 */

/** Members of Tensor (lib/tensor/tensor.ts) that stand in place of the operators of the same name. */
export const hiddenOperators = new Set(['numel', 'isLeaf', 'item', 'to']);

const reserved = new Set([
  'default',
  'in',
  'new',
  'var',
  'with',
  'function',
  'delete',
  'this',
  'case',
  'export',
]);

const parameterName = (/** @type {Parameter} */ parameter) => {
  const name = camelCase(parameter.name);
  return reserved.has(name) ? `${name}_` : name;
};

/** @type {Partial<Record<Parameter['kind'], string>>} */
const scalarTypes = {
  Tensor: 'Tensor',
  Scalar: 'Scalar',
  int: 'Int',
  float: 'number',
  bool: 'boolean',
  str: 'string',
  ScalarType: 'DType',
  Layout: 'string',
  Device: 'string',
  MemoryFormat: 'MemoryFormat',
  Generator: 'Generator',
};

/** @param {Parameter} parameter @returns {string | null} */
function typeOf(parameter) {
  let type = scalarTypes[parameter.kind];
  if (type === undefined) return null;
  if (parameter.list) {
    const element = parameter.nullableElements ? `(${type} | null)` : type;
    const list = `readonly ${element}[]`;
    // For `int[2]` one number stands for both.
    type = parameter.fixedSize > 0 ? `${type} | ${list}` : list;
  }
  return parameter.nullable ? `${type} | null` : type;
}

/** @type {Record<string, string>} */
const returnTypes = {
  Tensor: 'Tensor',
  'Tensor?': 'Tensor | null',
  'Tensor[]': 'Tensor[]',
  int: 'number',
  SymInt: 'number',
  float: 'number',
  bool: 'boolean',
  Scalar: 'Scalar',
  ScalarType: 'DType',
  str: 'string',
};

/** @param {Overload} overload */
function returnType(overload) {
  const types = overload.returns.map((type) => returnTypes[type] ?? 'unknown');
  if (types.length === 0) return 'void';
  return types.length === 1 ? types[0] : `[${types.join(', ')}]`;
}

const isOut = (/** @type {Parameter} */ parameter) => parameter.written && parameter.keywordOnly;

/** Two overloads are the same call but for out= where their other parameters agree. */
const callKey = (/** @type {Overload} */ overload) =>
  JSON.stringify(overload.parameters.filter((p) => !isOut(p)).map((p) => [p.name, typeOf(p), p.hasDefault]));

/** Gives each out= overload's tensors to the overload it is a variant of; those without one stay on their own. @param {Overload[]} overloads */
function mergeOut(overloads) {
  const plain = overloads
    .filter((overload) => !overload.parameters.some(isOut))
    .map((o) => ({ ...o, outs: /** @type {Parameter[]} */ ([]) }));
  const byCall = new Map(plain.map((overload) => [callKey(overload), overload]));
  /** @type {Call[]} */
  const alone = [];
  for (const overload of overloads) {
    const outs = overload.parameters.filter(isOut);
    if (outs.length === 0) continue;
    const base = byCall.get(callKey(overload));
    if (base === undefined) alone.push({ ...overload, outs: [] });
    else if (base.outs.length === 0) base.outs = outs;
  }
  return [...plain, ...alone];
}

const isOptional = (/** @type {Parameter} */ parameter) => parameter.hasDefault;

const positionalText = (/** @type {Parameter} */ parameter, /** @type {boolean} */ optional) =>
  `${parameterName(parameter)}${optional ? '?' : ''}: ${typeOf(parameter)}`;

/** One that may be left out, in front of an argument that may not. */
const skippableText = (/** @type {Parameter} */ parameter) =>
  `${positionalText(parameter, false)} | undefined`;

/** `undefined` is written out for those who compile with exactOptionalPropertyTypes. */
const optionText = (/** @type {Parameter} */ parameter, /** @type {boolean} */ optional) =>
  optional ? `${positionalText(parameter, true)} | undefined` : positionalText(parameter, false);

/**
 * The signatures of one overload: all positional, and, where some have defaults, each way to give the first of those in
 * place and to name the others in the options.
 * @param {string} name
 * @param {Call} overload
 * @param {boolean} skipSelf
 */
function signatures(name, overload, skipSelf) {
  const usable = overload.parameters.filter((parameter) => typeOf(parameter) !== null);
  const parameters = skipSelf ? usable.filter((parameter) => parameter.name !== 'self') : usable;
  const positional = parameters.filter((parameter) => !parameter.keywordOnly);
  const keywords = [
    ...parameters
      .filter((parameter) => parameter.keywordOnly)
      .map((p) => ({ text: optionText(p, isOptional(p)), optional: isOptional(p) })),
    ...overload.outs.map((p) => ({ text: optionText(p, true), optional: true })),
  ];
  // Parameters are optional from the first one after which all have defaults.
  let firstOptional = positional.length;
  while (firstOptional > 0 && isOptional(/** @type {Parameter} */ (positional[firstOptional - 1])))
    firstOptional--;
  const required = positional.slice(0, firstOptional).map((p) => positionalText(p, false));
  const optional = positional.slice(firstOptional);
  const result = returnType(overload);
  const options = (/** @type {{ text: string }[]} */ members, /** @type {'' | '?'} */ mark) =>
    members.length === 0 ? [] : [`options${mark}: { ${members.map((entry) => entry.text).join('; ')} }`];
  const write = (/** @type {string[]} */ list) => `  ${name}(${list.join(', ')}): ${result};`;
  // TypeScript allows no required parameter after optional ones.
  const needsKeywords = keywords.some((entry) => !entry.optional);
  const inPlace = optional.map((p) => (needsKeywords ? skippableText(p) : positionalText(p, true)));
  const lines = [write([...required, ...inPlace, ...options(keywords, needsKeywords ? '' : '?')])];
  for (let given = 0; given < optional.length; given++) {
    const first = optional.slice(0, given).map(skippableText);
    const named = optional.slice(given).map((p) => ({ text: optionText(p, true) }));
    const mark = given > 0 || needsKeywords ? '' : '?';
    lines.push(write([...required, ...first, ...options([...named, ...keywords], mark)]));
  }
  return lines;
}

/** @param {Binding} binding @param {boolean} isMethod */
function memberLines(binding, isMethod) {
  /** @type {string[]} */
  const lines = [];
  const names = Object.entries(binding.operatorNames())
    .filter(([name, selfPosition]) => isPublic(name) && (!isMethod || selfPosition >= 0))
    .map(([name]) => name)
    .sort();
  for (const qualifiedName of names) {
    const name = camelCase(qualifiedName.slice('aten::'.length));
    if (isMethod && hiddenOperators.has(name)) continue;
    const overloads = binding
      .describeOperator(qualifiedName)
      .filter((overload) => overload.supported)
      .filter(
        (overload) =>
          !isMethod || overload.parameters.some((p) => p.name === 'self' && p.kind === 'Tensor' && !p.list),
      );
    const own = mergeOut(overloads).flatMap((overload) => signatures(name, overload, isMethod));
    lines.push(...new Set(own));
  }
  return lines;
}

const header = (
  /** @type {string} */ version,
) => `// Generated from the schemas of LibTorch ${version} by \`npm run generate\`: do not edit.
import type { DType } from '../dtype.ts';
import type { Generator } from '../random.ts';
import type { Int, MemoryFormat, Scalar, Tensor } from '../tensor.ts';
`;

/**
 * @param {Binding} binding the native addon's exports
 * @param {string} version the LibTorch they come from, "2.13.0"
 * @returns {{functions: string, methods: string}} the texts of lib/tensor/generated/{functions,methods}.ts
 */
export function generateOperators(binding, version) {
  const text = (/** @type {string} */ comment, /** @type {string} */ name, /** @type {string[]} */ lines) =>
    `${header(version)}\n/** ${comment} */\nexport interface ${name} {\n${lines.join('\n')}\n}\n`;
  return {
    functions: text(
      'Every public operator as a function of `torch`.',
      'TorchFunctions',
      memberLines(binding, false),
    ),
    methods: text(
      'Every public operator with a `self` tensor as a method.',
      'TensorMethods',
      memberLines(binding, true),
    ),
  };
}
