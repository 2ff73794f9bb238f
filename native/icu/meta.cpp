// Shapes and dtypes without data, for the meta device and for tracing.
#include <torch/library.h>

#include "operators.h"

namespace icu {
namespace {

Tensor like_if(bool needed, const Tensor& tensor) {
  return needed ? at::empty(tensor.sizes(), tensor.options()) : Tensor();
}

ForwardResult loss_forward(const Tensor& features, const Tensor&, const Tensor& means,
                           const Tensor&, const OptionalTensor&, at::IntArrayRef modes,
                           at::ArrayRef<double> constants) {
  const auto options = LossOptions::from(modes, constants);
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

std::tuple<Tensor, Tensor, Tensor> loss_backward(const OptionalTensor&, const OptionalTensor&,
                                                 const OptionalTensor&, const Tensor& features,
                                                 const Tensor&, const Tensor& means,
                                                 const Tensor& log_variances, const OptionalTensor&,
                                                 const Tensor&, const Tensor&, at::IntArrayRef,
                                                 at::ArrayRef<double>, Mask mask) {
  return {like_if(mask[0], features), like_if(mask[1], means), like_if(mask[2], log_variances)};
}

FusedResult loss_and_gradients(const Tensor& features, const Tensor&, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor&, at::IntArrayRef,
                               at::ArrayRef<double>, Mask mask) {
  return {at::empty({}, means.options()),
          at::empty({}, means.options()),
          at::empty({3}, means.options().dtype(at::kDouble)),
          at::empty({}, means.options()),
          like_if(mask[0], features),
          like_if(mask[1], means),
          like_if(mask[2], log_variances)};
}

Tensor distances(const Tensor& features, const Tensor& means, const Tensor&, int64_t, double,
                 double, bool) {
  return at::empty({features.size(0), means.size(0)}, means.options());
}

std::tuple<Tensor, Tensor, Tensor> distances_backward(const Tensor&, const Tensor& features,
                                                      const Tensor& means,
                                                      const Tensor& log_variances, int64_t, double,
                                                      double, bool, Mask mask) {
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
