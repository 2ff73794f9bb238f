// Samples on the vector lanes: rows of a batch become panels of columns.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

// Rows become columns: in each step the halves of rows `half` apart change places.
template <typename T, int half>
ICU_INLINE void transpose(Vector<T> (&rows)[lanes<T>]) {
  typename Places<T>::type low, high;
  for (int e = 0; e < lanes<T>; e++) {
    const bool upper = e & half;
    low[e] = upper ? lanes<T> + e - half : e;
    high[e] = upper ? lanes<T> + e : e + half;
  }
#pragma GCC unroll 16
  for (int r = 0; r < lanes<T>; r++) {
    if (r & half) continue;
    const Vector<T> a = rows[r], b = rows[r + half];
    rows[r] = __builtin_shuffle(a, b, low);
    rows[r + half] = __builtin_shuffle(a, b, high);
  }
  if constexpr (half > 1) transpose<T, half / 2>(rows);
}

template <typename T>
void pack_samples(const SamplePanel<T>& panel) {
  constexpr int W = width<T>, L = lanes<T>;
  for (int64_t r = 0; r < panel.rows; r++) panel.squares[r] = 0;
  for (int64_t first = 0; first < panel.dims; first += block_dims) {
    if (first == block_dims) {
      for (int64_t r = 0; r < panel.rows; r++) panel.first_squares[r] = panel.squares[r];
    }
    const int64_t dims = panel.dims - first < block_dims ? panel.dims - first : block_dims;
    T* out = panel.out + first * panel.together + panel.before * dims;
    const T* centre = panel.centre + first;
    if (dims < L / 2) {  // not worth a transposition
      for (int64_t r = 0; r < W; r++) {
        const T* x = panel.x.data + r * panel.x.stride + first;
        for (int64_t d = 0; d < dims; d++) {
          const T value = r < panel.rows ? x[d] - centre[d] : T(0);
          out[d * W + r] = value;
          if (r < panel.rows)
            panel.squares[r] += static_cast<double>(value) * static_cast<double>(value);
        }
      }
      continue;
    }
    // |x'|^2 of each row: T over the lanes' own dimensions of the block, float64 from there.
    Vector<T> squares[W] = {};
    for (int64_t d = 0; d < dims; d += L) {
      const int64_t count = dims - d < L ? dims - d : L;
      Vector<T> c = {};
      for (int64_t e = 0; e < count; e++) c[e] = centre[d + e];
      for (int half = 0; half < 2; half++) {
        Vector<T> rows[L];
        for (int r = 0; r < L; r++) {
          const int64_t row = half * L + r;
          const T* x = panel.x.data + row * panel.x.stride + first + d;
          if (row >= panel.rows) {
            rows[r] = Vector<T>{};
          } else if (count == L) {
            rows[r] = load(x) - load(centre + d);
          } else {
            rows[r] = Vector<T>{};
            for (int64_t e = 0; e < count; e++) rows[r][e] = x[e] - c[e];
          }
          squares[row] += rows[r] * rows[r];
        }
        transpose<T, L / 2>(rows);
        for (int64_t e = 0; e < count; e++) store(out + (d + e) * W + half * L, rows[e]);
      }
    }
    for (int64_t r = 0; r < panel.rows; r++) {
      for (int e = 0; e < L; e++) panel.squares[r] += static_cast<double>(squares[r][e]);
    }
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
