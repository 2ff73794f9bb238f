// The gradients of sum_ik G_ik d_ik and its like, for a block of classes at a time:
//
//   dL/dx_i  = sum_k A_ik v_k (x_i - mu_k)
//   dL/dmu_k = -sum_i A_ik v_k (x_i - mu_k)
//   dL/ds_k  = (1/2) sum_i (kappa H_ik - A_ik Q_ik)
//              diagonal: (1/2) sum_i (H_ik - A_ik v_kd (x_id - mu_kd)^2)
//
// With w = A v and centred values these are two matrix products over the block,
//
//   dL/dx_i = (sum_k w_ik) x'_i - sum_k w_ik mu'_k,   dL/dmu_k = (sum_i w_ik) mu'_k - sum_i w_ik
//   x'_i
//
// whose weights are made once. A and H are never stored whole, nor is a copy of all the means.
#pragma once

#include <array>

#include "problem.h"

namespace icu {

// Where a block's weights go. Class sums start at the block's first class.
template <typename T>
struct WeightBlock {
  int64_t first, classes;
  T* w;                   // A_ik v_k (A_ik with a diagonal covariance) at [(k - first) * N + i]
  double* class_weights;  // sum_i of these as rounded to T
  double* sum_h;          // sum_i H_ik
  double* sum_aq;         // sum_i A_ik Q_ik, not with a diagonal covariance
  double* row_weights;    // sum_k w_ik over this block, (N)
};

template <typename T>
struct WeightSource {
  // On one thread; blocks are asked for in any order and from any thread.
  virtual void fill(const WeightBlock<T>& block) const = 0;

 protected:
  ~WeightSource() = default;
};

// Overwrites those gradients that are not null: features (N, D) with rows adjacent, means (K, D),
// log_variances (K) or (K, D).
template <typename T>
struct Gradients {
  T* features;
  T* means;
  T* log_variances;
};

// Memory for them as the operators return it: undefined where the mask (operators.h) says that a
// gradient is not needed.
template <typename T>
struct GradientTensors {
  GradientTensors(const DistanceProblem<T>& problem, const at::Tensor& means,
                  const at::Tensor& log_variances, const std::array<bool, 3>& mask);

  at::Tensor features, means, log_variances;

  Gradients<T> data() const;
  void zero();
};

template <typename T>
void distance_gradients(const DistanceProblem<T>& problem, const WeightSource<T>& source,
                        const Gradients<T>& out);

}  // namespace icu
