// icu::_loss_forward on the CPU. Beyond its outputs and the (N, K) gaps kept for the backward pass
// it needs nothing of the size of an input.
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "../operators.h"
#include "moments.h"
#include "parallel.h"
#include "rows.h"

namespace icu {
namespace {

constexpr int64_t row_block = 32;

template <typename T>
struct Forward {
  const DistanceProblem<T>& problem;
  const Labels& labels;
  const LossOptions& options;
  const std::vector<double>& prior;
  Rows<T> gaps;      // a row for each valid row
  RowState* states;  // likewise

  std::vector<double> losses, norms, own_distances;

  void run() {
    const int64_t V = labels.valid();
    losses.resize(size_t(V));
    norms.resize(size_t(V));
    own_distances.resize(size_t(V));
    for_each_tile(problem.threads, tiles(V, row_block), [&](int64_t tile) {
      for (int64_t i = tile * row_block; i < std::min(V, (tile + 1) * row_block); i++) prepare(i);
    });
    problem.distances(&states->base, sizeof(RowState) / sizeof(double), gaps);
    for_each_tile(problem.threads, tiles(V, row_block), [&](int64_t tile) {
      for (int64_t i = tile * row_block; i < std::min(V, (tile + 1) * row_block); i++) finish(i);
    });
  }

  // The base of the row's gaps, and |x|.
  void prepare(int64_t i) {
    const int64_t z = labels.target[size_t(i)];
    const T* x = problem.x.data + i * problem.x.stride;
    const T* s = problem.diagonal ? problem.s.data + z * problem.s.stride : nullptr;
    const double q = kernels<T>().squared_distance(x, problem.mu.data + z * problem.mu.stride, s,
                                                   problem.bounds, problem.D);
    const double v = problem.diagonal ? 1 : problem.terms.v[size_t(z)];
    states[i].base = 0.5 * (q * v + problem.terms.log_det[size_t(z)]);
    double square = 0;
#pragma omp simd reduction(+ : square)
    for (int64_t d = 0; d < problem.D; d++) {
      square += static_cast<double>(x[d]) * static_cast<double>(x[d]);
    }
    norms[size_t(i)] = std::sqrt(square);
  }

  void finish(int64_t i) {
    RowState& state = states[i];
    const int64_t z = labels.target[size_t(i)];
    const T* row = gaps.data + i * gaps.stride;
    // The base came from a loop of its own and may differ from the kernel's d_iz in the last bits:
    // what counts is d_iz as the kernel has it, since then equal classes have equal distances to
    // the last bit.
    own_distances[size_t(i)] = state.base - static_cast<double>(row[z]);
    const auto target = margins.target(own_distances[size_t(i)], problem.terms.log_det[size_t(z)]);
    state.offset = target.distance - state.base - (prior.empty() ? 0 : prior[size_t(z)]);
    kernels<T>().softmax({row, prior.empty() ? nullptr : prior.data(), problem.K, z, state.offset},
                         &state.max, &state.others);
    losses[size_t(i)] = row_loss(state);
  }

  Margins margins{options, problem.D};
};

template <typename T>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> forward(
    const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
    const Tensor& log_variances, const OptionalTensor& log_prior, const LossOptions& options) {
  const int64_t N = features.size(0), K = means.size(0);
  const auto parameter = means.options(), wide = parameter.dtype(at::kDouble);
  const Labels labels(labels_tensor, K, options.ignore_index);
  const int64_t V = labels.valid();

  // Rows of `gaps` and `rows` are those of the valid rows in order; what is left over is zero.
  Tensor gaps = at::empty({N, K}, parameter), rows = at::empty({N, 4}, wide);
  if (V < N) {
    gaps.narrow(0, V, N - V).zero_();
    rows.narrow(0, V, N - V).zero_();
  }

  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  Forward<T> pass{problem,
                  labels,
                  options,
                  prior,
                  {gaps.mutable_data_ptr<T>(), K},
                  reinterpret_cast<RowState*>(rows.mutable_data_ptr<double>()),
                  {},
                  {},
                  {}};
  if (V > 0) pass.run();

  Tensor classification;
  if (options.reduction == Reduction::none) {
    classification = V < N ? at::zeros({N}, parameter) : at::empty({N}, parameter);
    T* out = classification.mutable_data_ptr<T>();
    for (int64_t i = 0; i < V; i++)
      out[labels.rows[size_t(i)]] = static_cast<T>(pass.losses[size_t(i)]);
  } else {
    double sum = 0;
    for (const double loss : pass.losses) sum += loss;
    const bool mean = options.reduction == Reduction::mean && V > 0;
    classification = at::empty({}, parameter);
    *classification.mutable_data_ptr<T>() =
        static_cast<T>(mean ? sum / static_cast<double>(V) : sum);
  }

  Tensor regularizer = at::empty({}, parameter);
  *regularizer.mutable_data_ptr<T>() =
      static_cast<T>(Regularizer<T>(problem, labels.target, options).value());

  double negative = 0, norm = 0;
  for (const double distance : pass.own_distances) negative += distance < 0;
  for (const double value : pass.norms) norm += value;
  const double share = 1.0 / static_cast<double>(std::max<int64_t>(V, 1));
  Tensor diagnostics = at::empty({3}, wide);
  double* out = diagnostics.mutable_data_ptr<double>();
  out[0] = static_cast<double>(V);
  out[1] = negative * share;
  out[2] = norm * share;
  return {classification, regularizer, diagnostics, gaps, rows};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> loss_forward(
    const Tensor& features, const Tensor& labels, const Tensor& means, const Tensor& log_variances,
    const OptionalTensor& log_prior, at::IntArrayRef modes, at::ArrayRef<double> constants) {
  const auto options = LossOptions::from(modes, constants);
  if (means.scalar_type() == at::kDouble) {
    return forward<double>(features, labels, means, log_variances, log_prior, options);
  }
  return forward<float>(features, labels, means, log_variances, log_prior, options);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_forward", loss_forward); }

}  // namespace icu
