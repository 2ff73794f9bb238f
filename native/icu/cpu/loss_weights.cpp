#include "loss_weights.h"

#include <algorithm>

namespace icu {

template <typename T>
LossWeights<T>::LossWeights(const DistanceProblem<T>& problem, const Labels& labels,
                            const LossOptions& options, const std::vector<double>& prior,
                            const T* gaps, const RowStates& states,
                            const std::vector<double>& upstream)
    : problem_(problem),
      labels_(labels),
      prior_(prior),
      gaps_(gaps),
      states_(states),
      scale_(size_t(labels.valid())),
      target_(size_t(labels.valid())),
      target_h_(size_t(problem.K), 0) {
  if (!gaps) {
    source_.emplace(problem,
                    RowTerms{states.base, states.offset, labels.target.data(), prior_from(0)});
  }
  const Margins margins(options, problem.D);
  for (int64_t i = 0; i < labels.valid(); i++) {
    const int64_t z = labels.target[size_t(i)];
    const RowGradient g(states.max[i], states.others[i], upstream[size_t(i)]);
    const auto target = margins.target(states.base[i], problem.terms.log_det[size_t(z)]);
    scale_[size_t(i)] = g.scale;
    target_[size_t(i)] = g.target * target.m;
    target_h_[size_t(z)] += g.target * (target.h - target.m);
  }
}

template <typename T>
void LossWeights<T>::fill(const WeightBlock<T>& block) const {
  const int64_t N = problem_.N, k = block.first;
  double distances[Gaps<T>::most_classes];  // sum_i A_ik d_ik
  const T* gaps = gaps_ ? gaps_ + k * N : block.w;
  if (source_) source_->fill_all(k, block.classes, block.w);
  kernels<T>().weights({N, block.classes, k, gaps, N, prior_from(k), problem_.v_from(k),
                        labels_.target.data(), states_.base, states_.offset, states_.max,
                        scale_.data(), target_.data(), block.w, N, block.class_weights, block.sum_h,
                        distances, block.row_weights});
  for (int64_t c = 0; c < block.classes; c++) {
    const size_t at = size_t(k + c);
    block.sum_aq[c] = 2 * distances[c] - problem_.terms.log_det[at] * block.sum_h[c];  // Q = 2d - L
    block.sum_h[c] += target_h_[at];
  }
}

template class LossWeights<float>;
template class LossWeights<double>;

}  // namespace icu
