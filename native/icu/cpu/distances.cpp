// icu::_distances and its gradient on the CPU.
#include <torch/library.h>

#include "../operators.h"
#include "gradients.h"
#include "parallel.h"

namespace icu {
namespace {

// A_ik = H_ik = the gradient that arrives at d_ik.
template <typename T>
struct GivenWeights final : WeightSource<T> {
  const DistanceProblem<T>& problem;
  Rows<const T> grad;
  GivenWeights(const DistanceProblem<T>& problem, Rows<const T> grad)
      : problem(problem), grad(grad) {}

  bool has_sums() const override { return false; }

  void fill(int64_t row, int64_t rows, int64_t first, int64_t classes, Rows<T> out, double* sums_h,
            double*) const override {
    const double* v = problem.diagonal ? nullptr : problem.terms.v.data() + first;
    for (int64_t i = 0; i < rows; i++) {
      const T* from = grad.data + (row + i) * grad.stride + first;
      T* to = out.data + i * out.stride;
      for (int64_t k = 0; k < classes; k++) {
        to[k] = v ? static_cast<T>(static_cast<double>(from[k]) * v[k]) : from[k];
      }
      if (!sums_h) continue;
      for (int64_t k = 0; k < classes; k++) sums_h[k] += static_cast<double>(from[k]);
    }
  }
};

template <typename T>
Tensor forward(const Tensor& features, const Tensor& means, const Tensor& log_variances,
               const DistanceOptions& options) {
  const DistanceProblem<T> problem(features, means, log_variances, options);
  Tensor out = at::empty({problem.N, problem.K}, means.options());
  if (problem.N > 0) problem.distances(nullptr, 0, {out.mutable_data_ptr<T>(), problem.K});
  return out;
}

template <typename T>
std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& grad, const Tensor& features,
                                            const Tensor& means, const Tensor& log_variances,
                                            const DistanceOptions& options, const Mask& mask) {
  const DistanceProblem<T> problem(features, means, log_variances, options);
  const auto dense = grad.to(means.scalar_type()).contiguous();
  const GivenWeights<T> weights(problem, {dense.const_data_ptr<T>(), problem.K});
  Tensor dx = mask[0] ? at::empty({problem.N, problem.D}, means.options()) : Tensor();
  Tensor dmu = mask[1] ? at::empty({problem.K, problem.D}, means.options()) : Tensor();
  Tensor ds = mask[2] ? at::empty(log_variances.sizes(), means.options()) : Tensor();
  if (mask[0]) {
    feature_gradient<T>(problem, weights, {dx.mutable_data_ptr<T>(), problem.D});
    if (dx.scalar_type() != features.scalar_type()) dx = dx.to(features.scalar_type());
  }
  if (mask[1] || mask[2]) {
    class_gradient<T>(problem, weights, mask[1] ? dmu.mutable_data_ptr<T>() : nullptr,
                      mask[2] ? ds.mutable_data_ptr<T>() : nullptr);
  }
  if (mask[2]) problem.stop_at_bounds(ds.mutable_data_ptr<T>());
  return {dx, dmu, ds};
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 int64_t covariance, double min, double max) {
  const auto run = means.scalar_type() == at::kDouble ? forward<double> : forward<float>;
  return run(features, means, log_variances, distance_options(covariance, min, max));
}

std::tuple<Tensor, Tensor, Tensor> distances_backward(const Tensor& grad, const Tensor& features,
                                                      const Tensor& means,
                                                      const Tensor& log_variances,
                                                      int64_t covariance, double min, double max,
                                                      Mask mask) {
  const auto run = means.scalar_type() == at::kDouble ? backward<double> : backward<float>;
  return run(grad, features, means, log_variances, distance_options(covariance, min, max), mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) {
  m.impl("_distances", distances);
  m.impl("_distances_backward", distances_backward);
}

}  // namespace icu
