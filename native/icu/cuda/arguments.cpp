#include "arguments.h"

#include <cmath>

namespace icu::cuda {

Tensor adjacent_rows(const Tensor& tensor) {
  return tensor.stride(-1) == 1 || tensor.size(-1) == 1 ? tensor : tensor.contiguous();
}

AnyProblem problem_of(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                      const DistanceOptions& options) {
  const int64_t dims = means.size(1);
  return {features.const_data_ptr(),
          means.const_data_ptr(),
          log_variances.const_data_ptr(),
          features.stride(0),
          means.stride(0),
          log_variances.stride(0),
          features.size(0),
          means.size(0),
          dims,
          options.min_log_variance,
          options.max_log_variance,
          options.kappa(dims),
          options.diagonal()};
}

Labels labels_of(const Tensor& labels, int64_t ignore_index) {
  return {labels.const_data_ptr(), labels.stride(0), labels.scalar_type() == at::kLong,
          ignore_index};
}

Options options_of(const LossOptions& o, int64_t dims) {
  Options result{};
  result.alpha = o.alpha;
  result.mahalanobis = o.alpha_mode == AlphaMode::mahalanobis;
  result.positive = o.alpha_mode == AlphaMode::positive;
  // Eq. 18: ln|(1+gamma) Sigma| adds ln(1+gamma) as often as ln|Sigma| counts s, ln((1+gamma)
  // |Sigma|) once; (1+gamma) ln|Sigma| is g_B.
  const double count = o.covariance == Covariance::scalar ? 1.0 : static_cast<double>(dims);
  switch (o.gamma_mode) {
    case GammaMode::covariance:
      result.c_g = count * std::log1p(o.gamma);
      break;
    case GammaMode::determinant:
      result.c_g = std::log1p(o.gamma);
      break;
    case GammaMode::logdet:
      result.g_b = o.gamma;
      break;
  }
  result.per_row = o.reduction == Reduction::none;
  result.mean = o.reduction == Reduction::mean;
  result.lambda_mean = o.lambda_mean;
  result.lambda_var = o.lambda_var;
  result.lambda_likelihood = o.lambda_likelihood;
  result.euclidean = o.likelihood == Likelihood::euclidean;
  result.weighting = o.reg_reduction == RegReduction::classes   ? Weighting::classes
                     : o.reg_reduction == RegReduction::samples ? Weighting::samples
                                                                : Weighting::one;
  result.batch_center = o.moment_center == MomentCenter::batch;
  result.moment_gradient = o.moment_gradient;
  result.moment_factor = o.moment_factor(dims);
  result.split_tf32 = o.precision == Precision::split_tf32;
  return result;
}

namespace {

Tensor dense_if(bool wanted, const Tensor& like) {
  return wanted ? at::empty(like.sizes(), like.options()) : Tensor();
}
void* data_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr() : nullptr;
}

}  // namespace

GradientTensors::GradientTensors(const Tensor& features, const Tensor& means,
                                 const Tensor& log_variances, const Mask& mask)
    : features(dense_if(mask[0], features)),
      means(dense_if(mask[1], means)),
      log_variances(dense_if(mask[2], log_variances)) {}

AnyGradients GradientTensors::pointers() const {
  return {data_of(features), data_of(means), data_of(log_variances)};
}

const Passes& passes_for(const Tensor& features) {
  switch (features.scalar_type()) {
    case at::kDouble:
      return float64_passes;
    case at::kHalf:
      return float16_passes;
    case at::kBFloat16:
      return bfloat16_passes;
    default:
      return float32_passes;
  }
}

}  // namespace icu::cuda
