// icu::_loss_forward and icu::_loss_backward on the GPU.
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "../checks.h"
#include "arguments.h"
#include "bad_labels.h"
#include "stream.h"

namespace icu::cuda {
namespace {

// The log prior in float64; a copy of (K) where it is something else.
Tensor prior_of(const OptionalTensor& log_prior) {
  return log_prior && log_prior->defined() ? log_prior->to(at::kDouble).contiguous() : Tensor();
}
const double* data_of(const Tensor& prior) {
  return prior.defined() ? prior.const_data_ptr<double>() : nullptr;
}

// Labels sorted by the library, for batches that one block does not sort.
struct LabelSorter {
  const Tensor& labels;
  Tensor sorted, rows;
  void operator()(int64_t** sorted_data, int64_t** row_data) {
    std::tie(sorted, rows) = labels.to(at::kLong).sort(/*stable=*/true, /*dim=*/0);
    *sorted_data = sorted.mutable_data_ptr<int64_t>();
    *row_data = rows.mutable_data_ptr<int64_t>();
  }
};

ForwardResult loss_forward(const Tensor& features, const Tensor& labels, const Tensor& means,
                           const Tensor& log_variances, const OptionalTensor& log_prior,
                           at::IntArrayRef modes, at::ArrayRef<double> constants) {
  const c10::cuda::CUDAGuard guard(features.device());
  throw_if_reported(features.device());
  const auto options = LossOptions::from(modes, constants);
  check_loss_inputs("icu::_loss_forward", features, labels, means, log_variances, log_prior,
                    options);
  const int64_t rows = features.size(0), classes = means.size(0), dims = means.size(1);
  const auto parameter = means.options(), wide = parameter.dtype(at::kDouble);
  const bool none = options.reduction == Reduction::none;
  const bool stored =
      options.stores_gaps(rows, classes, dims, static_cast<int64_t>(means.element_size()));
  const auto classification = none ? at::empty({rows}, parameter) : at::empty({}, parameter);
  const auto regularizer = at::empty({}, parameter), total = at::empty({}, parameter);
  const auto diagnostics = at::empty({3}, wide);
  const auto gaps = at::empty({stored ? rows : 0, classes}, parameter);
  const auto states = at::empty({rows, 4}, wide);

  const auto x = adjacent_rows(features), mu = adjacent_rows(means),
             s = options.diagonal() ? adjacent_rows(log_variances) : log_variances,
             prior = prior_of(log_prior);
  LabelSorter sorter{labels, {}, {}};
  Stream stream(std::ref(sorter));
  passes_for(x).loss_forward(
      stream,
      {problem_of(x, mu, s, options), labels_of(labels, options.ignore_index), data_of(prior),
       options_of(options, dims), report_of(features.device()), classification.mutable_data_ptr(),
       regularizer.mutable_data_ptr(), total.mutable_data_ptr(),
       diagnostics.mutable_data_ptr<double>(), stored ? gaps.mutable_data_ptr() : nullptr,
       reinterpret_cast<RowState*>(states.mutable_data_ptr<double>())});
  return {classification, regularizer, diagnostics, total, gaps, states};
}

const void* data_of(const OptionalTensor& gradient) {
  return gradient && gradient->defined() ? gradient->const_data_ptr() : nullptr;
}

std::tuple<Tensor, Tensor, Tensor> loss_backward(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes, at::ArrayRef<double> constants,
    Mask mask) {
  const c10::cuda::CUDAGuard guard(features.device());
  throw_if_reported(features.device());
  const auto options = LossOptions::from(modes, constants);
  check_loss_backward(grad_classification, grad_regularizer, grad_total, features, labels, means,
                      log_variances, log_prior, gaps, rows, options);
  const auto x = adjacent_rows(features), mu = adjacent_rows(means),
             s = options.diagonal() ? adjacent_rows(log_variances) : log_variances,
             prior = prior_of(log_prior), kept = gaps.contiguous(), states = rows.contiguous();
  const GradientTensors out(features, means, log_variances, mask);
  const bool by_row = options.reduction == Reduction::none && data_of(grad_classification);
  // By the shape and not the pointer, which is null for an empty batch in either case.
  const bool stored = kept.size(0) == features.size(0) && kept.numel() > 0;
  LabelSorter sorter{labels, {}, {}};
  Stream stream(std::ref(sorter));
  passes_for(x).loss_backward(
      stream,
      {problem_of(x, mu, s, options), labels_of(labels, options.ignore_index), data_of(prior),
       options_of(options, means.size(1)), stored ? kept.const_data_ptr() : nullptr,
       reinterpret_cast<const RowState*>(states.const_data_ptr<double>()),
       data_of(grad_classification), by_row ? grad_classification->stride(0) : 0,
       data_of(grad_regularizer), data_of(grad_total), out.pointers()});
  return {out.features, out.means, out.log_variances};
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CUDA, m) {
  m.impl("_loss_forward", loss_forward);
  m.impl("_loss_backward", loss_backward);
}

}  // namespace icu::cuda
