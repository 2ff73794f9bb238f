/** Parameters and states that have been given other data since: the fused operators check nothing. */
import { describe, expect, it } from 'vitest';
import { Parameter } from '../../lib/nn/index.ts';
import { Adam, AdamW, type Optimizer, SGD } from '../../lib/optim/index.ts';
import { noGrad, torch } from '../../lib/tensor/index.ts';

const ones = (shape: number[]) => new Parameter(torch.ones(shape));

describe.each<[string, (parameter: Parameter) => Optimizer, string]>([
  ['SGD', (p) => new SGD([p], { lr: 1, momentum: 0.9 }), 'momentum_buffer'],
  ['Adam', (p) => new Adam([p], { amsgrad: true }), 'max_exp_avg_sq'],
  ['AdamW', (p) => new AdamW([p]), 'exp_avg'],
])('%s', (name, make, kept) => {
  it('names a gradient that is of another shape than its parameter has by now', () => {
    const parameter = ones([2, 3]);
    const optimizer = make(parameter);
    parameter.grad = torch.ones([2, 3]);
    noGrad(() => parameter.setData(torch.zeros([4, 3])));
    expect(() => optimizer.step()).toThrow(/'grad' expected shape \[4, 3\] Float on cpu, got \[2, 3\]/);
    expect(parameter.toArray()).toEqual(torch.zeros([4, 3]).toArray());
  });

  it('names a state that is of another shape', () => {
    const parameter = ones([3]);
    const optimizer = make(parameter);
    parameter.grad = torch.ones([3]);
    optimizer.step();
    const before = parameter.toArray();
    optimizer.stateDict().tensors[`0.${kept}`]!.setData(torch.zeros([1]));
    expect(() => optimizer.step()).toThrow(
      `${name}: '${kept}' expected shape [3], strides [1] and float32 on cpu, got [1], [1] and float32 on cpu`,
    );
    expect(parameter.toArray()).toEqual(before);
  });

  it('names the state of a parameter that has become larger', () => {
    const parameter = ones([3]);
    const optimizer = make(parameter);
    parameter.grad = torch.ones([3]);
    optimizer.step();
    noGrad(() => parameter.setData(torch.zeros([1 << 16])));
    parameter.grad = torch.ones([1 << 16]);
    expect(() => optimizer.step()).toThrow(/expected shape \[65536\].*got \[3\]/);
  });
});

it('Adam counts no step that it could not take, and names a count that is none', () => {
  const parameter = ones([3]);
  const optimizer = new Adam([parameter]);
  parameter.grad = torch.ones([3]);
  optimizer.step();
  const { tensors } = optimizer.stateDict();
  const average = tensors['0.exp_avg']!;
  const good = average.clone();
  average.setData(torch.zeros([1]));
  expect(() => optimizer.step()).toThrow(/'exp_avg'/);
  expect(tensors['0.step']!.item()).toBe(1);
  average.setData(good);
  tensors['0.step']!.setData(torch.zeros([0]));
  expect(() => optimizer.step()).toThrow("Adam: 'step' expected shape []");
});
