// icu::_loss_backward on the CPU, from the row states that the forward pass kept, and the gaps
// where it kept those. The probabilities are made again block by block; no array of the gaps' size
// exists beside theirs.
#include <torch/library.h>

#include <algorithm>
#include <optional>

#include "../operators.h"
#include "gaps.h"
#include "gradients.h"
#include "moments.h"
#include "parallel.h"
#include "rows.h"

namespace icu {
namespace {

// A_ik = g_ik m_ik and H_ik = g_ik h_ik of the cross-entropy.
template <typename T>
class LossWeights final : public WeightSource<T> {
 public:
  // upstream(i): the gradient that arrives at loss_i.
  template <typename F>
  LossWeights(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
              const OptionalTensor& log_prior, const T* gaps, const Tensor& rows, const F& upstream)
      : problem_(problem),
        labels_(labels),
        prior_(prior_of(log_prior)),
        gaps_(gaps),
        states_(rows),
        scale_(size_t(labels.valid())),
        target_(size_t(labels.valid())),
        target_h_(size_t(problem.K), 0) {
    if (!gaps) {
      source_.emplace(problem, RowTerms{states_.base, states_.offset, labels.target.data(),
                                        prior_.empty() ? nullptr : prior_.data()});
    }
    const Margins margins(options, problem.D);
    for (int64_t i = 0; i < labels.valid(); i++) {
      const int64_t z = labels.target[size_t(i)];
      const RowGradient g(states_.max[i], states_.others[i], upstream(i));
      const auto target = margins.target(states_.base[i], problem.terms.log_det[size_t(z)]);
      scale_[size_t(i)] = g.scale;
      target_[size_t(i)] = g.target * target.m;
      target_h_[size_t(z)] += g.target * (target.h - target.m);
    }
  }

  void fill(const WeightBlock<T>& block) const override {
    const int64_t N = problem_.N, k = block.first;
    double distances[Gaps<T>::most_classes];  // sum_i A_ik d_ik
    const T* gaps = gaps_ ? gaps_ + k * N : block.w;
    if (source_) {
      for (int64_t row = 0; row < N; row += Gaps<T>::row_block) {
        const int64_t rows = std::min(Gaps<T>::row_block, N - row);
        source_->fill(row, rows, k, block.classes, block.w + row, N);
      }
    }
    kernels<T>().weights({N, block.classes, k, gaps, N,
                          prior_.empty() ? nullptr : prior_.data() + k, problem_.v_from(k),
                          labels_.target.data(), states_.base, states_.offset, states_.max,
                          scale_.data(), target_.data(), block.w, N, block.class_weights,
                          block.sum_h, distances, block.row_weights});
    for (int64_t c = 0; c < block.classes; c++) {
      const size_t at = size_t(k + c);
      block.sum_aq[c] =
          2 * distances[c] - problem_.terms.log_det[at] * block.sum_h[c];  // Q = 2d - L
      block.sum_h[c] += target_h_[at];
    }
  }

 private:
  const DistanceProblem<T>& problem_;
  const Labels& labels_;
  const std::vector<double> prior_;
  const T* gaps_;  // (K, V), or null: they are made again
  const RowStates states_;
  std::optional<Gaps<T>> source_;
  std::vector<double> scale_, target_;
  std::vector<double> target_h_;  // sum_i (H_iz - A_iz) of each class
};

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
  const auto parameter = means.options();

  Tensor dx = mask[0] ? empty_output({V, problem.D}, parameter) : Tensor();
  Tensor dmu = mask[1] ? empty_output({problem.K, problem.D}, parameter) : Tensor();
  Tensor ds = mask[2] ? empty_output(log_variances.sizes(), parameter) : Tensor();
  const Gradients<T> out{mask[0] ? dx.mutable_data_ptr<T>() : nullptr,
                         mask[1] ? dmu.mutable_data_ptr<T>() : nullptr,
                         mask[2] ? ds.mutable_data_ptr<T>() : nullptr};

  const double all = scalar_of(grad_total);
  if (V > 0 && (defined(grad_classification) || defined(grad_total))) {
    const bool none = options.reduction == Reduction::none;
    const auto given = none && defined(grad_classification)
                           ? grad_classification->to(at::kDouble).contiguous()
                           : Tensor();
    const double* each = given.defined() ? given.const_data_ptr<double>() : nullptr;
    double share = all + (none ? 0 : scalar_of(grad_classification));
    if (options.reduction == Reduction::mean) share /= static_cast<double>(V);
    const T* stored = gaps.size(0) > 0 ? gaps.const_data_ptr<T>() : nullptr;
    const LossWeights<T> weights(problem, labels, options, log_prior, stored, rows, [&](int64_t i) {
      return share + (each ? each[labels.rows[size_t(i)]] : 0);
    });
    distance_gradients<T>(problem, weights, out);
  } else {
    for (const auto& gradient : {dx, dmu, ds}) {
      if (gradient.defined()) gradient.zero_();
    }
  }

  if (defined(grad_regularizer) || defined(grad_total)) {
    Regularizer<T>(problem, labels.target, options)
        .add_gradients(all + scalar_of(grad_regularizer), {out.features, problem.D},
                       {out.means, problem.D}, out.log_variances);
  }
  if (mask[2]) problem.stop_at_bounds(out.log_variances);

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
    const OptionalTensor& grad_total, const Tensor& features, const Tensor& labels,
    const Tensor& means, const Tensor& log_variances, const OptionalTensor& log_prior,
    const Tensor& gaps, const Tensor& rows, at::IntArrayRef modes, at::ArrayRef<double> constants,
    Mask mask) {
  const auto options = LossOptions::from(modes, constants);
  const auto run = means.scalar_type() == at::kDouble ? backward<double> : backward<float>;
  TORCH_CHECK(
      gaps.dim() == 2 && gaps.scalar_type() == means.scalar_type() &&
          (gaps.size(0) == 0 || (gaps.sizes() == at::IntArrayRef{features.size(0), means.size(0)} &&
                                 gaps.t().is_contiguous())),
      "icu: gaps: expected what _loss_forward returned");
  return run(grad_classification, grad_regularizer, grad_total, features, labels, means,
             log_variances, log_prior, gaps, rows, options, mask);
}

}  // namespace

TORCH_LIBRARY_IMPL(icu, CPU, m) { m.impl("_loss_backward", loss_backward); }

}  // namespace icu
