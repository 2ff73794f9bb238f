// The checks of the operators' tensors: every error names the argument, what was expected and what
// came.
#pragma once

#include "options.h"

namespace icu {

// features (N, D), means (K, D), log_variances (K) or (K, D): shapes, dtypes, layouts and devices.
// The parameters are float32 or float64; features have their dtype, or are float16 or bfloat16
// beside float32.
void check_distance_inputs(std::string_view op, const at::Tensor& features, const at::Tensor& means,
                           const at::Tensor& log_variances, const DistanceOptions& options);

// The above, and labels (N) and log_prior (K). The values of the labels are checked by the kernels.
void check_loss_inputs(std::string_view op, const at::Tensor& features, const at::Tensor& labels,
                       const at::Tensor& means, const at::Tensor& log_variances,
                       const std::optional<at::Tensor>& log_prior, const LossOptions& options);

// All that icu::_loss_backward gets: the above, gradients of the outputs, (N) or scalars, and the
// gaps, (N, K) or (0, K), and rows, (N, 4), of the forward pass.
void check_loss_backward(const std::optional<at::Tensor>& grad_classification,
                         const std::optional<at::Tensor>& grad_regularizer,
                         const std::optional<at::Tensor>& grad_total, const at::Tensor& features,
                         const at::Tensor& labels, const at::Tensor& means,
                         const at::Tensor& log_variances,
                         const std::optional<at::Tensor>& log_prior, const at::Tensor& gaps,
                         const at::Tensor& rows, const LossOptions& options);

// All that icu::_distances_backward gets: the inputs, and the gradient of the distances, (N, K).
void check_distances_backward(const at::Tensor& grad, const at::Tensor& features,
                              const at::Tensor& means, const at::Tensor& log_variances,
                              const DistanceOptions& options);

}  // namespace icu
