// A problem as the kernels see it: pointers, strides and numbers. schema.cpp has the notation.
#pragma once

#include "device.cuh"
#include "interface.h"

namespace icu::cuda {

// x (N, D) in X, mu (K, D) and s (K, or K x D) in T; rows are strided, a row's elements adjacent.
template <typename X, typename T>
struct Problem {
  const X* x;
  const T* mu;
  const T* s;
  int64_t x_stride, mu_stride, s_stride;  // from one row, or one s_k, to the next
  int64_t rows, classes, dims;
  double min, max;  // bounds of s
  double kappa;     // L_k = kappa s_k; of one dimension where diagonal
  bool diagonal;
};

// The clamped log-variance; infinite ones become NaN, which no clamp may hide.
template <typename X, typename T>
__device__ double clamped(const Problem<X, T>& p, T s) {
  const double value = static_cast<double>(s);
  return (value < p.min ? p.min : value > p.max ? p.max : value) + (value - value);
}
template <typename X, typename T>
__device__ double log_variance(const Problem<X, T>& p, int64_t at) {
  return clamped(p, p.s[at]);
}

// v_kd of a diagonal covariance, in T as the sums that it is part of.
template <typename X, typename T>
__device__ T inverse_variance(const Problem<X, T>& p, T s) {
  return exp(static_cast<T>(-clamped(p, s)));
}
template <typename X, typename T>
__device__ T inverse_variance(const Problem<X, T>& p, int64_t k, int64_t d) {
  return inverse_variance(p, p.s[k * p.s_stride + d]);
}

// The gradient of s: none where descent would lead a clamped log-variance further out of its
// bounds.
template <typename X, typename T>
__device__ T stopped_at_bounds(const Problem<X, T>& p, T s, T gradient) {
  const T min = static_cast<T>(p.min), max = static_cast<T>(p.max);
  return (s >= max && gradient < 0) || (s <= min && gradient > 0) ? T(0) : gradient;
}

__device__ inline int64_t label_at(const Labels& labels, int64_t i) {
  return labels.wide ? static_cast<const int64_t*>(labels.data)[i * labels.stride]
                     : static_cast<const int32_t*>(labels.data)[i * labels.stride];
}

// What a row is: its class, or one of these. A row whose label is no class counts as valid, and its
// loss and gradients are NaN.
constexpr int64_t ignored = -1;
constexpr int64_t no_class = -2;

__device__ inline int64_t target_of(int64_t label, int64_t ignore_index, int64_t classes) {
  if (label == ignore_index) return ignored;
  return label >= 0 && label < classes ? label : no_class;
}

// How many rows count, how many classes they have, in device memory.
struct Tally {
  double valid;
  double present;
};

}  // namespace icu::cuda
