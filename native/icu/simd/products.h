// Weighted sums of differences, sum_n w_rn (p'_r - b_n): with p = x and b = mu the gradient of the
// features, with p = mu and b = x that of the means. Dimensions are on the vector lanes, two
// registers of them, for `group` outputs r at a time.
//
// Only sources whose weight is not zero for the whole group take part: what the softmax has decided
// costs nothing, and leaving out an exact zero changes no result.
#pragma once

#include "distances.h"

namespace icu::ICU_ISA {
namespace {

template <typename T>
int64_t pack_weights(const PackTile<T>& tile) {
  int64_t count = 0;
  for (int64_t n = 0; n < tile.sources; n++) {
    const T* from = tile.w + n * tile.source_stride;
    T* to = tile.packed + count * group;
    bool any = tile.all;
    if (tile.outputs == group && tile.output_stride == 1) {
      for (int r = 0; r < group; r++) to[r] = from[r];
    } else {
      for (int64_t r = 0; r < group; r++) {
        to[r] = r < tile.outputs ? from[r * tile.output_stride] : T(0);
      }
    }
    for (int r = 0; r < group; r++) any |= to[r] != 0;  // NaN counts
    tile.list[count] = static_cast<int32_t>(n);
    count += any;
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
  inverse_variances(s, bounds, dims, v);
  for (int64_t d = 0; d < dims; d++) product[d] = v[d] * (from[d] - centre[d]);
  for (int64_t d = dims; d < width<T>; d++) v[d] = product[d] = 0;
}

// Reads `count` dimensions with zeros beyond, and writes as many.
template <typename T>
ICU_INLINE void load_dims(const T* from, int64_t count, Vector<T> (&to)[2]) {
  if (count == width<T>) {
    to[0] = load(from);
    to[1] = load(from + lanes<T>);
    return;
  }
  T copy[width<T>] = {};
  for (int64_t d = 0; d < count; d++) copy[d] = from[d];
  to[0] = load(copy);
  to[1] = load(copy + lanes<T>);
}

template <typename T>
ICU_INLINE void store_dims(T* to, int64_t count, Vector<T> v0, Vector<T> v1) {
  if (count == width<T>) {
    store(to, v0);
    store(to + lanes<T>, v1);
    return;
  }
  T copy[width<T>];
  store(copy, v0);
  store(copy + lanes<T>, v1);
  for (int64_t d = 0; d < count; d++) to[d] = copy[d];
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
  constexpr int W = width<T>;
  for (int64_t first = 0; first < tile.outputs; first += half) {
    const int64_t outputs = tile.outputs - first < half ? tile.outputs - first : half;
    T mu[half][W] = {}, v[half][W] = {}, sums[half][W], squares[half][W];
    bool small = true;
    for (int64_t r = 0; r < outputs; r++) {
      const T* from = tile.mu.data + (first + r) * tile.mu.stride;
      inverse_variances(tile.s.data + (first + r) * tile.s.stride, tile.bounds, tile.dims, v[r]);
      for (int64_t d = 0; d < tile.dims; d++) {
        mu[r][d] = from[d] - tile.centre[d];
        const T scale = tile.largest[d] * tile.largest[d] + mu[r][d] * mu[r][d];
        small &= v[r][d] * scale <= expandable<T>;
      }
    }
    if (small) {
      class_sums<T, true>(tile, first, mu, sums, squares);
      for (int64_t r = 0; r < outputs; r++) {
        const T weight = static_cast<T>(tile.class_weights[first + r]);
        for (int64_t d = 0; d < W; d++) {
          squares[r][d] += mu[r][d] * (mu[r][d] * weight - 2 * sums[r][d]);
          sums[r][d] -= mu[r][d] * weight;
        }
      }
    } else {
      class_sums<T, false>(tile, first, mu, sums, squares);
    }
    for (int64_t r = 0; r < outputs; r++) {
      if (tile.means.data) {
        T* out = tile.means.data + (first + r) * tile.means.stride;
        for (int64_t d = 0; d < tile.dims; d++) out[d] = -v[r][d] * sums[r][d];
      }
      if (tile.log_variances.data) {
        T* out = tile.log_variances.data + (first + r) * tile.log_variances.stride;
        const double h = tile.sum_h[first + r];
        for (int64_t d = 0; d < tile.dims; d++) {
          out[d] = static_cast<T>(
              0.5 * (h - static_cast<double>(v[r][d]) * static_cast<double>(squares[r][d])));
        }
      }
    }
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
