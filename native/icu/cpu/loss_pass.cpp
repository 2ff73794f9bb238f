#include "loss_pass.h"

#include <algorithm>
#include <cmath>

#include "gaps.h"
#include "parallel.h"

namespace icu {

struct GapMemory;

template <typename T>
LossPass<T>::LossPass(const DistanceProblem<T>& problem, const Labels& labels,
                      const LossOptions& options, const std::vector<double>& prior,
                      const RowStates& states)
    : problem_(problem),
      labels_(labels),
      options_(options),
      prior_(prior),
      states_(states),
      margins_(options, problem.D),
      losses_(size_t(labels.valid())),
      norms_(size_t(labels.valid())) {}

template <typename T>
void LossPass<T>::run(T* gaps) {
  const int64_t V = labels_.valid();
  if (V == 0) return;
  constexpr int64_t rows = 32;
  for_each_tile(problem_.threads, tiles(V, rows), [&](int64_t tile) {
    for (int64_t i = tile * rows; i < std::min(V, (tile + 1) * rows); i++) prepare(i);
  });
  softmax(gaps);
  finish();
}

template <typename T>
void LossPass<T>::finish() {
  for (int64_t i = 0; i < labels_.valid(); i++) {
    losses_[size_t(i)] = row_loss(states_.max[i], states_.others[i]);
  }
}

// The base of the row's gaps, its margins, and |x|.
template <typename T>
void LossPass<T>::prepare(int64_t i) {
  const int64_t z = labels_.target[size_t(i)];
  const T* x = problem_.x_row(i);
  const double q = kernels<T>().squared_distance(x, problem_.mu_row(z), problem_.s_from(z).data,
                                                 problem_.bounds, problem_.D);
  const double log_det = problem_.terms.log_det[size_t(z)];
  states_.base[i] =
      0.5 * (problem_.diagonal ? q + log_det : q * problem_.terms.v[size_t(z)] + log_det);
  states_.offset[i] = margins_.target(states_.base[i], log_det).distance - states_.base[i] -
                      (prior_.empty() ? 0 : prior_[size_t(z)]);
  states_.max[i] = 0;
  // 0; of a single class this is all that tells of an input that is not finite.
  states_.others[i] = problem_.K == 1 ? states_.base[i] - states_.base[i] : 0;
  double square = 0;
#pragma omp simd reduction(+ : square)
  for (int64_t d = 0; d < problem_.D; d++) {
    square += static_cast<double>(x[d]) * static_cast<double>(x[d]);
  }
  norms_[size_t(i)] = std::sqrt(square);
}

// The softmax of every row, from that of its tiles: a wave of them in parallel, then one after
// the other in the classes' order.
template <typename T>
void LossPass<T>::softmax(T* gaps) {
  const int64_t V = labels_.valid(), K = problem_.K;
  constexpr int64_t row_block = Gaps<T>::row_block, wave = 64;
  const int64_t class_block = Gaps<T>::class_block(K);
  const double* priors = prior_.empty() ? nullptr : prior_.data();
  const Gaps<T> source(problem_, {states_.base, states_.offset, labels_.target.data(), priors});
  const int64_t row_tiles = tiles(V, row_block), class_tiles = tiles(K, class_block);
  const int64_t most = std::min(wave, class_tiles);
  std::vector<double> parts(static_cast<size_t>(2 * most * V));
  double* maxima = parts.data();
  double* sums = maxima + most * V;
  for (int64_t first = 0; first < class_tiles; first += wave) {
    const int64_t count = std::min(wave, class_tiles - first);
    for_each_tile(problem_.threads, count * row_tiles, [&](int64_t tile) {
      const int64_t part = tile % count, row = tile / count * row_block;
      const int64_t k = (first + part) * class_block;
      const int64_t rows = std::min(row_block, V - row), classes = std::min(class_block, K - k);
      T* out =
          gaps ? gaps + k * V + row : Scratch<GapMemory>::template get<T>(class_block * row_block);
      const int64_t stride = gaps ? V : rows;
      source.fill(row, rows, k, classes, out, stride);
      kernels<T>().softmax({rows, classes, k, out, stride, priors ? priors + k : nullptr,
                            states_.offset + row, labels_.target.data() + row,
                            maxima + part * V + row, sums + part * V + row});
    });
    for (int64_t i = 0; i < V; i++) {
      double max = states_.max[i];
      for (int64_t part = 0; part < count; part++) max = std::max(max, maxima[part * V + i]);
      double sum = states_.others[i] * std::exp(states_.max[i] - max);
      for (int64_t part = 0; part < count; part++) {
        const double of_part = sums[part * V + i];
        if (of_part != 0) sum += of_part * std::exp(maxima[part * V + i] - max);
      }
      states_.max[i] = max;
      states_.others[i] = sum;
    }
  }
}

template <typename T>
LossValues LossPass<T>::values(int64_t N, double of_regularizer,
                               at::TensorOptions parameter) const {
  const int64_t V = labels_.valid();
  double sum = 0;
  for (const double loss : losses_) sum += loss;
  Tensor classification;
  if (options_.reduction == Reduction::none) {
    classification = V < N ? at::zeros({N}, parameter) : at::empty({N}, parameter);
    T* out = classification.mutable_data_ptr<T>();
    for (int64_t i = 0; i < V; i++) {
      out[labels_.rows[size_t(i)]] = static_cast<T>(losses_[size_t(i)]);
    }
  } else {
    if (options_.reduction == Reduction::mean && V > 0) sum /= static_cast<double>(V);
    classification = at::empty({}, parameter);
    *classification.mutable_data_ptr<T>() = static_cast<T>(sum);
  }

  Tensor regularizer = at::empty({}, parameter), total = at::empty({}, parameter);
  *regularizer.mutable_data_ptr<T>() = static_cast<T>(of_regularizer);
  *total.mutable_data_ptr<T>() = static_cast<T>(sum + of_regularizer);

  double negative = 0, norm = 0;
  for (int64_t i = 0; i < V; i++) {
    negative += states_.base[i] < 0;
    norm += norms_[size_t(i)];
  }
  const double share = 1.0 / static_cast<double>(std::max<int64_t>(V, 1));
  Tensor diagnostics = at::empty({3}, parameter.dtype(at::kDouble));
  double* out = diagnostics.mutable_data_ptr<double>();
  out[0] = static_cast<double>(V);
  out[1] = negative * share;
  out[2] = norm * share;
  return {classification, regularizer, diagnostics, total};
}

template class LossPass<float>;
template class LossPass<double>;

}  // namespace icu
