/** The library of native/icu loaded by Python: gradcheck, and a PyTorch expression of the formulas beside it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { locate } from '../../lib/native/locate.mjs';
import { hasTorch, runPython } from '../support/python.ts';

const library = join(
  locate().binaries.folder,
  process.platform === 'darwin' ? 'libintraclass_icu.dylib' : 'libintraclass_icu.so',
);
const folder = fileURLToPath(new URL('python', import.meta.url));

/**
 * Whether the gradient is meant to be the derivative. At a bound it is a projected one, and with detached moments
 * (docs/icu-loss.md) it leaves out a part.
 */
const isDerivative = (set: Record<string, unknown>) => set.clamped !== true && set.moment_gradient !== false;

/** Option sets that together take every value of every option, each beside some of the others. */
const options: Record<string, unknown>[] = [
  {},
  { covariance: 'scalar' },
  { covariance: 'diagonal' },
  { gamma: 0.2, gamma_mode: 'determinant' },
  { gamma: 0.2, gamma_mode: 'logdet', covariance: 'diagonal' },
  { alpha: 0.3, alpha_mode: 'mahalanobis' },
  { alpha: 0.3, alpha_mode: 'positive', covariance: 'scalar' },
  { alpha: 0.3, gamma: 0.2, covariance: 'diagonal', reg_reduction: 'classes' },
  { reg_reduction: 'samples', moment_center: 'batch' },
  { moment_center: 'batch', covariance: 'diagonal', lambda_mean: 0.7, lambda_var: 0.4 },
  { moment_gradient: false, covariance: 'scalar' },
  { moment_gradient: false, moment_center: 'batch', covariance: 'diagonal' },
  { reduction: 'sum', prior: true },
  { reduction: 'none', prior: true, ignored: true, covariance: 'diagonal' },
  { ignored: true, lambda_var: 0 },
  { min_log_variance: -3, max_log_variance: 3 },
  { min_log_variance: -0.1, max_log_variance: 0.2, clamped: true },
  { log_determinant: false, covariance: 'diagonal' },
  { log_determinant: false, lambda_likelihood: 0.3, likelihood: 'euclidean' },
  { lambda_likelihood: 0.3, lambda_mean: 0, lambda_var: 0, alpha: 0.2, alpha_mode: 'mahalanobis' },
  { lambda_likelihood: 0.3, covariance: 'diagonal', moment_center: 'batch', ignored: true },
  { lambda_likelihood: 0.3, likelihood: 'euclidean', covariance: 'diagonal', moment_center: 'batch' },
  { lambda_likelihood: 0.3, covariance: 'scalar', moment_center: 'batch', moment_gradient: false },
  { memory: 'store', lambda_likelihood: 0.3 },
  { memory: 'recompute', covariance: 'diagonal', prior: true },
];

/** gradcheck: true or its message; values and gradients: the largest difference, relative to 1 + the largest value. */
type Result = {
  gradcheck: boolean | string;
  total: boolean | string;
  distances: boolean | string;
  values: number;
  gradients: number;
};

