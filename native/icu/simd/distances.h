// Direct distances: (x - mu)^2 summed in T over blocks of 64 dimensions, the blocks in float64.
// Nothing is expanded into |x|^2 - 2 x mu + |mu|^2, which for two near classes with small sigma has
// no correct digit left in float32.
//
// Classes are on the vector lanes: a panel of two registers' width of classes is packed so that one
// dimension's values are adjacent, `group` rows go through it at a time, and each (row, class) has
// an accumulator of its own.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

constexpr int64_t block_dims = 64;
constexpr int64_t panel_dims = 256;  // packed at a time; a multiple of block_dims
constexpr int group = ICU_BYTES == 64 ? 8 : 4;

template <typename T>
constexpr int panel_width = 2 * lanes<T>;

template <typename T>
int64_t distance_scratch(int64_t rows) {
  const int64_t sums =
      (rows + group) * panel_width<T> * static_cast<int64_t>(sizeof(double) / sizeof(T));
  return sums + 2 * panel_dims * panel_width<T>;
}

// The sums of one block of dimensions for `group` rows, added to sums[group][panel_width].
template <typename T, bool diagonal>
ICU_INLINE void accumulate_block(const T* const* x, const T* mu, const T* v, int64_t dims,
                                 double* sums) {
  constexpr int width = panel_width<T>;
  Vector<T> total[group][2] = {};
  for (int64_t d = 0; d < dims; d++) {
    const Vector<T> mu0 = load(mu + d * width), mu1 = load(mu + d * width + lanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < group; r++) {
      const Vector<T> t0 = mu0 - x[r][d], t1 = mu1 - x[r][d];
      if constexpr (diagonal) {
        total[r][0] += (t0 * load(v + d * width)) * t0;
        total[r][1] += (t1 * load(v + d * width + lanes<T>)) * t1;
      } else {
        total[r][0] += t0 * t0;
        total[r][1] += t1 * t1;
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < group; r++) {
    T block[width];
    store(block, total[r][0]);
    store(block + lanes<T>, total[r][1]);
    for (int c = 0; c < width; c++) sums[r * width + c] += static_cast<double>(block[c]);
  }
}

// Dimensions [first, first + dims) of classes [0, classes), one dimension's classes adjacent, zeros
// to the width.
template <typename T, bool diagonal>
void pack_panel(const DistanceTile<T>& tile, int64_t from, int64_t classes, int64_t first,
                int64_t dims, T* mu, T* v) {
  constexpr int width = panel_width<T>;
  for (int64_t c = 0; c < width; c++) {
    if (c >= classes) {
      for (int64_t d = 0; d < dims; d++) mu[d * width + c] = 0;
      if constexpr (diagonal) {
        for (int64_t d = 0; d < dims; d++) v[d * width + c] = 0;
      }
      continue;
    }
    const T* row = tile.mu.data + (from + c) * tile.mu.stride + first;
    for (int64_t d = 0; d < dims; d++) mu[d * width + c] = row[d];
    if constexpr (diagonal) {
      T inverse[panel_dims];
      inverse_variances(tile.s.data + (from + c) * tile.s.stride + first, tile.bounds, dims,
                        inverse);
      for (int64_t d = 0; d < dims; d++) v[d * width + c] = inverse[d];
    }
  }
}

// Writes d or base - d of one panel from the sums of squares.
template <typename T, bool diagonal>
void finish_panel(const DistanceTile<T>& tile, int64_t from, int64_t classes, const double* sums) {
  for (int64_t i = 0; i < tile.rows; i++) {
    const double* sum = sums + i * panel_width<T>;
    const double* log_det = tile.log_det + from;
    const double* v = diagonal ? nullptr : tile.v + from;
    T* out = tile.out.data + i * tile.out.stride + from;
    if (tile.base) {
      const double base = tile.base[i * tile.base_stride];
#pragma omp simd
      for (int64_t c = 0; c < classes; c++) {
        const double q = diagonal ? sum[c] : sum[c] * v[c];
        // q - q is 0, but NaN where q is infinite: e^-inf = 0 would hide an infinite input.
        out[c] = static_cast<T>(base - 0.5 * (q + log_det[c]) + (q - q));
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < classes; c++) {
        const double q = diagonal ? sum[c] : sum[c] * v[c];
        out[c] = static_cast<T>(0.5 * (q + log_det[c]));
      }
    }
  }
}

template <typename T, bool diagonal>
void distances_of(const DistanceTile<T>& tile) {
  constexpr int width = panel_width<T>;
  double* sums = reinterpret_cast<double*>(tile.scratch);
  T* mu =
      tile.scratch + (tile.rows + group) * width * static_cast<int64_t>(sizeof(double) / sizeof(T));
  T* v = mu + panel_dims * width;
  for (int64_t from = 0; from < tile.classes; from += width) {
    const int64_t classes = tile.classes - from < width ? tile.classes - from : width;
    for (int64_t i = 0; i < (tile.rows + group) * width; i++) sums[i] = 0;
    for (int64_t first = 0; first < tile.dims; first += panel_dims) {
      const int64_t dims = tile.dims - first < panel_dims ? tile.dims - first : panel_dims;
      pack_panel<T, diagonal>(tile, from, classes, first, dims, mu, v);
      for (int64_t i = 0; i < tile.rows; i += group) {
        const T* x[group];  // the last group repeats its last row; those sums are never read
        for (int64_t r = 0; r < group; r++) {
          const int64_t row = i + r < tile.rows ? i + r : tile.rows - 1;
          x[r] = tile.x.data + row * tile.x.stride + first;
        }
        for (int64_t d = 0; d < dims; d += block_dims) {
          const int64_t count = dims - d < block_dims ? dims - d : block_dims;
          accumulate_block<T, diagonal>(x, mu + d * width, v + d * width, count, sums + i * width);
          for (int r = 0; r < group; r++) x[r] += count;
        }
      }
    }
    finish_panel<T, diagonal>(tile, from, classes, sums);
  }
}

template <typename T>
void distances(const DistanceTile<T>& tile) {
  if (tile.s.data) {
    distances_of<T, true>(tile);
  } else {
    distances_of<T, false>(tile);
  }
}

template <typename T>
double squared_distance(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims) {
  double sum = 0;
  if (s) {
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < dims; d++) {
      const T t = x[d] - mu[d];
      sum += static_cast<double>(inverse_variance(s[d], bounds) * t * t);
    }
  } else {
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < dims; d++) {
      const T t = x[d] - mu[d];
      sum += static_cast<double>(t * t);
    }
  }
  return sum;
}

}  // namespace
}  // namespace icu::ICU_ISA
