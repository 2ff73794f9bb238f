// A small problem in one pass over its rows: samples on the vector lanes for everything, direct
// differences throughout, and no product that would be worth packing anything for. The covariance
// is not diagonal.
#pragma once

#include "samples.h"

namespace icu::ICU_ISA {
namespace {

// d_ik = (v_k sum_d (x_id - mu_kd)^2 + L_k) / 2 of one panel of packed samples.
template <typename T>
void small_distances(const SmallTile<T>& tile) {
  constexpr int W = width<T>;
  for (int64_t k = 0; k < tile.classes; k++) {
    const T* mu = tile.mu.data + k * tile.mu.stride;
    double q[W] = {};
    for (int64_t first = 0; first < tile.dims; first += 64) {
      const int64_t end = tile.dims - first < 64 ? tile.dims : first + 64;
      Vector<T> part[2] = {};
      for (int64_t d = first; d < end; d++) {
        const Vector<T> t0 = load(tile.x + d * W) - mu[d],
                        t1 = load(tile.x + d * W + lanes<T>) - mu[d];
        part[0] += t0 * t0;
        part[1] += t1 * t1;
      }
      T block[W];
      store(block, part[0]);
      store(block + lanes<T>, part[1]);
      for (int i = 0; i < W; i++) q[i] += static_cast<double>(block[i]);
    }
    double* d = tile.distances + k * W;
    for (int i = 0; i < W; i++) d[i] = 0.5 * (tile.v[k] * q[i] + tile.log_det[k]);
  }
}

// Lanes beyond the last row have its x, and upstream 0.
template <typename T>
void small_gradients(const SmallTile<T>& tile) {
  constexpr int W = width<T>, L = lanes<T>;
  const int64_t K = tile.classes, D = tile.dims;
  double max[W], others[W] = {}, scale[W], target[W];
  for (int i = 0; i < W; i++) max[i] = 0;
  const double *base = tile.base, *offset = tile.offset;
  // 0; of a single class this is all that tells of an input that is not finite.
  if (K == 1) {
    for (int i = 0; i < W; i++) others[i] = base[i] - base[i];
  }
  int64_t labels[W];
  for (int i = 0; i < W; i++) labels[i] = tile.labels[i];
  // l_k - l_z over the distances, which are needed once more: minus infinity for k = z, and NaN
  // where a distance is none.
  for (int64_t k = 0; k < K; k++) {
    const double* d = tile.distances + k * W;
    double* gaps = tile.gaps + k * W;
    const double prior = tile.prior ? tile.prior[k] : 0;
#pragma omp simd
    for (int i = 0; i < W; i++) {
      const double value = base[i] - d[i] + (d[i] - d[i]) + offset[i] + prior;
      const double gap = labels[i] == k ? -__builtin_inf() : value;
      gaps[i] = gap;
      max[i] = gap > max[i] ? gap : max[i];
    }
  }
  for (int64_t k = 0; k < K; k++) {
    const double* gaps = tile.gaps + k * W;
    T* w = tile.w + k * W;
#pragma omp simd
    for (int i = 0; i < W; i++) {
      const T e = exponential(static_cast<T>(gaps[i] - max[i]));
      w[i] = e;
      others[i] += static_cast<double>(e);
    }
  }
  const double *upstream = tile.upstream, *target_m = tile.target_m;
  double own[W];
#pragma omp simd
  for (int i = 0; i < W; i++) {
    const double total = exponential(-max[i]) + others[i];
    scale[i] = -upstream[i] / total;
    target[i] = upstream[i] * (others[i] / total);
    own[i] = target[i] * target_m[i];
  }
  for (int i = 0; i < W; i++) {
    tile.max[i] = max[i];
    tile.others[i] = others[i];
    tile.target[i] = target[i];
  }
  for (int64_t k = 0; k < K; k++) {
    T* w = tile.w + k * W;
    const double* d = tile.distances + k * W;
    const double v = tile.v[k];
    double sum_a = 0, sum_ad = 0;
#pragma omp simd reduction(+ : sum_a, sum_ad)
    for (int i = 0; i < W; i++) {
      const double other = scale[i] * static_cast<double>(w[i]);
      const double a = labels[i] == k ? own[i] : other;
      w[i] = static_cast<T>(a * v);
      sum_a += a;
      sum_ad += a * d[i];
    }
    tile.class_a[k] += sum_a;
    tile.class_distances[k] += sum_ad;
  }
  // One difference for both gradients: it adds to the sample's and is taken from the class's.
  for (int64_t d = 0; d < D; d++) {
    const Vector<T> x0 = load(tile.x + d * W), x1 = load(tile.x + d * W + L);
    Vector<T> sum0 = {}, sum1 = {};
    for (int64_t k = 0; k < K; k++) {
      const T mu = tile.mu.data[k * tile.mu.stride + d];
      const Vector<T> t0 = load(tile.w + k * W) * (x0 - mu),
                      t1 = load(tile.w + k * W + L) * (x1 - mu);
      sum0 += t0;
      sum1 += t1;
      T* means = tile.means + (d * K + k) * L;
      store(means, load(static_cast<const T*>(means)) - (t0 + t1));
    }
    store(tile.features + d * W, sum0);
    store(tile.features + d * W + L, sum1);
  }
}

// The sums over a class's lanes: to (K, D) from (D, K, lanes). Transposed, those of a register's
// worth of dimensions are made together.
template <typename T>
void small_means(const T* sums, int64_t classes, int64_t dims, T* means) {
  constexpr int L = lanes<T>;
  int64_t d = 0;
  for (; d + L <= dims; d += L) {
    for (int64_t k = 0; k < classes; k++) {
      Vector<T> rows[L], sum = {};
      for (int e = 0; e < L; e++) rows[e] = load(sums + ((d + e) * classes + k) * L);
      transpose<T, L / 2>(rows);
      for (int e = 0; e < L; e++) sum += rows[e];
      store(means + k * dims + d, sum);
    }
  }
  for (; d < dims; d++) {
    for (int64_t k = 0; k < classes; k++) {
      means[k * dims + d] = static_cast<T>(sum_lanes<T>(load(sums + (d * classes + k) * L)));
    }
  }
}

// One panel's gradients, (D, width), to rows.
template <typename T>
void unpack_samples(const T* panel, int64_t rows, int64_t dims, T* out) {
  constexpr int W = width<T>, L = lanes<T>;
  int64_t d = 0;
  for (; d + L <= dims; d += L) {
    for (int half = 0; half < 2; half++) {
      Vector<T> block[L];
      for (int e = 0; e < L; e++) block[e] = load(panel + (d + e) * W + half * L);
      transpose<T, L / 2>(block);
      for (int64_t r = 0; r < L && half * L + r < rows; r++)
        store(out + (half * L + r) * dims + d, block[r]);
    }
  }
  for (; d < dims; d++) {
    for (int64_t r = 0; r < rows; r++) out[r * dims + d] = panel[d * W + r];
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
