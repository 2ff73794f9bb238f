// A problem as the loops see it: plain pointers, ignored rows taken out, constants of each class
// worked out.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "../options.h"
#include "../simd/kernels.h"

namespace icu {

// v_k = 1 / sigma_k^2 and L_k = ln|Sigma_k| in float64. With a diagonal covariance v is empty: the
// kernels compute it where they need it, so that no second (K, D) array exists.
struct ClassTerms {
  std::vector<double> v;
  std::vector<double> log_det;
};

// x (N, D), mu (K, D), s: adjacent in the last dimension and in the parameters' dtype T.
template <typename T>
struct DistanceProblem {
  DistanceProblem(const at::Tensor& features, const at::Tensor& means,
                  const at::Tensor& log_variances, const DistanceOptions& options);

  int64_t N, K, D;
  Rows<const T> x, mu, s;  // s: stride 1 and data[k], or rows of D where diagonal
  Bounds<T> bounds;
  double kappa;
  bool diagonal;
  int threads;
  ClassTerms terms;
  // c (D): the average of up to 64 of the means, spread over all classes. Any point among them
  // will do.
  std::vector<T> centre;

  // The clamped log-variance; infinite ones become NaN, which no clamp may hide.
  double log_variance(const T* at) const {
    const double value = static_cast<double>(*at), low = static_cast<double>(bounds.min),
                 high = static_cast<double>(bounds.max);
    return (value < low ? low : value > high ? high : value) + (value - value);
  }
  const T* x_row(int64_t i) const { return x.data + i * x.stride; }
  const T* mu_row(int64_t k) const { return mu.data + k * mu.stride; }
  // From class k on. Without a diagonal covariance the kernels see v and no s, else s and no v.
  Rows<const T> mu_from(int64_t k) const { return {mu_row(k), mu.stride}; }
  Rows<const T> s_from(int64_t k) const {
    return diagonal ? Rows<const T>{s.data + k * s.stride, s.stride} : Rows<const T>{nullptr, 0};
  }
  const double* v_from(int64_t k) const { return diagonal ? nullptr : terms.v.data() + k; }

  // Sets the gradient of a clamped log-variance to zero where descent would lead further out of its
  // bounds.
  void stop_at_bounds(T* gradient) const;

 protected:
  at::Tensor x_, mu_, s_;
};

// Whether ICU_DENSE is set in the environment: what comes to zero is computed all the same, to test
// that leaving it out changes no result, and to measure what that is worth.
bool nothing_left_out();

// Memory for a gradient: where it is large, in large pages, whose first touch is several times
// cheaper.
at::Tensor empty_output(at::IntArrayRef sizes, at::TensorOptions options);

// The valid rows, in order, and what their labels say.
struct Labels {
  // Throws when a label is neither a class nor ignore_index.
  Labels(const at::Tensor& labels, int64_t classes, int64_t ignore_index);

  std::vector<int64_t> rows;    // their numbers in the batch
  std::vector<int64_t> target;  // their classes z
  int64_t valid() const { return static_cast<int64_t>(rows.size()); }
  // The valid rows of `tensor`, itself if that is all of them.
  at::Tensor take(const at::Tensor& tensor) const;
  // The other way: valid rows at their places among `count`, zeros elsewhere.
  at::Tensor spread(const at::Tensor& tensor, int64_t count) const;
};

}  // namespace icu
