import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrossEntropyLoss } from '../../lib/losses/index.ts';
import { createModel } from '../../lib/models/index.ts';
import * as nn from '../../lib/nn/index.ts';
import { memory, noGrad, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { CheckpointError, loadPretrained, saveSafetensors } from '../../lib/train/index.ts';
import { expectClose } from '../support/close.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { hasTorch, runPython } from '../support/python.ts';

const valuesOf = (value: Tensor) => value.detach().toTypedArray() as Float32Array;

describe.skipIf(!hasTorch)("torchvision's ResNet-101", () => {
  interface Theirs {
    features: number[];
    logits: number[];
  }
  let theirs: Theirs | null = null;
  let folder: string;
  let path: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
    path = join(folder, 'resnet101.safetensors');
    // The conversion is docs/models.md's, with drawn weights, since trained ones would have to be downloaded.
    theirs = runPython<Theirs | null>(
      `
def convert():
    import safetensors.torch
    sys.path.insert(0, given['python'])
    from vision import torchvision
    torch.manual_seed(0)
    net = torchvision.models.resnet101(weights=None)
    x = torch.arange(2 * 3 * 64 * 64, dtype=torch.float32).mul(0.37).sin().reshape(2, 3, 64, 64)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
        net.train()(x)
        logits = net.eval()(x)
        features = torch.nn.Sequential(*list(net.children())[:-1])(x)
    safetensors.torch.save_file(net.state_dict(), given['path'])
    return dict(features=features.flatten().tolist(), logits=logits.flatten().tolist())
try:
    result = convert()
except ImportError as error:
    print(error, file=sys.stderr)
    result = None`,
      { path, python: fileURLToPath(new URL('../support/python', import.meta.url)) },
    );
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('loads, head and all, and computes the same', { timeout: 60_000 }, async ({ skip }) => {
    const needed = 'no Python with torchvision and safetensors; to have one, type: npm run setup -- --python';
    if (theirs === null) return skip(needed);
    expect(existsSync(path)).toBe(true);
    const model = scope(() => createModel('resnet101')).eval();
    const loss = new CrossEntropyLoss(1000, model.featureDim);
    await expect(loadPretrained(model, path)).rejects.toThrow(
      /resnet101\.safetensors: loadStateDict: unexpected: fc\.(bias, fc\.weight|weight, fc\.bias)\. To load .*ignore: \['fc'\]/,
    );
    const before = memory.tensors;
    expect(await loadPretrained(model, path, { heads: { fc: loss.linear } })).toEqual([]);
    expect(memory.tensors).toBe(before);
    scope(() =>
      noGrad(() => {
        const x = torch
          .arange(2 * 3 * 64 * 64, { dtype: 'float32' })
          .mul(0.37)
          .sin()
          .reshape([2, 3, 64, 64]);
        const features = model.forward(x);
        expectClose(valuesOf(features), theirs!.features, { atol: 1e-5, rtol: 1e-5 });
        expectClose(valuesOf(loss.logits(features)), theirs!.logits, { atol: 1e-5, rtol: 1e-5 });
      }),
    );
    expect((await loadPretrained(model, path, { ignore: ['fc'] })).sort()).toEqual(['fc.bias', 'fc.weight']);
  });
});

describe('loadPretrained', () => {
  let folder: string;
  useTemporaryFolder((path) => {
    folder = path;
  });
  class Net extends nn.Module {
    readonly conv1 = new nn.Conv2d(1, 2, 3, { bias: false });
    readonly bn1 = new nn.BatchNorm2d(2);
    forward(x: Tensor): Tensor {
      return this.bn1.forward(this.conv1.forward(x));
    }
  }
  const file = async (state: Record<string, Tensor>): Promise<string> => {
    const path = join(folder, 'x.safetensors');
    await saveSafetensors(path, state);
    return path;
  };

  it('does without the counts of batches, and keeps the dtype and place of the weights', async () => {
    const { 'bn1.num_batches_tracked': _, ...state } = new Net().stateDict();
    const net = new Net().to({ dtype: 'float64', memoryFormat: 'channels_last' });
    expect(await loadPretrained(net, await file(state))).toEqual([]);
    expect(net.conv1.weight.dtype).toBe('float64');
    expect([...valuesOf(net.conv1.weight)]).toEqual([...valuesOf(state['conv1.weight']!)]);
  });

  it('names what is missing, unexpected and of another shape, and changes nothing', async () => {
    const { 'bn1.weight': _, ...state } = new Net().stateDict();
    const path = await file({
      ...state,
      'conv1.weight': torch.zeros([2, 1, 5, 5]),
      'fc.weight': torch.zeros([3, 2]),
      'classifier.0.bias': torch.zeros([3]),
    });
    const net = new Net();
    const before = [...valuesOf(net.conv1.weight)];
    const fc = new nn.Linear(2, 3);
    await expect(loadPretrained(net, path, { heads: { fc } })).rejects.toThrow(
      `${path}: loadStateDict: missing: bn1.weight, fc.bias. unexpected: classifier.0.bias. of another shape: ` +
        'conv1.weight expected [2, 1, 3, 3], got [2, 1, 5, 5]. To load the unexpected ones into a head give ' +
        "{ heads: { classifier: <module> } }, to pass over them { ignore: ['classifier'] }",
    );
    await expect(loadPretrained(net, path)).rejects.toThrow(CheckpointError);
    expect([...valuesOf(net.conv1.weight)]).toEqual(before);
    expect(fc.weight.eq(0).all().item()).toBe(0);
  });

  it('passes over whole names, and what is below them', async () => {
    const path = await file({
      ...new Net().stateDict(),
      fc: tensor([1]),
      'fc.weight': tensor([1]),
      'fc2.weight': tensor([1]),
    });
    await expect(loadPretrained(new Net(), path, { ignore: ['fc'] })).rejects.toThrow(
      /unexpected: fc2\.weight\./,
    );
    expect(await loadPretrained(new Net(), path, { ignore: ['fc', 'fc2.weight'] })).toEqual([
      'fc',
      'fc.weight',
      'fc2.weight',
    ]);
  });

  it.each<[unknown, unknown, string]>([
    [3, {}, 'loadPretrained: model: expected a Module, got number 3'],
    [new Net(), null, 'loadPretrained: options: expected an object, got null'],
    [new Net(), { head: 1 }, "loadPretrained: there is no option 'head'; there are heads, ignore"],
    [new Net(), { heads: { fc: 2 } }, 'loadPretrained: heads.fc: expected a Module, got number 2'],
    [new Net(), { heads: { bn1: new Net() } }, 'heads.bn1: the network has tensors of that name itself'],
    [new Net(), { ignore: 'fc' }, 'loadPretrained: ignore: expected an array of names, got string "fc"'],
  ])('refuses bad arguments', async (model, options, message) => {
    await expect(loadPretrained(model as nn.Module, 'x', options as object)).rejects.toThrow(message);
  });

  it('names a file that is not there', async () => {
    await expect(loadPretrained(new Net(), join(folder, 'none'))).rejects.toThrow(CheckpointError);
  });
});
