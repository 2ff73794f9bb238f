// What every pass starts from, in one launch whose blocks have three jobs:
//
//   classes  v_k and L_k, a warp to a class
//   rows     what a row is (its class, ignored, or in error), and for the forward pass the base
//            d_iz, |x_i| and |x_i - mu_z|^2, a warp to a row
//   labels   one block: the valid rows, the classes present, rows sorted by label, and the first
//            label that is no class, reported to the host
//
// Where there are products a fourth job: o, the mean of up to 64 of the classes' means, which they
// are centred by.
#pragma once

#include "labels.cuh"
#include "margins.cuh"

namespace icu::cuda {

constexpr int prepare_threads = 256;
constexpr int prepare_warps = prepare_threads / 32;
constexpr int sorted_here = 1024;       // the most rows that one block sorts
constexpr int64_t centre_classes = 64;  // the most that o is a mean of

template <typename X, typename T>
struct Prepare {
  Problem<X, T> p;
  Labels labels;
  double* v;             // (K), or null
  double* log_det;       // (K), or null
  int64_t* target;       // (N), or null
  RowState* states;      // (N): the base is written; or null
  double* norms;         // (N), with `states`
  double* half_squares;  // (N): |x_i - mu_z|^2 / 2, or null
  Tally* tally;          // or null
  BadLabel* bad;         // with `tally`, or null
  SortedLabels sorted;   // or null
  bool sorts;            // whether they are sorted here, then N <= sorted_here
  double* centre;        // (D), or null

