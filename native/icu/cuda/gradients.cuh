// The gradients from the products' slabs: the parts are added in order, the regulariser's joined,
// and dX rounded once, to the features' dtype.
#pragma once

#include "moments.cuh"
#include "products.cuh"

namespace icu::cuda {

constexpr int gradient_threads = 256;

template <typename X, typename T>
struct FeatureGradients {
  Moments<X, T> m;  // t null: no regulariser that reaches the features
  const Tally* tally;
  Upstream<T> upstream;
  const int64_t* target;   // (N), or null
  const double* centre;    // (D)
  const double* row_sums;  // (N): r; null where there are no products
  const T* first;          // (splits, N, D); may be `out`
  const T* second;         // likewise, where diagonal
  int64_t splits;
  X* out;  // (N, D)
};

// A block to a row.
template <typename X, typename T>
__global__ void __launch_bounds__(gradient_threads)
    feature_gradients(const FeatureGradients<X, T> a) {
  const Problem<X, T>& p = a.m.p;
  for (int64_t i = blockIdx.x; i < p.rows; i += gridDim.x) {
    const int64_t z = a.target ? a.target[i] : 0;
    const bool regularized = a.m.t && z >= 0;
    const int64_t j = regularized ? slot_of(a.m, z) : 0;
    Slot slot{0, 0, 1};
    if (regularized) slot = slot_at(a.m, j);
    const Tally none{1, 1};
    const MomentFactors f(a.m.options, a.tally ? *a.tally : none,
                          regularized ? a.upstream.of_regularizer() : 0, slot.count);
    const double class_e = regularized && !p.diagonal ? class_error(a.m, j, slot) : 0;
    for (int64_t d = threadIdx.x; d < p.dims; d += gradient_threads) {
      const int64_t at = i * p.dims + d;
      const double x = static_cast<double>(number(p.x[i * p.x_stride + d]));
      double value = 0;
      if (z == no_class) {
        value = NAN;
      } else if (z != ignored && a.row_sums) {
        double first = 0, second = 0;
        for (int64_t s = 0; s < a.splits; s++) {
          first += static_cast<double>(a.first[s * p.rows * p.dims + at]);
          if (a.second) second += static_cast<double>(a.second[s * p.rows * p.dims + at]);
        }
        value = (x - a.centre[d]) * (a.second ? second : a.row_sums[i]) - first;
      }
      if (regularized) {
        const double t = static_cast<double>(a.m.t[j * p.dims + d]);
        const double from_mu = x - static_cast<double>(p.mu[z * p.mu_stride + d]);
        const double e = p.diagonal ? static_cast<double>(a.m.e[j * p.dims + d]) : class_e;
        value += f.of_feature(e, t, from_mu, a.m.options.batch_center);
      }
      assign(a.out[at], static_cast<T>(value));
    }
  }
}

template <typename X, typename T>
struct ClassGradients {
  Problem<X, T> p;
  int64_t first_class, classes;  // the chunk
  const ClassSums* sums;         // (classes); null where there are no products
  const double* centre;          // (D)
  const T* first;                // (splits, classes, D); null where `means` is complete already
  const T* second;               // likewise, where diagonal
  int64_t splits;
  T* means;          // (K, D), or null
  T* log_variances;  // (K) or (K, D), or null
};

// dL/dmu and dL/ds of a chunk of classes, a block to a class.
template <typename X, typename T>
__global__ void __launch_bounds__(gradient_threads) class_gradients(const ClassGradients<X, T> a) {
  const Problem<X, T>& p = a.p;
  for (int64_t column = blockIdx.x; column < a.classes; column += gridDim.x) {
    const int64_t k = a.first_class + column;
    const ClassSums sums = a.sums ? a.sums[column] : ClassSums{};
    if (a.log_variances && !p.diagonal && threadIdx.x == 0) {
      a.log_variances[k] = static_cast<T>(0.5 * (p.kappa * sums.h - sums.q));
    }
    if (a.sums && !a.first) continue;
    for (int64_t d = threadIdx.x; d < p.dims; d += gradient_threads) {
      double first = 0, second = 0;
      for (int64_t s = 0; a.sums && s < a.splits; s++) {
        const int64_t at = (s * a.classes + column) * p.dims + d;
        first += static_cast<double>(a.first[at]);
        if (a.second) second += static_cast<double>(a.second[at]);
      }
      const double v = p.diagonal ? static_cast<double>(inverse_variance(p, k, d)) : 1;
      if (a.means) {
        double value = 0;
        if (a.sums && p.diagonal) {
          value = -v * first;  // `first` is a sum of x - mu
        } else if (a.sums) {
          const double mu = static_cast<double>(p.mu[k * p.mu_stride + d]) - a.centre[d];
          value = mu * sums.c - first;
        }
        a.means[k * p.dims + d] = static_cast<T>(value);
      }
      if (a.log_variances && p.diagonal) {
        a.log_variances[k * p.dims + d] = static_cast<T>(0.5 * (p.kappa * sums.h - v * second));
      }
    }
  }
}

template <typename X, typename T>
struct StopAtBounds {
  Problem<X, T> p;
  T* log_variances;  // their gradient
};

template <typename X, typename T>
__global__ void __launch_bounds__(gradient_threads) stop_at_bounds(const StopAtBounds<X, T> a) {
  const int64_t width = a.p.diagonal ? a.p.dims : 1, count = a.p.classes * width;
  const int64_t step = static_cast<int64_t>(gridDim.x) * gradient_threads;
  for (int64_t e = static_cast<int64_t>(blockIdx.x) * gradient_threads + threadIdx.x; e < count;
       e += step) {
    T& gradient = a.log_variances[e];
    gradient = stopped_at_bounds(a.p, a.p.s[e / width * a.p.s_stride + e % width], gradient);
  }
}

}  // namespace icu::cuda
