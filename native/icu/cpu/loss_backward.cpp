// icu::_loss_backward on the CPU, from the gaps and row states that the forward pass kept. The
// probabilities are made again tile by tile; no second array of the gaps' size exists.
#include <torch/library.h>

#include <algorithm>

#include "../operators.h"
#include "gradients.h"
#include "moments.h"
#include "parallel.h"
#include "rows.h"

namespace icu {
namespace {

// A_ik = g_ik m_ik and H_ik = g_ik h_ik of the cross-entropy.
template <typename T>
struct LossWeights final : WeightSource<T> {
  const DistanceProblem<T>& problem;
  const Labels& labels;
  const std::vector<double> prior;
  const Rows<const T> gaps;
  const RowState* states;
  std::vector<RowWeight> weights;
  std::vector<double> target_h;  // sum_i (H_iz - A_iz) of each class

  // upstream(i): the gradient that arrives at loss_i.
  template <typename F>
  LossWeights(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
              const OptionalTensor& log_prior, const Tensor& gaps, const Tensor& rows,
              const F& upstream)
      : problem(problem),
        labels(labels),
        prior(prior_of(log_prior)),
        gaps{gaps.const_data_ptr<T>(), gaps.size(1)},
        states(reinterpret_cast<const RowState*>(rows.const_data_ptr<double>())),
        weights(size_t(labels.valid())),
        target_h(size_t(problem.K), 0) {
    const Margins margins(options, problem.D);
    for (int64_t i = 0; i < labels.valid(); i++) {
      const int64_t z = labels.target[size_t(i)];
      const RowGradient g(states[i], upstream(i));
      const double own =
          states[i].base - static_cast<double>(this->gaps.data[i * this->gaps.stride + z]);
      const auto target = margins.target(own, problem.terms.log_det[size_t(z)]);
      weights[size_t(i)] = {g.scale, g.target * target.m};
      target_h[size_t(z)] += g.target * (target.h - target.m);
    }
  }

  bool has_sums() const override { return true; }

  void fill(int64_t row, int64_t rows, int64_t first, int64_t classes, Rows<T> out, double* sums_h,
            double* sums_aq) const override {
    double a[weight_classes] = {}, ad[weight_classes] = {};  // sums of A_ik and of A_ik d_ik
    kernels<T>().weights({rows,
                          first,
                          classes,
                          {gaps.data + row * gaps.stride, gaps.stride},
                          prior.empty() ? nullptr : prior.data(),
                          labels.target.data() + row,
                          states + row,
                          weights.data() + row,
                          problem.class_v(),
                          out,
                          sums_h ? a : nullptr,
                          sums_aq ? ad : nullptr});
    for (int64_t c = 0; c < classes; c++) {
      const size_t k = size_t(first + c);
      if (sums_h) sums_h[c] += a[c] + (row == 0 ? target_h[k] : 0);
      if (sums_aq) sums_aq[c] += 2 * ad[c] - problem.terms.log_det[k] * a[c];  // Q = 2d - L
    }
  }
};

double scalar_of(const Tensor& tensor) { return tensor.item<double>(); }

template <typename T>
std::tuple<Tensor, Tensor, Tensor> backward(const OptionalTensor& grad_classification,
                                            const OptionalTensor& grad_regularizer,
                                            const Tensor& features, const Tensor& labels_tensor,
                                            const Tensor& means, const Tensor& log_variances,
                                            const OptionalTensor& log_prior, const Tensor& gaps,
                                            const Tensor& rows, const LossOptions& options,
                                            const Mask& mask) {
  const Labels labels(labels_tensor, means.size(0), options.ignore_index);
  const int64_t V = labels.valid(), N = features.size(0);
  const DistanceProblem<T> problem(labels.take(features), means, log_variances, options);
  const auto parameter = means.options();

  Tensor dx = mask[0] ? at::empty({V, problem.D}, parameter) : Tensor();
  Tensor dmu = mask[1] ? at::empty({problem.K, problem.D}, parameter) : Tensor();
  Tensor ds = mask[2] ? at::empty(log_variances.sizes(), parameter) : Tensor();
  const Rows<T> x_rows{mask[0] ? dx.mutable_data_ptr<T>() : nullptr, problem.D};
  const Rows<T> mu_rows{mask[1] ? dmu.mutable_data_ptr<T>() : nullptr, problem.D};
  T* s_data = mask[2] ? ds.mutable_data_ptr<T>() : nullptr;

  if (V > 0 && grad_classification && grad_classification->defined()) {
    const bool none = options.reduction == Reduction::none;
    const auto given = none ? grad_classification->to(at::kDouble).contiguous() : Tensor();
    const double* each = none ? given.const_data_ptr<double>() : nullptr;
    const double all = none ? 0 : scalar_of(*grad_classification);
    const double share = options.reduction == Reduction::mean ? all / static_cast<double>(V) : all;
    const LossWeights<T> weights(problem, labels, options, log_prior, gaps, rows, [&](int64_t i) {
      return none ? each[labels.rows[size_t(i)]] : share;
    });
    if (mask[0]) feature_gradient<T>(problem, weights, x_rows);
    if (mask[1] || mask[2]) class_gradient<T>(problem, weights, mu_rows.data, s_data);
  } else {
    for (const auto& gradient : {dx, dmu, ds}) {
      if (gradient.defined()) gradient.zero_();
    }
  }

  if (grad_regularizer && grad_regularizer->defined()) {
    Regularizer<T>(problem, labels.target, options)
        .add_gradients(scalar_of(*grad_regularizer), x_rows, mu_rows, s_data);
  }
  if (mask[2]) problem.stop_at_bounds(s_data);

  // Back to the batch's rows and the features' dtype.
  if (mask[0]) {
    if (dx.scalar_type() != features.scalar_type()) dx = dx.to(features.scalar_type());
    if (V < N) {
      auto all = at::zeros({N, problem.D}, dx.options());
      const auto index = at::from_blob(const_cast<int64_t*>(labels.rows.data()), {V}, at::kLong);
      dx = all.index_copy_(0, index, dx);
    }
  }
  return {dx, dmu, ds};
}

std::tuple<Tensor, Tensor, Tensor> loss_backward(
    const OptionalTensor& grad_classification, const OptionalTensor& grad_regularizer,
    const Tensor& features, const Tensor& labels, const Tensor& means, const Tensor& log_variances,
    const OptionalTensor& log_prior, const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes,
    at::ArrayRef<double> constants, Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  const auto run = means.scalar_type() == at::kDouble ? backward<double> : backward<float>;
  return run(grad_classification, grad_regularizer, features, labels, means, log_variances,
             log_prior, gaps.contiguous(), rows.contiguous(), options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_backward", loss_backward); }

}  // namespace icu
