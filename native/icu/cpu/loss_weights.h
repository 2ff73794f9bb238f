// The weights A_ik = g_ik m_ik and H_ik = g_ik h_ik of the cross-entropy's gradient.
#pragma once

#include <optional>

#include "gaps.h"
#include "gradients.h"
#include "rows.h"

namespace icu {

template <typename T>
class LossWeights final : public WeightSource<T> {
 public:
  // gaps: (K, V), or null to make them again. upstream: the gradient that arrives at each valid
  // row's loss. Everything passed in must outlive this, the upstream excepted.
  LossWeights(const DistanceProblem<T>& problem, const Labels& labels, const LossOptions& options,
              const std::vector<double>& prior, const T* gaps, const RowStates& states,
              const std::vector<double>& upstream);

  void fill(const WeightBlock<T>& block) const override;

 private:
  const double* prior_from(int64_t k) const { return prior_.empty() ? nullptr : prior_.data() + k; }

  const DistanceProblem<T>& problem_;
  const Labels& labels_;
  const std::vector<double>& prior_;
  const T* gaps_;
  const RowStates& states_;
  std::optional<Gaps<T>> source_;
  std::vector<double> scale_, target_;
  std::vector<double> target_h_;  // sum_i (H_iz - A_iz) of each class
};

}  // namespace icu
