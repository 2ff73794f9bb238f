// icu::_loss_forward on the CPU. Beyond its outputs it needs a few tiles for each thread, and a
// copy of the features.
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "../operators.h"
#include "gaps.h"
#include "moments.h"
#include "parallel.h"
#include "rows.h"

namespace icu {
namespace {

struct GapMemory;

template <typename T>
struct Forward {
  const DistanceProblem<T>& problem;
  const Labels& labels;
  const LossOptions& options;
  const std::vector<double>& prior;
  T* gaps;  // (K, V), or null where they are not kept
  RowStates states;

  std::vector<double> losses, norms;

  void run() {
    const int64_t V = labels.valid();
    losses.resize(size_t(V));
    norms.resize(size_t(V));
    constexpr int64_t rows = 32;
    for_each_tile(problem.threads, tiles(V, rows), [&](int64_t tile) {
      for (int64_t i = tile * rows; i < std::min(V, (tile + 1) * rows); i++) prepare(i);
    });
    softmax();
    for (int64_t i = 0; i < V; i++) {
      losses[size_t(i)] = row_loss(states.max[i], states.others[i]);
    }
  }

  // The base of the row's gaps, its margins, and |x|.
  void prepare(int64_t i) {
    const int64_t z = labels.target[size_t(i)];
    const T* x = problem.x_row(i);
    const double q = kernels<T>().squared_distance(x, problem.mu_row(z), problem.s_from(z).data,
                                                   problem.bounds, problem.D);
    const double log_det = problem.terms.log_det[size_t(z)];
    states.base[i] =
        0.5 * (problem.diagonal ? q + log_det : q * problem.terms.v[size_t(z)] + log_det);
    states.offset[i] = margins.target(states.base[i], log_det).distance - states.base[i] -
                       (prior.empty() ? 0 : prior[size_t(z)]);
    states.max[i] = 0;
    states.others[i] = 0;
    double square = 0;
#pragma omp simd reduction(+ : square)
    for (int64_t d = 0; d < problem.D; d++) {
      square += static_cast<double>(x[d]) * static_cast<double>(x[d]);
    }
    norms[size_t(i)] = std::sqrt(square);
  }

  // The softmax of every row, from that of its tiles: a wave of them in parallel, then one after
  // the other in the classes' order.
  void softmax() {
    const int64_t V = labels.valid(), K = problem.K;
    constexpr int64_t row_block = Gaps<T>::row_block, wave = 64;
    const int64_t class_block = Gaps<T>::class_block(K);
    const double* priors = prior.empty() ? nullptr : prior.data();
    const Gaps<T> source(problem, {states.base, states.offset, labels.target.data(), priors});
    const int64_t row_tiles = tiles(V, row_block), class_tiles = tiles(K, class_block);
    const int64_t most = std::min(wave, class_tiles);
    std::vector<double> parts(static_cast<size_t>(2 * most * V));
    double* maxima = parts.data();
    double* sums = maxima + most * V;
    for (int64_t first = 0; first < class_tiles; first += wave) {
      const int64_t count = std::min(wave, class_tiles - first);
      for_each_tile(problem.threads, count * row_tiles, [&](int64_t tile) {
        const int64_t part = tile % count, row = tile / count * row_block;
        const int64_t k = (first + part) * class_block;
        const int64_t rows = std::min(row_block, V - row), classes = std::min(class_block, K - k);
        T* out = gaps ? gaps + k * V + row
                      : Scratch<GapMemory>::template get<T>(class_block * row_block);
        const int64_t stride = gaps ? V : rows;
        source.fill(row, rows, k, classes, out, stride);
        kernels<T>().softmax({rows, classes, k, out, stride, priors ? priors + k : nullptr,
                              states.offset + row, labels.target.data() + row,
                              maxima + part * V + row, sums + part * V + row});
      });
      for (int64_t i = 0; i < V; i++) {
        double max = states.max[i];
        for (int64_t part = 0; part < count; part++) max = std::max(max, maxima[part * V + i]);
        double sum = states.others[i] * std::exp(states.max[i] - max);
        for (int64_t part = 0; part < count; part++) {
          const double of_part = sums[part * V + i];
          if (of_part != 0) sum += of_part * std::exp(maxima[part * V + i] - max);
        }
        states.max[i] = max;
        states.others[i] = sum;
      }
    }
  }

  Margins margins{options, problem.D};
};

template <typename T>
ForwardResult forward(const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
                      const Tensor& log_variances, const OptionalTensor& log_prior,
                      const LossOptions& options) {
  const int64_t N = features.size(0), K = means.size(0), D = means.size(1);
  const auto parameter = means.options(), wide = parameter.dtype(at::kDouble);
  const Labels labels(labels_tensor, K, options.ignore_index);
  const int64_t V = labels.valid();
  const bool stored = options.stores_gaps(N, K, D, sizeof(T));

  // Columns of `gaps` and `rows` are those of the valid rows in order; nobody reads the rest.
  Tensor gaps = at::empty_strided({stored ? N : 0, K}, {1, stored ? N : 1}, parameter);
  Tensor rows = RowStates::make(N, parameter);

  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  Forward<T> pass{
      problem,         labels, options, prior, stored ? gaps.mutable_data_ptr<T>() : nullptr,
      RowStates(rows), {},     {}};
  if (V > 0) pass.run();

  double sum = 0;
  for (const double loss : pass.losses) sum += loss;
  Tensor classification;
  if (options.reduction == Reduction::none) {
    classification = V < N ? at::zeros({N}, parameter) : at::empty({N}, parameter);
    T* out = classification.mutable_data_ptr<T>();
    for (int64_t i = 0; i < V; i++) {
      out[labels.rows[size_t(i)]] = static_cast<T>(pass.losses[size_t(i)]);
    }
  } else {
    if (options.reduction == Reduction::mean && V > 0) sum /= static_cast<double>(V);
    classification = at::empty({}, parameter);
    *classification.mutable_data_ptr<T>() = static_cast<T>(sum);
  }

  const double value = Regularizer<T>(problem, labels.target, options).value();
  Tensor regularizer = at::empty({}, parameter), total = at::empty({}, parameter);
  *regularizer.mutable_data_ptr<T>() = static_cast<T>(value);
  *total.mutable_data_ptr<T>() = static_cast<T>(sum + value);

  double negative = 0, norm = 0;
  for (int64_t i = 0; i < V; i++) {
    negative += pass.states.base[i] < 0;
    norm += pass.norms[size_t(i)];
  }
  const double share = 1.0 / static_cast<double>(std::max<int64_t>(V, 1));
  Tensor diagnostics = at::empty({3}, wide);
  double* out = diagnostics.mutable_data_ptr<double>();
  out[0] = static_cast<double>(V);
  out[1] = negative * share;
  out[2] = norm * share;
  return {classification, regularizer, diagnostics, total, gaps, rows};
}

ForwardResult loss_forward(const Tensor& features, const Tensor& labels, const Tensor& means,
                           const Tensor& log_variances, const OptionalTensor& log_prior,
                           at::IntArrayRef modes, at::ArrayRef<double> constants) {
  const auto options = LossOptions::from(modes, constants);
  const auto run = means.scalar_type() == at::kDouble ? forward<double> : forward<float>;
  return run(features, labels, means, log_variances, log_prior, options);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_forward", loss_forward); }

}  // namespace icu
