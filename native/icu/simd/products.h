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
void pack_centred(const T* from, const T* centre, int64_t dims, T* to, int64_t apart) {
  Vector<T> p[2], c[2];
  load_dims(from, dims, p);
  load_dims(centre, dims, c);
  store(to, p[0] - c[0]);
  store(to + apart, p[1] - c[1]);
}

template <typename T>
void pack_scaled(const T* from, const T* centre, const T* s, Bounds<T> bounds, int64_t dims, T* v,
                 T* product, int64_t apart) {
  T inverse[width<T>] = {};
  if (dims == width<T>) {
    inverse_variances(s, bounds, width<T>, inverse);
  } else {
    inverse_variances(s, bounds, dims, inverse);
  }
  Vector<T> p[2], c[2];
  load_dims(from, dims, p);
  load_dims(centre, dims, c);
  for (int h = 0; h < 2; h++) {
    const Vector<T> scale = load(static_cast<const T*>(inverse) + h * lanes<T>);
    store(v + h * apart, scale);
    store(product + h * apart, scale * (p[h] - c[h]));
  }
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

// Sources that are summed one after the other: a sum over more of them, which may be all rows of a
// data set, is one of such sums, and loses fewer digits.
constexpr int64_t sum_sources = 1024;

// A part of such a sum: the first, or a further one.
template <typename T>
ICU_INLINE void put(T* sum, Vector<T> part, bool further) {
  store(sum, further ? load(static_cast<const T*>(sum)) + part : part);
}

template <typename T>
void product(const ProductTile<T>& tile) {
  prefetch_rows(static_cast<const T*>(tile.out.data), tile.out.stride, tile.outputs);
  if (tile.scale) prefetch_rows(tile.p.data, tile.p.stride, tile.outputs);
  const int32_t* list = tile.list;
  const T* w = tile.w;
  const T* b = tile.b;
  T sums[group][width<T>];
  int64_t first = 0;
  do {
    const int64_t end = tile.count - first < sum_sources ? tile.count : first + sum_sources;
    Vector<T> total[group][2] = {};
    for (int64_t n = first; n < end; n++) {
      const T* from = b + static_cast<int64_t>(list[n]) * width<T>;
      const Vector<T> b0 = load(from), b1 = load(from + lanes<T>);
#pragma GCC unroll 12
      for (int r = 0; r < group; r++) {
        const T weight = w[n * group + r];
        total[r][0] += weight * b0;
        total[r][1] += weight * b1;
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < group; r++) {
      put(sums[r], total[r][0], first > 0);
      put(sums[r] + lanes<T>, total[r][1], first > 0);
    }
    first = end;
  } while (first < tile.count);
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

// Two sums share a group's weights, a register of dimensions at a time: as many accumulators, and a
// panel of half the width, which stays in the first cache together with its twin.
template <typename T>
void diagonal_features(const DiagonalFeatureTile<T>& tile) {
  constexpr int L = lanes<T>;
  prefetch_rows(static_cast<const T*>(tile.out.data), tile.out.stride, tile.outputs);
  prefetch_rows(tile.p.data, tile.p.stride, tile.outputs);
  const int32_t* list = tile.list;
  const T *w = tile.w, *v = tile.v, *b = tile.b;
  for (int64_t first = 0; first < tile.dims; first += L, v += tile.apart, b += tile.apart) {
    const int64_t dims = tile.dims - first < L ? tile.dims - first : L;
    Vector<T> sum_v[group] = {}, sum_b[group] = {};
    for (int64_t n = 0; n < tile.count; n++) {
      const int64_t at = static_cast<int64_t>(list[n]) * L;
      const Vector<T> of_v = load(v + at), of_b = load(b + at);
#pragma GCC unroll 12
      for (int r = 0; r < group; r++) {
        const T weight = w[n * group + r];
        sum_v[r] += weight * of_v;
        sum_b[r] += weight * of_b;
      }
    }
    T sums_v[group][L], sums_b[group][L];
#pragma GCC unroll 12
    for (int r = 0; r < group; r++) {
      store(sums_v[r], sum_v[r]);
      store(sums_b[r], sum_b[r]);
    }
    const Vector<T> centre = load_some(tile.centre + first, dims);
    for (int64_t r = 0; r < tile.outputs; r++) {
      T* out = tile.out.data + r * tile.out.stride + first;
      const Vector<T> p = load_some(tile.p.data + r * tile.p.stride + first, dims);
      Vector<T> value = {};
      if (tile.add) value = load_some(static_cast<const T*>(out), dims);
      value += (p - centre) * load(sums_v[r]) - load(sums_b[r]);
      store_some(out, dims, value);
    }
  }
}

// (x - mu)^2 as x^2 - 2 x mu + mu^2 has an error of about epsilon times its largest term.
template <typename T>
constexpr T expandable = 64;

// sum_n w_nr x_n and sum_n w_nr x_n^2, or of x_n - mu_r.
template <typename T, bool expanded>
ICU_INLINE void class_sums(const DiagonalClassTile<T>& tile, const T* b, const T (*mu)[lanes<T>],
                           T (*sums)[lanes<T>], T (*squares)[lanes<T>]) {
  const int32_t* list = tile.list;
  const T* w = tile.w;
  int64_t first = 0;
  do {
    const int64_t end = tile.count - first < sum_sources ? tile.count : first + sum_sources;
    Vector<T> sum[group] = {}, square[group] = {};
    for (int64_t n = first; n < end; n++) {
      const Vector<T> x = load(b + static_cast<int64_t>(list[n]) * lanes<T>), x_square = x * x;
#pragma GCC unroll 12
      for (int r = 0; r < group; r++) {
        const T weight = w[n * group + r];
        if constexpr (expanded) {
          sum[r] += weight * x;
          square[r] += weight * x_square;
        } else {
          const Vector<T> t = x - load(mu[r]), weighted = weight * t;
          sum[r] += weighted;
          square[r] += weighted * t;
        }
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < group; r++) {
      put(sums[r], sum[r], first > 0);
      put(squares[r], square[r], first > 0);
    }
    first = end;
  } while (first < tile.count);
}

template <typename T>
void diagonal_classes(const DiagonalClassTile<T>& tile) {
  constexpr int L = lanes<T>;
  const T *means = tile.means.data, *log_variances = tile.log_variances.data;
  if (means) prefetch_rows(means, tile.means.stride, tile.outputs);
  if (log_variances) prefetch_rows(log_variances, tile.log_variances.stride, tile.outputs);
  const T *b = tile.b, *v = tile.v;
  for (int64_t first = 0; first < tile.dims; first += L, b += tile.apart, v += tile.v_apart) {
    const int64_t dims = tile.dims - first < L ? tile.dims - first : L;
    const Vector<T> centre = load_some(tile.centre + first, dims),
                    largest = load_some(tile.largest + first, dims);
    T mu[group][L] = {}, sums[group][L], squares[group][L];
    typename Places<T>::type large = {};
    for (int64_t r = 0; r < tile.outputs; r++) {
      const Vector<T> m = load_some(tile.mu.data + r * tile.mu.stride + first, dims) - centre;
      store(mu[r], m);
      large |= ~(load(v + r * L) * (largest * largest + m * m) <= expandable<T>);
    }
    bool small = true;
    for (int i = 0; i < L; i++) small &= large[i] == 0;
    if (small) {
      class_sums<T, true>(tile, b, mu, sums, squares);
    } else {
      class_sums<T, false>(tile, b, mu, sums, squares);
    }
    for (int64_t r = 0; r < tile.outputs; r++) {
      Vector<T> sum = load(sums[r]), square = load(squares[r]);
      if (small) {
        const Vector<T> m = load(mu[r]);
        const T weight = static_cast<T>(tile.class_weights[r]);
        square += m * (m * weight - 2 * sum);
        sum -= m * weight;
      }
      const Vector<T> inverse = load(v + r * L);
      if (tile.means.data) {
        store_some(tile.means.data + r * tile.means.stride + first, dims, -inverse * sum);
      }
      if (tile.log_variances.data) {
        store_some(tile.log_variances.data + r * tile.log_variances.stride + first, dims,
                   T(0.5) * (static_cast<T>(tile.sum_h[r]) - inverse * square));
      }
    }
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
