// icu::_loss_forward on the CPU. Beyond its outputs it needs a few tiles for each thread, and a
// copy of the features.
#include <torch/library.h>

#include "../checks.h"
#include "loss_pass.h"
#include "moments.h"

namespace icu {
namespace {

template <typename T>
ForwardResult forward(const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
                      const Tensor& log_variances, const OptionalTensor& log_prior,
                      const LossOptions& options) {
  const int64_t N = features.size(0), K = means.size(0), D = means.size(1);
  const auto parameter = means.options();
  const Labels labels(labels_tensor, K, options.ignore_index);
  const bool stored = options.stores_gaps(N, K, D, sizeof(T));

  // Memory for the backward pass: the valid rows' gaps class by class, and their states.
  Tensor gaps = at::empty({stored ? N : 0, K}, parameter);
  Tensor rows = at::empty({N, 4}, parameter.dtype(at::kDouble));

  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  const RowStates states(rows.mutable_data_ptr<double>(), labels.valid());
  LossPass<T> pass(problem, labels, options, prior, states);
  pass.run(stored ? gaps.mutable_data_ptr<T>() : nullptr);
  auto [classification, regularizer, diagnostics, total] =
      pass.values(N, Regularizer<T>(problem, labels.target, options).value(), parameter);
  return {classification, regularizer, diagnostics, total, gaps, rows};
}

ForwardResult loss_forward(const Tensor& features, const Tensor& labels, const Tensor& means,
                           const Tensor& log_variances, const OptionalTensor& log_prior,
                           at::IntArrayRef modes, at::ArrayRef<double> constants) {
  const auto options = LossOptions::from(modes, constants);
  check_loss_inputs("icu::_loss_forward", features, labels, means, log_variances, log_prior,
                    options);
  const auto run = means.scalar_type() == at::kDouble ? forward<double> : forward<float>;
  return run(features, labels, means, log_variances, log_prior, options);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_forward", loss_forward); }

}  // namespace icu
