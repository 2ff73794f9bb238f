// icu::_loss_backward on the CPU, from the row states that the forward pass kept, and the gaps
// where it kept those. The probabilities are made again block by block; no array of the gaps' size
// exists beside theirs.
#include <torch/library.h>

#include "../checks.h"
#include "../operators.h"
#include "loss_weights.h"
#include "moments.h"

namespace icu {
namespace {

bool defined(const OptionalTensor& gradient) { return gradient && gradient->defined(); }

double scalar_of(const OptionalTensor& gradient) {
  return defined(gradient) ? gradient->item<double>() : 0;
}

template <typename T>
std::tuple<Tensor, Tensor, Tensor> backward(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels_tensor,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, const LossOptions& options, const Mask& mask) {
  const Labels labels(labels_tensor, means.size(0), options.ignore_index);
  const int64_t V = labels.valid(), N = features.size(0);
  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  GradientTensors<T> result(problem, means, log_variances, mask);
  const auto out = result.data();

  const double all = scalar_of(grad_total);
  if (V > 0 && (defined(grad_classification) || defined(grad_total))) {
    const bool none = options.reduction == Reduction::none;
    const auto given = none && defined(grad_classification)
                           ? grad_classification->to(at::kDouble).contiguous()
                           : Tensor();
    const double* each = given.defined() ? given.const_data_ptr<double>() : nullptr;
    double share = all + (none ? 0 : scalar_of(grad_classification));
    if (options.reduction == Reduction::mean) share /= static_cast<double>(V);
    std::vector<double> upstream(size_t(V), share);
    if (each) {
      for (int64_t i = 0; i < V; i++) upstream[size_t(i)] += each[labels.rows[size_t(i)]];
    }
    const auto prior = prior_of(log_prior);
    const auto kept_rows = rows.contiguous(), kept_gaps = gaps.contiguous();
    const RowStates states(kept_rows.mutable_data_ptr<double>(), V);
    const T* stored = gaps.size(0) > 0 ? kept_gaps.const_data_ptr<T>() : nullptr;
    const LossWeights<T> weights(problem, labels, options, prior, stored, states, upstream);
    distance_gradients<T>(problem, weights, out);
  } else {
    result.zero();
  }

  if (defined(grad_regularizer) || defined(grad_total)) {
    Regularizer<T>(problem, labels.target, options)
        .add_gradients(all + scalar_of(grad_regularizer), {out.features, problem.D},
                       {out.means, problem.D}, out.log_variances);
  }
  if (mask[2]) problem.stop_at_bounds(out.log_variances);

  if (mask[0]) result.features = labels.spread(result.features.to(features.scalar_type()), N);
  return {result.features, result.means, result.log_variances};
}

std::tuple<Tensor, Tensor, Tensor> loss_backward(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes, at::ArrayRef<double> constants,
    Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  check_loss_backward(grad_classification, grad_regularizer, grad_total, features, labels, means,
                      log_variances, log_prior, gaps, rows, options);
  const auto run = means.scalar_type() == at::kDouble ? backward<double> : backward<float>;
  return run(grad_classification, grad_regularizer, grad_total, features, labels, means,
             log_variances, log_prior, gaps, rows, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_backward", loss_backward); }

}  // namespace icu
