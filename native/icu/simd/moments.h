// The moments of a class's rows in the batch, and the gradients of what is made of them. Sums over
// rows are of differences to the class's own mean, so what rows and mean have in common loses no
// digits.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

// Blocks of `width` dimensions whose sums are made in T before they are added up in float64.
constexpr int moment_blocks = 8;
// Rows of a class, likewise.
constexpr int64_t moment_rows = 512;

// What the moments of a diagonal covariance are made of in one block of dimensions.
template <typename T>
ICU_INLINE void diagonal_moments(const MomentTile<T>& m, int64_t first, int64_t dims, const T* t,
                                 const T* square, MomentSums& sums) {
  const T share = T(1) / static_cast<T>(m.count), own = m.batch ? static_cast<T>(m.count) : T(0);
  const T* s = m.s + first;
  const Bounds<T> bounds = m.bounds;
  T *to_square = m.square + first, *to_v = m.v + first, *to_e = m.e + first;
  T spread = 0, error = 0;
#pragma omp simd reduction(+ : spread, error)
  for (int64_t d = 0; d < dims; d++) {
    const T v = inverse_variance(s[d], bounds), e = T(1) / v - share * square[d];
    to_square[d] = square[d];
    to_v[d] = v;
    to_e[d] = e;
    error += e * e;
    spread += v * (square[d] + own * t[d] * t[d]);
  }
  sums.spread += static_cast<double>(spread);
  sums.error += static_cast<double>(error);
}

template <typename T, bool diagonal>
MomentSums moments_of(const MomentTile<T>& m) {
  constexpr int W = width<T>, L = lanes<T>;
  const T share = T(1) / static_cast<T>(m.count);
  MomentSums sums{};
  Vector<T> mean = {}, spread = {};  // of the blocks since the last that went into `sums`
  for (int64_t first = 0, block = 1; first < m.dims; first += W, block++) {
    const int64_t dims = m.dims - first < W ? m.dims - first : W;
    Vector<T> mu[2], t[2] = {}, square[2] = {};
    load_dims(m.mu + first, dims, mu);
    // sum_i (x_i - mu + shift) and sum_i (x_i - mu + shift)^2
    const auto add_rows = [&](Vector<T> shift0, Vector<T> shift1) ICU_INLINE_LAMBDA {
      Vector<T>* const parts[4] = {&t[0], &t[1], &square[0], &square[1]};
      Wide<T> totals[4] = {};
      for (int64_t from = 0; from < m.count; from += moment_rows) {
        const int64_t end = m.count - from < moment_rows ? m.count : from + moment_rows;
        for (Vector<T>* part : parts) *part = Vector<T>{};
        for (int64_t n = from; n < end; n++) {
          Vector<T> x[2];
          load_dims(m.x.data + m.rows[n] * m.x.stride + first, dims, x);
          const Vector<T> d0 = x[0] - mu[0] + shift0, d1 = x[1] - mu[1] + shift1;
          t[0] += d0;
          t[1] += d1;
          square[0] += d0 * d0;
          square[1] += d1 * d1;
        }
        if (m.count <= moment_rows) return;  // one part, with nothing to add
        for (int i = 0; i < 4; i++) totals[i] += __builtin_convertvector(*parts[i], Wide<T>);
      }
      for (int i = 0; i < 4; i++) *parts[i] = __builtin_convertvector(totals[i], Vector<T>);
    };
    add_rows(Vector<T>{}, Vector<T>{});
    const Vector<T> t0 = t[0] * -share, t1 = t[1] * -share;
    if (m.batch) add_rows(t0, t1);
    store_dims(m.t + first, dims, t0, t1);
    mean += t0 * t0 + t1 * t1;
    if constexpr (diagonal) {
      T differences[W], squares[W];
      store(differences, t0);
      store(differences + L, t1);
      store(squares, square[0]);
      store(squares + L, square[1]);
      diagonal_moments(m, first, dims, differences, squares, sums);
    } else {
      spread += square[0] + square[1];
    }
    if (block % moment_blocks == 0 || first + W >= m.dims) {
      sums.mean += sum_lanes<T>(mean);
      sums.spread += sum_lanes<T>(spread);
      mean = spread = Vector<T>{};
    }
  }
  return sums;
}

template <typename T>
MomentSums moments(const MomentTile<T>& m) {
  return m.s ? moments_of<T, true>(m) : moments_of<T, false>(m);
}

template <typename T, bool diagonal>
void moment_gradients_of(const MomentTile<T>& m, const MomentGradients<T>& g) {
  const int64_t dims = m.dims;
  const T *mu = m.mu, *t = m.t, *square = m.square, *inverse = m.v, *error = m.e;
  const bool weighted = g.weighted;
  const auto e = [=](int64_t d) ICU_INLINE_LAMBDA { return diagonal ? error[d] : T(1); };
  const auto v = [=](int64_t d)
                     ICU_INLINE_LAMBDA { return diagonal && weighted ? inverse[d] : T(1); };
  if (g.features.data) {
    const T mean = g.feature_mean, spread = g.feature_spread, likelihood = g.feature_likelihood;
    const T shift = m.batch ? T(1) : T(0);
    for (int64_t n = 0; n < m.count; n++) {
      const T* x = m.x.data + m.rows[n] * m.x.stride;
      T* out = g.features.data + m.rows[n] * g.features.stride;
#pragma omp simd
      for (int64_t d = 0; d < dims; d++) {
        const T difference = x[d] - mu[d];
        out[d] += mean * t[d] + spread * e(d) * (difference + shift * t[d]) +
                  likelihood * v(d) * difference;
      }
    }
  }
  if (g.means) {
    const T mean = g.mean_mean, spread = g.mean_spread;
    const T likelihood = g.feature_likelihood * static_cast<T>(m.count);
    T* out = g.means;
#pragma omp simd
    for (int64_t d = 0; d < dims; d++) out[d] += (mean + spread * e(d) + likelihood * v(d)) * t[d];
  }
  if (diagonal && g.log_variances) {
    const T spread = g.variance_spread, likelihood = g.variance_likelihood;
    const T count = g.variance_count, own = m.batch ? static_cast<T>(m.count) : T(0);
    T* out = g.log_variances;
#pragma omp simd
    for (int64_t d = 0; d < dims; d++) {
      const T squares = square[d] + own * t[d] * t[d];
      out[d] += spread * error[d] / inverse[d] + likelihood * (count - inverse[d] * squares);
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
