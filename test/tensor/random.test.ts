import { describe, expect, it } from 'vitest';
import { Generator, getRngState, manualSeed, setRngState, torch } from '../../lib/tensor/index.ts';

describe('random numbers', () => {
  it("are PyTorch's for a seed", () => {
    manualSeed(0);
    // torch.manual_seed(0); torch.rand(3)
    const expected = [0.49625658988952637, 0.7682217955589294, 0.08847743272781372];
    expect(torch.rand([3]).toArray()).toEqual(expected);
  });

  it('repeat after seeding or restoring the state', () => {
    manualSeed(7n);
    const state = getRngState();
    const first = torch.randn([5]).toArray();
    setRngState(state);
    expect(torch.randn([5]).toArray()).toEqual(first);
    manualSeed(7);
    expect(torch.randn([5]).toArray()).toEqual(first);
  });

  it('come from generators of their own', () => {
    const generator = new Generator(3);
    const before = getRngState().toTypedArray();
    const first = torch.randn([4], { generator }).toArray();
    const state = generator.getState();
    const second = torch.randn([4], { generator }).toArray();
    expect(getRngState().toTypedArray()).toEqual(before);
    expect(torch.randn([4], { generator: new Generator(3) }).toArray()).toEqual(first);
    generator.setState(state);
    expect(torch.randn([4], { generator }).toArray()).toEqual(second);
    expect(torch.randn([4], { generator: generator.manualSeed(3) }).toArray()).toEqual(first);
  });

  it('come from no copy of a generator, which could outlive it', () => {
    const generator = new Generator(1);
    for (const copy of [Object.create(Generator.prototype), { ...generator }, new Proxy(generator, {})]) {
      expect(() => torch.rand([1], { generator: copy as Generator })).toThrow(/Generator/);
    }
    expect(() => new Proxy(generator, {}).manualSeed(1)).toThrow(
      'expected a Generator, got a copy or a Proxy of one',
    );
  });

  it('reject bad seeds, states and devices', () => {
    expect(() => manualSeed(1.5)).toThrow(/'seed' expected an integer/);
    expect(() => new Generator(0, 'cpux')).toThrow(/cpux|device/);
    expect(() => new Generator().setState(torch.zeros([3]))).toThrow();
    const nothing = undefined as never;
    expect(() => new Generator().setState(nothing)).toThrow(
      "setState: argument 'state' expected a Tensor, got undefined",
    );
    expect(() => setRngState(nothing)).toThrow("setRngState: argument 'state' expected a Tensor");
  });

  it('come from generators that are bounded in a loop that never returns to the event loop', () => {
    const kept = new Generator(3);
    const before = process.memoryUsage.rss();
    let most = 0;
    for (let i = 0; i < 200_000; i++) {
      new Generator(i);
      if (i % 1000 === 0) most = Math.max(most, process.memoryUsage.rss());
    }
    expect(most - before).toBeLessThan(300e6);
    expect(torch.randn([4], { generator: kept }).toArray()).toEqual(
      torch.randn([4], { generator: new Generator(3) }).toArray(),
    );
  });
});