describe.skipIf(!hasTorch)('libintraclass_icu in Python', () => {
  // One process for all sets: Python takes seconds to load torch.
  const results = hasTorch
    ? runPython<Result[]>(
        `
sys.path.insert(0, given['folder'])
import reference
torch.ops.load_library(given['library'])
loss, distances = torch.ops.icu.loss, torch.ops.icu.distances

def problem(o):
    g = torch.Generator().manual_seed(3)
    N, K, D = 9, 4, 3
    draw = lambda *shape: torch.randn(shape, generator=g, dtype=torch.float64)
    x, mu = draw(N, D), draw(K, D)
    s = 0.5 * draw(K, D) if o.get('covariance') == 'diagonal' else 0.5 * draw(K)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2])  # class 3 is absent
    if o.pop('ignored', False): labels[[1, 6]] = -100
    prior = torch.log_softmax(draw(K), 0) if o.pop('prior', False) else None
    return [t.requires_grad_() for t in (x, mu, s)], labels, prior

def gradcheck(f, inputs):
    try:
        return torch.autograd.gradcheck(f, inputs)
    except RuntimeError as error:
        return str(error)

def check(o):
    clamped = o.pop('clamped', False)
    (x, mu, s), labels, prior = problem(o)
    f = lambda x, mu, s: loss(x, labels, mu, s, prior, **o)[:2]
    bounds = {k: v for k, v in o.items() if k in ('covariance', 'min_log_variance', 'max_log_variance', 'log_determinant')}
    d = lambda *a: distances(*a, **bounds)
    # The total alone, whose gradients may have been made in the forward pass.
    total = lambda x, mu, s: loss(x, labels, mu, s, prior, **o)[3]
    both = []
    for parts in (f(x, mu, s), reference.loss(x, labels, mu, s, prior, **o)):
        weights = [torch.linspace(0.5, 1.5, part.numel(), dtype=torch.float64).reshape(part.shape) for part in parts]
        summed = sum((part * weight).sum() for part, weight in zip(parts, weights))
        both.append(([part.detach() for part in parts], torch.autograd.grad(summed, (x, mu, s))))
    far = lambda i: max(((a - b).abs().max() / (1 + b.abs().max())).item() for a, b in zip(both[0][i], both[1][i]))
    return dict(values=far(0), **({} if clamped else dict(
        gradcheck=gradcheck(f, (x, mu, s)), total=gradcheck(total, (x, mu, s)), distances=gradcheck(d, (x, mu, s)), gradients=far(1))))

result = [check(dict(o)) for o in given['options']]`,
        { library, folder, options },
      )
    : [];

  it.each(options.map((set, i) => ({ name: JSON.stringify(set), set, i })))('$name', ({ set, i }) => {
    const { gradcheck, total, distances, values, gradients } = results[i]!;
    expect(values).toBeLessThanOrEqual(1e-12);
    if (set.clamped === true) return;
    if (isDerivative(set)) expect([gradcheck, total]).toEqual([true, true]);
    expect(distances).toBe(true);
    expect(gradients).toBeLessThanOrEqual(1e-10);
  });
});

describe.skipIf(!hasTorch)('a training step traced by torch.compile', () => {
  it('is the step itself, small problems and others', () => {
    const worst = runPython<number[]>(
      `
torch.ops.load_library(given['library'])
torch.set_num_threads(1)
def step(N, K, D, compiled):
    torch.manual_seed(0)
    layer, labels, images = torch.nn.Linear(3, D), torch.randint(K, (N,)), torch.randn(N, 3)
    means, log_variances = (torch.randn(shape).requires_grad_() for shape in ((K, D), (K,)))
    total = lambda images: torch.ops.icu.loss(layer(images), labels, means, log_variances)[3]
    if compiled: total = torch.compile(total, backend='aot_eager', fullgraph=True)
    value = total(images)
    (1.5 * value).backward()
    return [value.detach(), layer.weight.grad, means.grad, log_variances.grad]
result = []
for shape in ((16, 3, 5), (256, 100, 200)):
    pairs = zip(step(*shape, False), step(*shape, True))
    result.append(max(((a - b).abs().max() / (1 + a.abs().max())).item() for a, b in pairs))`,
      { library },
    );
    for (const difference of worst) expect(difference).toBeLessThanOrEqual(1e-6);
  });

  it('finds shapes and strides without data', () => {
    const [real, meta] = runPython<[unknown, unknown]>(
      `
torch.ops.load_library(given['library'])
result = []
for device in ('cpu', 'meta'):
    x, y, mu, s = (t.to(device) for t in (torch.zeros(5, 2), torch.zeros(5, dtype=torch.long), torch.zeros(3, 2), torch.zeros(3)))
    constants, mask = [1e-4, 1e-3, 0.1, 0.1, 0, -10, 10], [True] * 3
    found = []
    for memory in (1, 2):
        modes = [0, 0, 0, 0, 0, 0, 1, 1, 0, memory, 0, -100]
        outputs = torch.ops.icu._loss_forward(x, y, mu, s, None, modes, constants)
        total, gaps, rows = outputs[3:]
        found += outputs
        found += torch.ops.icu._loss_backward(None, None, total, x, y, mu, s, None, gaps, rows, modes, constants, mask)
        found += torch.ops.icu._loss_and_gradients(x, y, mu, s, None, modes, constants, mask)
    d = torch.ops.icu._distances(x, mu, s, 0, -10, 10, True)
    found += [d, *torch.ops.icu._distances_backward(d, x, mu, s, 0, -10, 10, True, mask)]
    result.append([[str(t.dtype), t.shape, t.stride()] for t in found])`,
      { library },
    );
    expect(meta).toEqual(real);
  });
});
