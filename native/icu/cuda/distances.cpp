// icu::_distances and its gradient on the GPU.
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "../checks.h"
#include "arguments.h"
#include "bad_labels.h"
#include "stream.h"

namespace icu::cuda {
namespace {

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 int64_t covariance, double min, double max, bool log_determinant) {
  const c10::cuda::CUDAGuard guard(features.device());
  throw_if_reported(features.device());
  const auto options = distance_options(covariance, min, max, log_determinant);
  check_distance_inputs("icu::_distances", features, means, log_variances, options);
  const auto x = adjacent_rows(features), mu = adjacent_rows(means),
             s = options.diagonal() ? adjacent_rows(log_variances) : log_variances;
  const auto out = at::empty({x.size(0), mu.size(0)}, means.options());
  Stream stream;
  passes_for(x).distances(stream, {problem_of(x, mu, s, options), out.mutable_data_ptr()});
  return out;
}

std::tuple<Tensor, Tensor, Tensor> distances_backward(const Tensor& grad, const Tensor& features,
                                                      const Tensor& means,
                                                      const Tensor& log_variances,
                                                      int64_t covariance, double min, double max,
                                                      bool log_determinant, Mask mask) {
  const c10::cuda::CUDAGuard guard(features.device());
  throw_if_reported(features.device());
  const auto options = distance_options(covariance, min, max, log_determinant);
  check_distances_backward(grad, features, means, log_variances, options);
  const auto x = adjacent_rows(features), mu = adjacent_rows(means),
             s = options.diagonal() ? adjacent_rows(log_variances) : log_variances;
  const GradientTensors out(features, means, log_variances, mask);
  Stream stream;
  passes_for(x).distances_backward(stream, {problem_of(x, mu, s, options), grad.const_data_ptr(),
                                            grad.stride(0), grad.stride(1), out.pointers()});
  return {out.features, out.means, out.log_variances};
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CUDA, m) {
  m.impl("_distances", distances);
  m.impl("_distances_backward", distances_backward);
}

}  // namespace icu::cuda
