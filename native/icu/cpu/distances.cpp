// icu::_distances and its gradient on the CPU.
#include <torch/library.h>

#include <algorithm>
#include <optional>

#include "../checks.h"
#include "../operators.h"
#include "gaps.h"
#include "gradients.h"
#include "parallel.h"

namespace icu {
namespace {

struct TileMemory;

// A_ik = H_ik = the gradient that arrives at d_ik.
template <typename T>
class GivenWeights final : public WeightSource<T> {
 public:
  // Without `distances` the sums of A_ik Q_ik are not made.
  GivenWeights(const DistanceProblem<T>& problem, const T* grad, bool distances)
      : problem_(problem), grad_(grad) {
    if (distances) source_.emplace(problem, RowTerms{});
  }

  void fill(const WeightBlock<T>& block) const override {
    const int64_t N = problem_.N, K = problem_.K;
    if (source_) source_->fill_all(block.first, block.classes, block.w);
    for (int64_t c = 0; c < block.classes; c++) {
      const int64_t k = block.first + c;
      const double v = problem_.diagonal ? 1 : problem_.terms.v[size_t(k)];
      T* w = block.w + c * N;
      double sum_w = 0, sum_a = 0, sum_ad = 0;
      for (int64_t i = 0; i < N; i++) {
        const double a = static_cast<double>(grad_[i * K + k]);
        if (source_ && a != 0) sum_ad += a * static_cast<double>(w[i]);
        w[i] = static_cast<T>(a * v);
        sum_w += static_cast<double>(w[i]);
        sum_a += a;
        block.row_weights[i] += static_cast<double>(w[i]);
      }
      block.class_weights[c] = sum_w;
      block.sum_h[c] = sum_a;
      block.sum_aq[c] = 2 * sum_ad - problem_.terms.log_det[size_t(k)] * sum_a;  // Q = 2d - L
    }
  }

 private:
  const DistanceProblem<T>& problem_;
  const T* grad_;  // (N, K)
  std::optional<Gaps<T>> source_;
};

template <typename T>
Tensor forward(const Tensor& features, const Tensor& means, const Tensor& log_variances,
               const DistanceOptions& options) {
  const DistanceProblem<T> problem(features, means, log_variances, options);
  const int64_t N = problem.N, K = problem.K;
  Tensor out = at::empty({N, K}, means.options());
  if (N == 0) return out;
  constexpr int64_t row_block = Gaps<T>::row_block;
  const int64_t class_block = Gaps<T>::class_block(K);
  const Gaps<T> source(problem, {});
  T* data = out.mutable_data_ptr<T>();
  const int64_t class_tiles = tiles(K, class_block);
  for_each_tile(problem.threads, class_tiles * tiles(N, row_block), [&](int64_t tile) {
    const int64_t k = tile % class_tiles * class_block, row = tile / class_tiles * row_block;
    const int64_t classes = std::min(class_block, K - k), rows = std::min(row_block, N - row);
    T* block = Scratch<TileMemory>::template get<T>(class_block * row_block);
    source.fill(row, rows, k, classes, block, rows);
    for (int64_t i = 0; i < rows; i++) {
      T* to = data + (row + i) * K + k;
      for (int64_t c = 0; c < classes; c++) to[c] = block[c * rows + i];
    }
  });
  return out;
}

template <typename T>
std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& grad, const Tensor& features,
                                            const Tensor& means, const Tensor& log_variances,
                                            const DistanceOptions& options, const Mask& mask) {
  const DistanceProblem<T> problem(features, means, log_variances, options);
  const auto dense = grad.contiguous();
  GradientTensors<T> result(problem, means, log_variances, mask);
  const auto out = result.data();
  const GivenWeights<T> weights(problem, dense.const_data_ptr<T>(), mask[2] && !problem.diagonal);
  distance_gradients<T>(problem, weights, out);
  if (mask[0]) result.features = result.features.to(features.scalar_type());
  if (mask[2]) problem.stop_at_bounds(out.log_variances);
  return {result.features, result.means, result.log_variances};
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 int64_t covariance, double min, double max, bool log_determinant) {
  const auto options = distance_options(covariance, min, max, log_determinant);
  check_distance_inputs("icu::_distances", features, means, log_variances, options);
  const auto run = means.scalar_type() == at::kDouble ? forward<double> : forward<float>;
  return run(features, means, log_variances, options);
}

std::tuple<Tensor, Tensor, Tensor> distances_backward(const Tensor& grad, const Tensor& features,
                                                      const Tensor& means,
                                                      const Tensor& log_variances,
                                                      int64_t covariance, double min, double max,
                                                      bool log_determinant, Mask mask) {
  const auto options = distance_options(covariance, min, max, log_determinant);
  check_distances_backward(grad, features, means, log_variances, options);
  const auto run = means.scalar_type() == at::kDouble ? backward<double> : backward<float>;
  return run(grad, features, means, log_variances, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) {
  m.impl("_distances", distances);
  m.impl("_distances_backward", distances_backward);
}

}  // namespace icu
