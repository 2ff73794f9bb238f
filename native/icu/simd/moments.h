// The moments of a class's rows in the batch, and the gradients of what is made of them. Sums over
// rows are of differences to the class's own mean, so what rows and mean have in common loses no
// digits.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

// Dimensions whose sums are made in T, in registers, before they are added up in float64.
constexpr int64_t moment_block = 64;

// One block of dimensions, `size` of them: a constant where the block is full.
template <typename T, bool diagonal>
ICU_INLINE void moment_block_of(const MomentTile<T>& m, int64_t first, int64_t size,
                                MomentSums& sums) {
  const T share = T(1) / static_cast<T>(m.count);
  const T* mu = m.mu + first;
  T t[moment_block], square[moment_block];
  for (int64_t d = 0; d < size; d++) t[d] = square[d] = 0;
  for (int64_t n = 0; n < m.count; n++) {
    const T* x = m.x.data + m.rows[n] * m.x.stride + first;
#pragma omp simd
    for (int64_t d = 0; d < size; d++) {
      const T difference = x[d] - mu[d];
      t[d] += difference;
      square[d] += difference * difference;
    }
  }
  T mean = 0, spread = 0, error = 0;
#pragma omp simd reduction(+ : mean)
  for (int64_t d = 0; d < size; d++) {
    t[d] *= -share;
    m.t[first + d] = t[d];
    mean += t[d] * t[d];
  }
  if (m.batch) {
    for (int64_t d = 0; d < size; d++) square[d] = 0;
    for (int64_t n = 0; n < m.count; n++) {
      const T* x = m.x.data + m.rows[n] * m.x.stride + first;
#pragma omp simd
      for (int64_t d = 0; d < size; d++) {
        const T difference = x[d] - mu[d] + t[d];
        square[d] += difference * difference;
      }
    }
  }
  if constexpr (diagonal) {
    const T own = m.batch ? static_cast<T>(m.count) : T(0);
#pragma omp simd reduction(+ : spread, error)
    for (int64_t d = 0; d < size; d++) {
      const T v = inverse_variance(m.s[first + d], m.bounds), e = T(1) / v - share * square[d];
      m.square[first + d] = square[d];
      m.v[first + d] = v;
      m.e[first + d] = e;
      error += e * e;
      spread += v * (square[d] + own * t[d] * t[d]);
    }
  } else {
#pragma omp simd reduction(+ : spread)
    for (int64_t d = 0; d < size; d++) spread += square[d];
  }
  sums.mean += static_cast<double>(mean);
  sums.spread += static_cast<double>(spread);
  sums.error += static_cast<double>(error);
}

template <typename T, bool diagonal>
MomentSums moments_of(const MomentTile<T>& m) {
  MomentSums sums{};
  int64_t first = 0;
  for (; first + moment_block <= m.dims; first += moment_block) {
    moment_block_of<T, diagonal>(m, first, moment_block, sums);
  }
  if (first < m.dims) moment_block_of<T, diagonal>(m, first, m.dims - first, sums);
  return sums;
}

template <typename T>
MomentSums moments(const MomentTile<T>& m) {
  return m.s ? moments_of<T, true>(m) : moments_of<T, false>(m);
}

template <typename T, bool diagonal>
void moment_gradients_of(const MomentTile<T>& m, const MomentGradients<T>& g) {
  const int64_t dims = m.dims;
  const auto e = [&](int64_t d) ICU_INLINE_LAMBDA { return diagonal ? m.e[d] : T(1); };
  const auto v = [&](int64_t d)
                     ICU_INLINE_LAMBDA { return diagonal && g.weighted ? m.v[d] : T(1); };
  if (g.features.data) {
    const T shift = m.batch ? T(1) : T(0);
    for (int64_t n = 0; n < m.count; n++) {
      const T* x = m.x.data + m.rows[n] * m.x.stride;
      T* out = g.features.data + m.rows[n] * g.features.stride;
#pragma omp simd
      for (int64_t d = 0; d < dims; d++) {
        const T t = x[d] - m.mu[d];
        out[d] += g.feature_mean * m.t[d] + g.feature_spread * e(d) * (t + shift * m.t[d]) +
                  g.feature_likelihood * v(d) * t;
      }
    }
  }
  if (g.means) {
    const T likelihood = g.feature_likelihood * static_cast<T>(m.count);
#pragma omp simd
    for (int64_t d = 0; d < dims; d++) {
      g.means[d] += (g.mean_mean + g.mean_spread * e(d) + likelihood * v(d)) * m.t[d];
    }
  }
  if (diagonal && g.log_variances) {
    const T own = m.batch ? static_cast<T>(m.count) : T(0);
#pragma omp simd
    for (int64_t d = 0; d < dims; d++) {
      const T square = m.square[d] + own * m.t[d] * m.t[d];
      g.log_variances[d] += g.variance_spread * m.e[d] / m.v[d] +
                            g.variance_likelihood * (g.variance_count - m.v[d] * square);
    }
  }
}

template <typename T>
void moment_gradients(const MomentTile<T>& tile, const MomentGradients<T>& gradients) {
  if (tile.s) {
    moment_gradients_of<T, true>(tile, gradients);
  } else {
    moment_gradients_of<T, false>(tile, gradients);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
