// icu::_loss_and_gradients on the CPU: a small problem's loss together with the gradients of its
// total, so that the backward pass has nothing to do where only the total is differentiated.
#include <torch/library.h>

#include "../checks.h"
#include "loss_pass.h"
#include "loss_weights.h"
#include "moments.h"
#include "parallel.h"
#include "small_pass.h"

namespace icu {
namespace {

struct FusedMemory;

template <typename T>
FusedResult run(const Tensor& features, const Tensor& labels_tensor, const Tensor& means,
                const Tensor& log_variances, const OptionalTensor& log_prior,
                const LossOptions& options, const Mask& mask) {
  const int64_t N = features.size(0), D = means.size(1);
  const auto parameter = means.options();
  const Labels labels(labels_tensor, means.size(0), options.ignore_index);
  const int64_t V = labels.valid();
  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto prior = prior_of(log_prior);
  const bool small = SmallPass<T>::fits(problem);
  // For each valid row its state, and for each row and class its gap.
  double* memory = Scratch<FusedMemory>::get<double>(4 * V + (small ? 0 : problem.K * V));
  const RowStates states(memory, V);

  GradientTensors<T> result(problem, means, log_variances, mask);
  const auto out = result.data();
  const double share = options.reduction == Reduction::mean && V > 0 ? 1.0 / double(V) : 1.0;
  LossPass<T> pass(problem, labels, options, prior, states);
  if (small) {
    SmallPass<T>(problem, labels, options, prior, states).run(share, out, pass.norms());
    pass.finish();
  } else {
    T* gaps = reinterpret_cast<T*>(memory + 4 * V);
    pass.run(gaps);
    const LossWeights<T> weights(problem, labels, options, prior, gaps, states,
                                 std::vector<double>(size_t(V), share));
    distance_gradients<T>(problem, weights, out);
  }
  const double regularizer =
      Regularizer<T>(problem, labels.target, options)
          .add_gradients(1, {out.features, D}, {out.means, D}, out.log_variances);
  const auto values = pass.values(N, regularizer, parameter);
  if (mask[2]) problem.stop_at_bounds(out.log_variances);
  if (mask[0]) result.features = labels.spread(result.features.to(features.scalar_type()), N);
  return {values.classification, values.regularizer, values.diagnostics,  values.total,
          result.features,       result.means,       result.log_variances};
}

FusedResult loss_and_gradients(const Tensor& features, const Tensor& labels, const Tensor& means,
                               const Tensor& log_variances, const OptionalTensor& log_prior,
                               at::IntArrayRef modes, at::ArrayRef<double> constants, Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  check_loss_inputs("icu::_loss_and_gradients", features, labels, means, log_variances, log_prior,
                    options);
  TORCH_CHECK(options.reduction != Reduction::none,
              "icu::_loss_and_gradients: reduction: expected mean or sum, got none");
  const auto fused = means.scalar_type() == at::kDouble ? run<double> : run<float>;
  return fused(features, labels, means, log_variances, log_prior, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_and_gradients", loss_and_gradients); }

}  // namespace icu
