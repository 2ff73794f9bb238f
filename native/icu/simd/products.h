// Weighted sums of differences, sum_j w_rj (p_r - q_j): with p = x and q = mu the gradient of the
// features, with p = mu and q = x that of the means. In direct form too, for the reason in
// distances.h.
//
// Dimensions are on the vector lanes, two registers' width at a time. The sources' values are
// packed; each group of outputs has its own list of the sources whose weight is not zero for all of
// it, so that what the softmax has decided costs nothing. Leaving out an exact zero changes no
// result.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

constexpr int output_group = ICU_BYTES == 64 ? 4 : 2;

template <typename T>
constexpr int product_width = 2 * lanes<T>;

// Packed sources and their scales, packed weights.
template <typename T>
constexpr int64_t product_scratch =
    2 * product_sources * product_width<T> + (product_outputs + output_group) * product_sources;

// The sources that matter to a group of outputs.
struct SourceList {
  int32_t count;
  int32_t packed[product_sources];  // where the source stands among the packed ones
};

template <typename T, bool scaled, bool squared>
ICU_INLINE void accumulate_group(const T (*p)[product_width<T>], const T* q, const T* u, const T* w,
                                 const SourceList& list, T (*out)[product_width<T>],
                                 T (*squares)[product_width<T>]) {
  constexpr int width = product_width<T>;
  Vector<T> own[output_group][2], total[output_group][2] = {}, square[output_group][2] = {};
#pragma GCC unroll 4
  for (int r = 0; r < output_group; r++) {
    own[r][0] = load(p[r]);
    own[r][1] = load(p[r] + lanes<T>);
  }
  for (int32_t n = 0; n < list.count; n++) {
    const int64_t at = static_cast<int64_t>(list.packed[n]) * width;
    const Vector<T> q0 = load(q + at), q1 = load(q + at + lanes<T>);
    Vector<T> u0 = {}, u1 = {};
    if constexpr (scaled) {
      u0 = load(u + at);
      u1 = load(u + at + lanes<T>);
    }
#pragma GCC unroll 4
    for (int r = 0; r < output_group; r++) {
      const T weight = w[n * output_group + r];
      Vector<T> t0 = own[r][0] - q0, t1 = own[r][1] - q1;
      if constexpr (scaled) {
        t0 *= u0;
        t1 *= u1;
      }
      if constexpr (squared) {
        const Vector<T> w0 = weight * t0, w1 = weight * t1;
        total[r][0] += w0;
        total[r][1] += w1;
        square[r][0] += w0 * t0;
        square[r][1] += w1 * t1;
      } else {
        total[r][0] += weight * t0;
        total[r][1] += weight * t1;
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < output_group; r++) {
    store(out[r], total[r][0]);
    store(out[r] + lanes<T>, total[r][1]);
    if constexpr (squared) {
      store(squares[r], square[r][0]);
      store(squares[r] + lanes<T>, square[r][1]);
    }
  }
}

// Copies `count` elements and fills up to the width with zeros. The full width is two registers: a
// loop over it becomes a call or a `rep movs`, which cost more than the products of a source.
template <typename T>
ICU_INLINE void pack(const T* from, int64_t count, T* to) {
  if (count == product_width<T>) {
    const Vector<T> low = load(from), high = load(from + lanes<T>);
    store(to, low);
    store(to + lanes<T>, high);
    return;
  }
  for (int64_t d = 0; d < count; d++) to[d] = from[d];
  for (int64_t d = count; d < product_width<T>; d++) to[d] = 0;
}

template <typename T>
ICU_INLINE void add_to(T* to, const T* values, int64_t count) {
  if (count == product_width<T>) {
    const Vector<T> low = load(to) + load(values);
    const Vector<T> high = load(to + lanes<T>) + load(values + lanes<T>);
    store(to, low);
    store(to + lanes<T>, high);
    return;
  }
  for (int64_t e = 0; e < count; e++) to[e] += values[e];
}

template <typename T, bool scaled, bool squared>
void products_of(const ProductTile<T>& tile) {
  constexpr int width = product_width<T>;
  constexpr int64_t groups_max = product_outputs / output_group;
  const int64_t groups = (tile.outputs + output_group - 1) / output_group;
  T* q = tile.scratch;
  T* u = q + product_sources * width;
  T* w = u + product_sources * width;

  // Sources with a weight that is not zero for some output, and where they are packed.
  int32_t place[product_sources], sources[product_sources], used = 0;
  SourceList lists[groups_max];
  for (int64_t g = 0; g < groups; g++) lists[g].count = 0;
  for (int64_t j = 0; j < tile.sources; j++) {
    place[j] = -1;
    for (int64_t g = 0; g < groups; g++) {
      SourceList& list = lists[g];
      T* weights = w + (g * product_sources + list.count) * output_group;
      bool any = false;
      for (int64_t r = 0; r < output_group; r++) {
        const int64_t output = g * output_group + r;
        const T weight =
            output < tile.outputs ? tile.w[output * tile.w_output + j * tile.w_source] : T(0);
        weights[r] = weight;
        any |= weight != 0;
      }
      if (!any) continue;
      if (place[j] < 0) {
        sources[used] = static_cast<int32_t>(j);
        place[j] = used++;
      }
      list.packed[list.count++] = place[j];
    }
  }
  if (used == 0) return;

  for (int64_t d = tile.first; d < tile.first + tile.dims; d += width) {
    const int64_t left = tile.first + tile.dims - d, count = left < width ? left : width;
    for (int32_t n = 0; n < used; n++) {
      pack(tile.q.data + sources[n] * tile.q.stride + d, count, q + n * width);
      if constexpr (scaled) {
        T scale[width];
        inverse_variances(tile.s.data + sources[n] * tile.s.stride + d, tile.bounds, count, scale);
        pack(scale, count, u + n * width);
      }
    }
    for (int64_t g = 0; g < groups; g++) {
      if (lists[g].count == 0) continue;
      T p[output_group][width], out[output_group][width], squares[output_group][width];
      for (int64_t r = 0; r < output_group; r++) {
        const int64_t output = g * output_group + r;
        pack(tile.p.data + (output < tile.outputs ? output : 0) * tile.p.stride + d, count, p[r]);
      }
      accumulate_group<T, scaled, squared>(p, q, u, w + g * product_sources * output_group,
                                           lists[g], out, squares);
      for (int64_t r = 0; r < output_group && g * output_group + r < tile.outputs; r++) {
        T* to = tile.out.data + (g * output_group + r) * tile.out.stride + d;
        add_to(to, out[r], count);
        if constexpr (squared) {
          T* to_squares = tile.squares.data + (g * output_group + r) * tile.squares.stride + d;
          add_to(to_squares, squares[r], count);
        }
      }
    }
  }
}

template <typename T>
void products(const ProductTile<T>& tile) {
  if (tile.s.data) {
    products_of<T, true, false>(tile);
  } else if (tile.squares.data) {
    products_of<T, false, true>(tile);
  } else {
    products_of<T, false, false>(tile);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
