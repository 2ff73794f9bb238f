// The inner operators as typed calls through the dispatcher.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <tuple>

#include "options.h"

namespace icu {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;
using Mask = std::array<bool, 3>;  // features, means, log_variances

// classification, regularizer, diagnostics, total, gaps, rows
using ForwardResult = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;
using LossForward = ForwardResult(const Tensor& features, const Tensor& labels, const Tensor& means,
                                  const Tensor& log_variances, const OptionalTensor& log_prior,
                                  at::IntArrayRef modes, at::ArrayRef<double> constants);

// classification, regularizer, diagnostics, total, and the gradients of total
using FusedResult = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;
using LossAndGradients = FusedResult(const Tensor& features, const Tensor& labels,
                                     const Tensor& means, const Tensor& log_variances,
                                     const OptionalTensor& log_prior, at::IntArrayRef modes,
                                     at::ArrayRef<double> constants, Mask mask);

using LossBackward = std::tuple<Tensor, Tensor, Tensor>(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes, at::ArrayRef<double> constants,
    Mask mask);

using Distances = Tensor(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                         int64_t covariance, double min_log_variance, double max_log_variance,
                         bool log_determinant);

using DistancesBackward = std::tuple<Tensor, Tensor, Tensor>(
    const Tensor& grad, const Tensor& features, const Tensor& means, const Tensor& log_variances,
    int64_t covariance, double min_log_variance, double max_log_variance, bool log_determinant,
    Mask mask);

inline DistanceOptions distance_options(int64_t covariance, double min, double max,
                                        bool log_determinant) {
  TORCH_CHECK(covariance >= 0 && covariance < 3,
              "icu::_distances: covariance: expected 0, 1 or 2, got ", covariance);
  return {static_cast<Covariance>(covariance), min, max, log_determinant};
}

}  // namespace icu
