import { type DType, isComplex, isFloatingPoint } from './dtype.ts';
import { elementCount } from './elements.ts';
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** PyTorch's default print options. */
const precision = 4;
const summariseAbove = 1000;
const edgeItems = 3;
const lineWidth = 80;

const prefix = 'tensor(';

/**
 * The text that PyTorch prints for the same tensor; of one whose elements cannot be read, as on `meta` or where they are
 * sparse, only what it is like. Never throws: an object that holds a tensor could not be printed either then.
 */
export function format(tensor: Tensor): string {
  const { dtype, device } = tensor;
  const shape = orNull(() => tensor.shape) ?? [];
  const count = elementCount(shape);
  const suffixes: string[] = [];
  if (device !== 'cpu') suffixes.push(`device='${device}'`);
  const isEmpty = count === 0 && device !== 'meta';
  const body = isEmpty ? '[]' : orNull(() => bodyOf(tensor, shape, dtype, count > summariseAbove));
  if (body === null || (isEmpty && shape.length !== 1)) {
    suffixes.push(`size=(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`);
  }
  const shown = body !== null && !isEmpty;
  if (shown ? !hasDefaultType(dtype) : dtype !== 'float32') suffixes.push(`dtype=torch.${dtype}`);
  const gradFn = tensor.gradFn;
  if (gradFn !== null) suffixes.push(`grad_fn=<${gradFn}>`);
  else if (tensor.requiresGrad) suffixes.push('requires_grad=True');
  return withSuffixes(prefix + (body ?? '...'), suffixes);
}

/** Null where it throws. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Types that need no `dtype=`: they are what Python's literals give. */
const hasDefaultType = (dtype: DType): boolean =>
  dtype === 'float32' || dtype === 'complex64' || dtype === 'int64' || dtype === 'bool';

function withSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text;
  let lastLine = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    if (lastLine + suffix.length + 2 > lineWidth) {
      result += `,\n${' '.repeat(prefix.length)}${suffix}`;
      lastLine = prefix.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      lastLine += suffix.length + 2;
    }
  }
  return `${result})`;
}

function bodyOf(tensor: Tensor, shape: readonly number[], dtype: DType, summarise: boolean): string {
  const shown = summarise ? shape.map((size) => Math.min(size, 2 * edgeItems)) : shape;
  const values = scope(() => (summarise ? edges(tensor, shape) : tensor.detach()).toTypedArray());
  const cells = cellsOf(values as ArrayLike<number | bigint>, dtype);
  const isCut = (dimension: number) => summarise && shape[dimension]! > 2 * edgeItems;

  const vector = (start: number, dimension: number, indent: number): string => {
    const items = cells.texts.slice(start, start + shown[dimension]!);
    if (isCut(dimension)) items.splice(edgeItems, 0, ' ...');
    const perLine = Math.max(1, Math.floor((lineWidth - indent) / (cells.width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '));
    return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
  };

  const block = (start: number, dimension: number, indent: number): string => {
    if (dimension === shape.length) return cells.texts[0]!;
    if (dimension === shape.length - 1) return vector(start, dimension, indent);
    const stride = elementCount(shown.slice(dimension + 1));
    const slices = Array.from({ length: shown[dimension]! }, (_, i) =>
      block(start + i * stride, dimension + 1, indent + 1),
    );
    if (isCut(dimension)) slices.splice(edgeItems, 0, '...');
    const gap = `,${'\n'.repeat(shape.length - dimension - 1)}${' '.repeat(indent + 1)}`;
    return `[${slices.join(gap)}]`;
  };
  return block(0, 0, prefix.length);
}

/** The first and last items along each long dimension. */
function edges(tensor: Tensor, shape: readonly number[]): Tensor {
  let result = tensor.detach();
  shape.forEach((size, dimension) => {
    if (size <= 2 * edgeItems) return;
    const shown = result.narrow(dimension, 0, 2 * edgeItems).clone();
    shown
      .narrow(dimension, edgeItems, edgeItems)
      .copy_(result.narrow(dimension, size - edgeItems, edgeItems));
    result = shown;
  });
  return result;
}

interface Cells {
  texts: string[];
  width: number;
}

function cellsOf(values: ArrayLike<number | bigint>, dtype: DType): Cells {
  if (isComplex(dtype)) {
    const numbers = Array.from(values, Number);
    const real = floatCells(numbers.filter((_, i) => i % 2 === 0));
    const imaginary = floatCells(numbers.filter((_, i) => i % 2 === 1));
    const texts = real.texts.map((text, i) => {
      const part = imaginary.texts[i]!.trimStart();
      return `${text}${part.startsWith('-') ? '' : '+'}${part}j`;
    });
    return { texts, width: real.width + imaginary.width + 1 };
  }
  if (isFloatingPoint(dtype)) return floatCells(Array.from(values, Number));
  const texts = Array.from(values, (value) => (dtype === 'bool' ? (value ? 'True' : 'False') : `${value}`));
  return pad(texts, Math.max(...texts.map((text) => text.length)));
}

/**
 * Floats share one notation, chosen by the non-zero finite values: scientific where they span more than three decades
 * or are very large or small, else whole numbers with a point, else four decimals.
 */
function floatCells(values: number[]): Cells {
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0);
  let width = 1;
  let scientific = false;
  let whole = true;
  if (finite.length > 0) {
    let largest = 0;
    let smallest = Infinity;
    for (const value of finite) {
      const size = Math.abs(value);
      largest = Math.max(largest, size);
      smallest = Math.min(smallest, size);
      whole &&= Number.isInteger(value);
    }
    scientific = largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 1e-4);
    width = Math.max(...finite.map((value) => floatText(value, scientific, whole).length));
  }
  return pad(
    values.map((value) => floatText(value, scientific, whole)),
    width,
  );
}

function floatText(value: number, scientific: boolean, whole: boolean): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = Object.is(value, -0) ? '-' : '';
  if (scientific) return sign + value.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
  return sign + (whole ? `${value.toFixed(0)}.` : value.toFixed(precision));
}

const pad = (texts: string[], width: number): Cells => ({
  texts: texts.map((text) => text.padStart(width)),
  width,
});