  __host__ __device__ int64_t class_blocks() const {
    return log_det ? tiles(p.classes, prepare_warps) : 0;
  }
  __host__ __device__ int64_t row_blocks() const {
    return target ? tiles(p.rows, prepare_warps) : 0;
  }
  __host__ __device__ int64_t centre_blocks() const { return centre ? tiles(p.dims, 32) : 0; }
  __host__ __device__ int64_t blocks() const {
    return class_blocks() + row_blocks() + centre_blocks() + (tally ? 1 : 0);
  }
};

// L_k, by a warp.
template <typename X, typename T>
__device__ double log_determinant(const Problem<X, T>& p, int64_t k) {
  const int lane = threadIdx.x % 32;
  if (!p.diagonal) return p.kappa * log_variance(p, k * p.s_stride);
  double sum = 0;
  for (int64_t d = lane; d < p.dims; d += 32) sum += log_variance(p, k * p.s_stride + d);
  return p.kappa * warp_sum(sum);
}

template <typename X, typename T>
__device__ void prepare_class(const Prepare<X, T>& a, int64_t k) {
  const double log_det = log_determinant(a.p, k);
  if (threadIdx.x % 32 != 0) return;
  a.log_det[k] = log_det;
  if (a.v) a.v[k] = exp(-log_variance(a.p, k * a.p.s_stride));
}

template <typename X, typename T>
__device__ void prepare_row(const Prepare<X, T>& a, int64_t i) {
  const Problem<X, T>& p = a.p;
  const int lane = threadIdx.x % 32;
  const int64_t z = target_of(label_at(a.labels, i), a.labels.ignore_index, p.classes);
  if (lane == 0) a.target[i] = z;
  if (!a.states) return;
  const X* x = p.x + i * p.x_stride;
  double square = 0, q = 0, plain = 0;
  if (z >= 0) {
    const T* mu = p.mu + z * p.mu_stride;
    for (int64_t d = lane; d < p.dims; d += 32) {
      const T value = number(x[d]), t = value - mu[d], tt = t * t;
      square += static_cast<double>(value) * static_cast<double>(value);
      plain += static_cast<double>(tt);
      if (p.diagonal) q += static_cast<double>(inverse_variance(p, z, d) * tt);
    }
    square = warp_sum(square);
    plain = warp_sum(plain);
    q = p.diagonal ? warp_sum(q) : plain * exp(-log_variance(p, z * p.s_stride));
    q = 0.5 * (q + log_determinant(p, z));
  } else if (z == no_class) {
    square = q = plain = NAN;
  }
  if (lane != 0) return;
  a.states[i] = {q, 0, 0, 0};
  a.norms[i] = sqrt(square);
  if (a.half_squares) a.half_squares[i] = 0.5 * plain;
}

// The rank of a row among all is the number of rows with a smaller label, and of earlier rows with
// the same one.
template <typename X, typename T>
__device__ void sort_labels(const Prepare<X, T>& a) {
  struct Shared {
    int64_t labels[sorted_here];
  };
  ICU_SHARED(Shared, shared);
  const int rows = static_cast<int>(a.p.rows);
  for (int i = threadIdx.x; i < rows; i += prepare_threads)
    shared.labels[i] = label_at(a.labels, i);
  __syncthreads();
  for (int i = threadIdx.x; i < rows; i += prepare_threads) {
    const int64_t label = shared.labels[i];
    int rank = 0;
    for (int j = 0; j < rows; j++) {
      rank += shared.labels[j] < label || (shared.labels[j] == label && j < i);
    }
    a.sorted.labels[rank] = label;
    a.sorted.rows[rank] = i;
  }
}

template <typename X, typename T>
__device__ void prepare_labels(const Prepare<X, T>& a) {
  count_labels<prepare_threads>(a.labels, a.p.rows, a.p.classes, a.tally, a.bad);
  if (!a.sorted.labels) return;
  if (a.sorts) sort_labels(a);
  __syncthreads();
  count_present<prepare_threads>(a.sorted.labels, a.p.rows, a.labels.ignore_index, a.p.classes,
                                 a.tally);
}

// o for 32 dimensions. Of the means, not of the features: a single feature far away, even of a row
// that is ignored, would take o with it, and with that the digits of every x - o and mu - o. What
// is not finite is left out: it is its own class's, and would reach all. A mean that is finite and
// far away still takes o with it, as it does on the CPU.
template <typename X, typename T>
__device__ void prepare_centre(const Prepare<X, T>& a, int64_t first) {
  struct Shared {
    double sums[prepare_warps][32], counts[prepare_warps][32];
  };
  ICU_SHARED(Shared, shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t d = first + lane;
  double sum = 0, count = 0;
  if (d < a.p.dims) {
    const int64_t some = smaller<int64_t>(a.p.classes, centre_classes);
    for (int64_t j = warp; j < some; j += prepare_warps) {
      const int64_t k = j * a.p.classes / some;
      const double value = static_cast<double>(a.p.mu[k * a.p.mu_stride + d]);
      const bool finite = value - value == 0;
      sum += finite ? value : 0;
      count += finite;
    }
  }
  shared.sums[warp][lane] = sum;
  shared.counts[warp][lane] = count;
  __syncthreads();
  if (warp != 0 || d >= a.p.dims) return;
  sum = count = 0;
  for (int w = 0; w < prepare_warps; w++) {
    sum += shared.sums[w][lane];
    count += shared.counts[w][lane];
  }
  a.centre[d] = count > 0 ? sum / count : 0;
}

template <typename X, typename T>
__global__ void __launch_bounds__(prepare_threads) prepare(const Prepare<X, T> a) {
  int64_t block = blockIdx.x;
  const int warp = threadIdx.x / 32;
  // The labels' block is the longest: it starts first.
  if (a.tally) {
    if (block == 0) return prepare_labels(a);
    block--;
  }
  if (block < a.class_blocks()) {
    const int64_t k = block * prepare_warps + warp;
    if (k < a.p.classes) prepare_class(a, k);
    return;
  }
  block -= a.class_blocks();
  if (block < a.row_blocks()) {
    const int64_t i = block * prepare_warps + warp;
    if (i < a.p.rows) prepare_row(a, i);
    return;
  }
  prepare_centre(a, (block - a.row_blocks()) * 32);
}

}  // namespace icu::cuda
