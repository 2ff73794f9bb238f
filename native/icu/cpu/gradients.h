// The gradients of sum_ik G_ik d_ik and its like, from weights made one tile at a time:
//
//   dL/dx_i  = sum_k A_ik v_k (x_i - mu_k)
//   dL/dmu_k = -sum_i A_ik v_k (x_i - mu_k)
//   dL/ds_k  = (1/2) sum_i (kappa H_ik - A_ik Q_ik);  diagonal: (1/2) sum_i (H_ik - A_ik v_kd (x_id
//   - mu_kd)^2)
//
// A and H are never stored whole: the pass over rows and the pass over classes each make the tile
// that they are at.
#pragma once

#include "problem.h"

namespace icu {

template <typename T>
struct WeightSource {
  // out = A_ik v_k (A_ik with a diagonal covariance) for rows [row, row + rows), classes [first,
  // first + classes). Where given, adds to sums_h[k] sum_i H_ik, and to sums_aq[k] sum_i A_ik Q_ik.
  virtual void fill(int64_t row, int64_t rows, int64_t first, int64_t classes, Rows<T> out,
                    double* sums_h, double* sums_aq) const = 0;
  // Whether fill can give sums_aq; else the sums of squares are formed from the features.
  virtual bool has_sums() const = 0;

 protected:
  ~WeightSource() = default;
};

// dL/dx, one row for each row of the problem. `out` is overwritten.
template <typename T>
void feature_gradient(const DistanceProblem<T>& problem, const WeightSource<T>& source,
                      Rows<T> out);

// dL/dmu and dL/ds, either of which may be null. Both are dense and are overwritten.
template <typename T>
void class_gradient(const DistanceProblem<T>& problem, const WeightSource<T>& source, T* means,
                    T* log_variances);

}  // namespace icu
