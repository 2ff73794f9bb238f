// Weighted sums of differences, sum_n w_rn (p'_r - b_n): with p = x and b = mu the gradient of the
// features, with p = mu and b = x that of the means. Dimensions are on the vector lanes, two
// registers of them, for `group` outputs r at a time.
//
// Only sources whose weight is not zero for the whole group take part: what the softmax has decided
// costs nothing, and leaving out an exact zero changes no result.
#pragma once

#include "samples.h"

namespace icu::ICU_ISA {
namespace {

// Whether any bit but the sign is set: 0 and -0 are zero, NaN is not.
ICU_INLINE uint32_t magnitude(float x) { return __builtin_bit_cast(uint32_t, x) << 1; }
ICU_INLINE uint64_t magnitude(double x) { return __builtin_bit_cast(uint64_t, x) << 1; }

// Weights of which a source's are far apart, a register of sources at a time.
template <typename T>
int64_t pack_columns(const PackTile<T>& tile) {
  constexpr int L = lanes<T>;
  int64_t count = 0;
  for (int64_t first = 0; first < tile.sources; first += L) {
    const int64_t sources = tile.sources - first < L ? tile.sources - first : L;
    Vector<T> rows[L] = {};
    typename Places<T>::type any = {};
    for (int64_t r = 0; r < tile.outputs; r++) {
      const T* from = tile.w + r * tile.output_stride + first;
      if (sources == L) {
        rows[r] = load(from);
      } else {
        for (int64_t n = 0; n < sources; n++) rows[r][n] = from[n];
      }
      any |= rows[r] != 0;
    }
    transpose<T, L / 2>(rows);
    for (int64_t n = 0; n < sources; n++) {
      __builtin_memcpy(tile.packed + count * group, &rows[n], group * sizeof(T));
      tile.list[count] = static_cast<int32_t>(first + n);
      count += tile.all || any[n] != 0;
    }
  }
  return count;
}

template <typename T>
int64_t pack_weights(const PackTile<T>& tile) {
  if constexpr (lanes<T> >= group) {
    if (tile.source_stride == 1) return pack_columns(tile);
  }
  const int64_t outputs = tile.outputs, output_stride = tile.output_stride;
  const bool together = outputs == group && output_stride == 1;
  int64_t count = 0;
  for (int64_t n = 0; n < tile.sources; n++) {
    const T* from = tile.w + n * tile.source_stride;
    T weights[group] = {};
    if (together) {
      __builtin_memcpy(weights, from, sizeof weights);
    } else {
      for (int64_t r = 0; r < outputs; r++) weights[r] = from[r * output_stride];
    }
    decltype(magnitude(T())) any = tile.all;
#pragma omp simd reduction(| : any)
    for (int r = 0; r < group; r++) any |= magnitude(weights[r]);
    __builtin_memcpy(tile.packed + count * group, weights, sizeof weights);
    tile.list[count] = static_cast<int32_t>(n);
    count += any != 0;
  }
  return count;
}

template <typename T>
void pack_centred(const T* from, const T* centre, int64_t dims, T* to) {
  if (dims == width<T>) {
    store(to, load(from) - load(centre));
    store(to + lanes<T>, load(from + lanes<T>) - load(centre + lanes<T>));
    return;
  }
  for (int64_t d = 0; d < dims; d++) to[d] = from[d] - centre[d];
  for (int64_t d = dims; d < width<T>; d++) to[d] = 0;
}

template <typename T>
void pack_scaled(const T* from, const T* centre, const T* s, Bounds<T> bounds, int64_t dims, T* v,
                 T* product) {
  if (dims == width<T>) {
    inverse_variances(s, bounds, width<T>, v);
  } else {
    inverse_variances(s, bounds, dims, v);
    for (int64_t d = dims; d < width<T>; d++) v[d] = 0;
  }
  Vector<T> p[2], c[2];
  load_dims(from, dims, p);
  load_dims(centre, dims, c);
  store(product, load(static_cast<const T*>(v)) * (p[0] - c[0]));
  store(product + lanes<T>, load(static_cast<const T*>(v) + lanes<T>) * (p[1] - c[1]));
}

// The lines that the end of a product reads and writes, asked for at its beginning: rows are far
// apart in memory.
template <typename T>
ICU_INLINE void prefetch_rows(const T* data, int64_t stride, int64_t rows) {
  for (int64_t r = 0; r < rows; r++) {
    const T* row = data + r * stride;
    __builtin_prefetch(row);
    __builtin_prefetch(row + width<T> - 1);
  }
}

template <typename T>
void product(const ProductTile<T>& tile) {
  prefetch_rows(static_cast<const T*>(tile.out.data), tile.out.stride, tile.outputs);
  if (tile.scale) prefetch_rows(tile.p.data, tile.p.stride, tile.outputs);
  Vector<T> total[group][2] = {};
  const int32_t* list = tile.list;
  const T* w = tile.w;
  const T* b = tile.b;
  for (int64_t n = 0; n < tile.count; n++) {
    const T* from = b + static_cast<int64_t>(list[n]) * width<T>;
    const Vector<T> b0 = load(from), b1 = load(from + lanes<T>);
#pragma GCC unroll 12
    for (int r = 0; r < group; r++) {
      const T weight = w[n * group + r];
      total[r][0] += weight * b0;
      total[r][1] += weight * b1;
    }
  }
  T sums[group][width<T>];
#pragma GCC unroll 12
  for (int r = 0; r < group; r++) {
    store(sums[r], total[r][0]);
    store(sums[r] + lanes<T>, total[r][1]);
  }
  Vector<T> centre[2];
  load_dims(tile.centre, tile.dims, centre);
  for (int64_t r = 0; r < tile.outputs; r++) {
    T* out = tile.out.data + r * tile.out.stride;
    Vector<T> value[2] = {-load(sums[r]), -load(sums[r] + lanes<T>)};
    if (tile.add) {
      Vector<T> before[2];
      load_dims(static_cast<const T*>(out), tile.dims, before);
      value[0] += before[0];
      value[1] += before[1];
    }
    if (tile.scale) {
      Vector<T> p[2];
      load_dims(tile.p.data + r * tile.p.stride, tile.dims, p);
      value[0] += tile.scale[r] * (p[0] - centre[0]);
      value[1] += tile.scale[r] * (p[1] - centre[1]);
    }
    store_dims(out, tile.dims, value[0], value[1]);
  }
}

// Two sums share a group's weights, half a group of outputs at a time.
constexpr int half = group / 2;

template <typename T>
void diagonal_features(const DiagonalFeatureTile<T>& tile) {
  Vector<T> centre[2];
  load_dims(tile.centre, tile.dims, centre);
  for (int64_t first = 0; first < tile.outputs; first += half) {
    Vector<T> sum_v[half][2] = {}, sum_b[half][2] = {};
    for (int64_t n = 0; n < tile.count; n++) {
      const int64_t at = static_cast<int64_t>(tile.list[n]) * width<T>;
      const Vector<T> v0 = load(tile.v + at), v1 = load(tile.v + at + lanes<T>);
      const Vector<T> b0 = load(tile.b + at), b1 = load(tile.b + at + lanes<T>);
#pragma GCC unroll 6
      for (int r = 0; r < half; r++) {
        const T weight = tile.w[n * group + first + r];
        sum_v[r][0] += weight * v0;
        sum_v[r][1] += weight * v1;
        sum_b[r][0] += weight * b0;
        sum_b[r][1] += weight * b1;
      }
    }
    T sums[2][half][width<T>];
#pragma GCC unroll 6
    for (int r = 0; r < half; r++) {
      store(sums[0][r], sum_v[r][0]);
      store(sums[0][r] + lanes<T>, sum_v[r][1]);
      store(sums[1][r], sum_b[r][0]);
      store(sums[1][r] + lanes<T>, sum_b[r][1]);
    }
    for (int64_t r = 0; r < half && first + r < tile.outputs; r++) {
      T* out = tile.out.data + (first + r) * tile.out.stride;
      Vector<T> p[2], value[2] = {};
      load_dims(tile.p.data + (first + r) * tile.p.stride, tile.dims, p);
      if (tile.add) load_dims(static_cast<const T*>(out), tile.dims, value);
      value[0] += (p[0] - centre[0]) * load(sums[0][r]) - load(sums[1][r]);
      value[1] += (p[1] - centre[1]) * load(sums[0][r] + lanes<T>) - load(sums[1][r] + lanes<T>);
      store_dims(out, tile.dims, value[0], value[1]);
    }
  }
}

// (x - mu)^2 as x^2 - 2 x mu + mu^2 has an error of about epsilon times its largest term.
template <typename T>
constexpr T expandable = 64;

template <typename T, bool expanded>
ICU_INLINE void class_sums(const DiagonalClassTile<T>& tile, int64_t first, const T (*mu)[width<T>],
                           T (*sums)[width<T>], T (*squares)[width<T>]) {
  Vector<T> sum[half][2] = {}, square[half][2] = {};
  for (int64_t n = 0; n < tile.count; n++) {
    const int64_t at = static_cast<int64_t>(tile.list[n]) * width<T>;
    const Vector<T> b0 = load(tile.b + at), b1 = load(tile.b + at + lanes<T>);
    const Vector<T> square0 = b0 * b0, square1 = b1 * b1;
#pragma GCC unroll 6
    for (int r = 0; r < half; r++) {
      const T weight = tile.w[n * group + first + r];
      if constexpr (expanded) {
        sum[r][0] += weight * b0;
        sum[r][1] += weight * b1;
        square[r][0] += weight * square0;
        square[r][1] += weight * square1;
      } else {
        const Vector<T> t0 = b0 - load(mu[r]), t1 = b1 - load(mu[r] + lanes<T>);
        const Vector<T> w0 = weight * t0, w1 = weight * t1;
        sum[r][0] += w0;
        sum[r][1] += w1;
        square[r][0] += w0 * t0;
        square[r][1] += w1 * t1;
      }
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < half; r++) {
    store(sums[r], sum[r][0]);
    store(sums[r] + lanes<T>, sum[r][1]);
    store(squares[r], square[r][0]);
    store(squares[r] + lanes<T>, square[r][1]);
  }
}

template <typename T>
void diagonal_classes(const DiagonalClassTile<T>& tile) {
  constexpr int W = width<T>, L = lanes<T>;
  Vector<T> centre[2], largest[2];
  load_dims(tile.centre, tile.dims, centre);
  load_dims(tile.largest, tile.dims, largest);
  for (int64_t first = 0; first < tile.outputs; first += half) {
    const int64_t outputs = tile.outputs - first < half ? tile.outputs - first : half;
    const T* v = tile.v + first * W;
    T mu[half][W] = {}, sums[half][W], squares[half][W];
    typename Places<T>::type large = {};
    for (int64_t r = 0; r < outputs; r++) {
      Vector<T> m[2];
      load_dims(tile.mu.data + (first + r) * tile.mu.stride, tile.dims, m);
      for (int h = 0; h < 2; h++) {
        m[h] -= centre[h];
        store(mu[r] + h * L, m[h]);
        const Vector<T> scale = largest[h] * largest[h] + m[h] * m[h];
        large |= ~(load(v + r * W + h * L) * scale <= expandable<T>);
      }
    }
    bool small = true;
    for (int i = 0; i < L; i++) small &= large[i] == 0;
    if (small) {
      class_sums<T, true>(tile, first, mu, sums, squares);
    } else {
      class_sums<T, false>(tile, first, mu, sums, squares);
    }
    for (int64_t r = 0; r < outputs; r++) {
      const T weight = static_cast<T>(tile.class_weights[first + r]);
      const T sum_h = static_cast<T>(tile.sum_h[first + r]);
      Vector<T> means[2], log_variances[2];
      for (int h = 0; h < 2; h++) {
        Vector<T> sum = load(sums[r] + h * L), square = load(squares[r] + h * L);
        if (small) {
          const Vector<T> m = load(mu[r] + h * L);
          square += m * (m * weight - 2 * sum);
          sum -= m * weight;
        }
        const Vector<T> inverse = load(v + r * W + h * L);
        means[h] = -inverse * sum;
        log_variances[h] = T(0.5) * (sum_h - inverse * square);
      }
      if (tile.means.data) {
        T* out = tile.means.data + (first + r) * tile.means.stride;
        store_dims(out, tile.dims, means[0], means[1]);
      }
      if (tile.log_variances.data) {
        T* out = tile.log_variances.data + (first + r) * tile.log_variances.stride;
        store_dims(out, tile.dims, log_variances[0], log_variances[1]);
      }
    }
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
