// icu::_loss_and_gradients on the CPU: a small problem's loss together with the gradients of its
// total, so that the backward pass has nothing to do where only the total is differentiated.
#include <torch/library.h>

#include "loss_pass.h"
#include "loss_weights.h"
#include "parallel.h"

namespace icu {
namespace {

struct FusedGapMemory;
struct FusedRowMemory;

template <typename T>
FusedResult run(const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
                const Tensor& log_variances, const OptionalTensor& log_prior,
                const LossOptions& options, const Mask& mask) {
  const int64_t N = features.size(0), K = means.size(0), D = means.size(1);
  const auto parameter = means.options();
  const Labels labels(labels_tensor, K, options.ignore_index);
  const int64_t V = labels.valid();
  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  const RowStates states(Scratch<FusedRowMemory>::get<double>(4 * V), V);
  T* gaps = Scratch<FusedGapMemory>::get<T>(K * V);
  LossPass<T> pass(problem, labels, options, prior, states);
  pass.run(gaps);
  const Regularizer<T> regularizer(problem, labels.target, options);
  const auto values = pass.values(N, regularizer, parameter);

  Tensor dx = mask[0] ? at::empty({V, D}, parameter) : Tensor();
  Tensor dmu = mask[1] ? at::empty({K, D}, parameter) : Tensor();
  Tensor ds = mask[2] ? at::empty(log_variances.sizes(), parameter) : Tensor();
  const Gradients<T> out{mask[0] ? dx.mutable_data_ptr<T>() : nullptr,
                         mask[1] ? dmu.mutable_data_ptr<T>() : nullptr,
                         mask[2] ? ds.mutable_data_ptr<T>() : nullptr};
  const double share = options.reduction == Reduction::mean && V > 0 ? 1.0 / double(V) : 1.0;
  const LossWeights<T> weights(problem, labels, options, prior, gaps, states,
                               std::vector<double>(size_t(V), share));
  distance_gradients<T>(problem, weights, out);
  regularizer.add_gradients(1, {out.features, D}, {out.means, D}, out.log_variances);
  if (mask[2]) problem.stop_at_bounds(out.log_variances);
  if (mask[0]) dx = labels.spread(dx.to(features.scalar_type()), N);
  return {values.classification, values.regularizer, values.diagnostics, values.total, dx, dmu, ds};
}

FusedResult loss_and_gradients(const Tensor& features, const Tensor& labels, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor& log_prior,
                               at::IntArrayRef modes, at::ArrayRef<double> constants, Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  TORCH_CHECK(options.reduction != Reduction::none,
              "icu::_loss_and_gradients: reduction: expected mean or sum, got none");
  const auto fused = means.scalar_type() == at::kDouble ? run<double> : run<float>;
  return fused(features, labels, means, log_variances, log_prior, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_and_gradients", loss_and_gradients); }

}  // namespace icu
