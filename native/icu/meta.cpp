// Shapes and dtypes without data, for the meta device and for tracing.
#include <torch/library.h>

#include "checks.h"
#include "operators.h"

namespace icu {
namespace {

Tensor like_if(bool needed, const Tensor& tensor) {
  return needed ? at::empty(tensor.sizes(), tensor.options()) : Tensor();
}

ForwardResult loss_forward(const Tensor& features, const Tensor& labels, const Tensor& means,
                           const Tensor& log_variances, const OptionalTensor& log_prior,
                           at::IntArrayRef modes, at::ArrayRef<double> constants) {
  const auto options = LossOptions::from(modes, constants);
  check_loss_inputs("icu::_loss_forward", features, labels, means, log_variances, log_prior,
                    options);
  const int64_t rows = features.size(0), classes = means.size(0);
  const auto wide = means.options().dtype(at::kDouble);
  const bool none = options.reduction == Reduction::none;
  const bool stored =
      options.stores_gaps(rows, classes, means.size(1), static_cast<int64_t>(means.element_size()));
  return {none ? at::empty({rows}, means.options()) : at::empty({}, means.options()),
          at::empty({}, means.options()),
          at::empty({3}, wide),
          at::empty({}, means.options()),
          at::empty({stored ? rows : 0, classes}, means.options()),
          at::empty({rows, 4}, wide)};
}

std::tuple<Tensor, Tensor, Tensor> loss_backward(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes, at::ArrayRef<double> constants,
    Mask mask) {
  check_loss_backward(grad_classification, grad_regularizer, grad_total, features, labels, means,
                      log_variances, log_prior, gaps, rows, LossOptions::from(modes, constants));
  return {like_if(mask[0], features), like_if(mask[1], means), like_if(mask[2], log_variances)};
}

FusedResult loss_and_gradients(const Tensor& features, const Tensor& labels, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor& log_prior,
                               at::IntArrayRef modes, at::ArrayRef<double> constants, Mask mask) {
  check_loss_inputs("icu::_loss_and_gradients", features, labels, means, log_variances, log_prior,
                    LossOptions::from(modes, constants));
  return {at::empty({}, means.options()),
          at::empty({}, means.options()),
          at::empty({3}, means.options().dtype(at::kDouble)),
          at::empty({}, means.options()),
          like_if(mask[0], features),
          like_if(mask[1], means),
          like_if(mask[2], log_variances)};
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor& log_variances,
                 int64_t covariance, double min, double max, bool log_determinant) {
  check_distance_inputs("icu::_distances", features, means, log_variances,
                        distance_options(covariance, min, max, log_determinant));
  return at::empty({features.size(0), means.size(0)}, means.options());
}

std::tuple<Tensor, Tensor, Tensor> distances_backward(const Tensor& grad, const Tensor& features,
                                                      const Tensor& means,
                                                      const Tensor& log_variances,
                                                      int64_t covariance, double min, double max,
                                                      bool log_determinant, Mask mask) {
  check_distances_backward(grad, features, means, log_variances,
                           distance_options(covariance, min, max, log_determinant));
  return {like_if(mask[0], features), like_if(mask[1], means), like_if(mask[2], log_variances)};
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, Meta, m) {
  m.impl("_loss_forward", loss_forward);
  m.impl("_loss_backward", loss_backward);
  m.impl("_loss_and_gradients", loss_and_gradients);
  m.impl("_distances", distances);
  m.impl("_distances_backward", distances_backward);
}

}  // namespace icu
