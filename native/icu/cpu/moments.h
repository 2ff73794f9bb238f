// The regulariser (Eq. 14) over the classes present in the batch, n_k rows each, and its gradients:
//
//   R = sum_k w_k [ lambda_mean |mu_k - mubar_k|^2 + lambda_var |sigma_k^2 - sbar_k^2|^2 ]
//   mubar_k = mean of x over class k                                                     (Eq. 12)
//   sbar_k^2 = (c/n_k) sum_i |x_i - centre|^2;  diagonal: for each dimension, c = 1      (Eq. 13)
//
// With t_k = mu_k - mubar_k and e_k = sigma_k^2 - sbar_k^2:
//
//   dR/dmu_k = w_k [2 lambda_mean - 4c lambda_var e_k] t_k     (Eq. 15, with the derivative's sign)
//   dR/ds_k  = 2 w_k lambda_var e_k sigma_k^2                  (Eq. 16)
//   dR/dx_i  = -(w_k/n_k) [2 lambda_mean t_k + 4c lambda_var e_k (x_i - centre)]
//
// The centre is mu_k, or mubar_k (moment_center batch); then the second term of dR/dmu is not
// there. Where no gradient flows through the moments it goes as well, and so does all of dR/dx.
//
// And the likelihood term of L-GM (Wan et al., CVPR 2018, Eq. 13), over the V rows:
//
//   gaussian  (lambda/V) sum_i (Q_iz + L_z)/2,   euclidean  (lambda/V) sum_i |x_i - mu_z|^2 / 2
#pragma once

#include <vector>

#include "problem.h"

namespace icu {

// Rows sorted by class: class members[j] has rows order[first[j]] to order[first[j + 1]].
struct PresentClasses {
  PresentClasses(const std::vector<int64_t>& target, int64_t classes);

  std::vector<int64_t> classes, first, order;
  int64_t count() const { return static_cast<int64_t>(classes.size()); }
  int64_t rows(int64_t j) const { return first[size_t(j) + 1] - first[size_t(j)]; }
};

template <typename T>
class Regularizer {
 public:
  Regularizer(const DistanceProblem<T>& problem, const std::vector<int64_t>& target,
              const LossOptions& options);

  double value() const;

  // Adds `upstream` times the gradients to those that are not null, and returns value(). features:
  // a row for each valid row.
  double add_gradients(double upstream, Rows<T> features, Rows<T> means, T* log_variances) const;

 private:
  // The tile of present class j, with scratch memory of this thread.
  MomentTile<T> tile(int64_t j) const;
  double weight(int64_t j) const;
  // sigma_k^2 - sbar_k^2 where the covariance is not diagonal.
  double error(int64_t k, double spread, int64_t rows) const;
  // What a class adds to the value.
  double part(int64_t j, const MomentTile<T>& m, const MomentSums& sums) const;
  double likelihood(int64_t k, const MomentTile<T>& m, const MomentSums& sums, double n) const;
  bool counts() const {
    return options_.lambda_mean != 0 || options_.lambda_var != 0 || options_.lambda_likelihood != 0;
  }

  const DistanceProblem<T>& problem_;
  const LossOptions& options_;
  PresentClasses present_;
  double c_;
};

}  // namespace icu
