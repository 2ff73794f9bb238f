// The sums over dimensions that distances are expanded into: one multiplication and addition for
// each dimension, where the direct form needs a subtraction too. Samples are on the vector lanes,
// two registers of them; `group` classes go through them at a time, each with accumulators of its
// own.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

template <typename T>
constexpr int64_t cross_scratch = 2 * group * block_dims;

// out = [out] + sum_d mu_d x_d, diagonal: sum_d (v_d x_d^2 + mu_d x_d), for `group` classes of
// block_dims each and one block of a sample panel.
template <typename T, bool diagonal>
ICU_INLINE void cross_block(const T* x, const T* mu, const T* v, int64_t dims, bool add, T* out) {
  Vector<T> total[group][2] = {};
  for (int64_t d = 0; d < dims; d++) {
    const Vector<T> x0 = load(x + d * width<T>), x1 = load(x + d * width<T> + lanes<T>);
    Vector<T> square0 = {}, square1 = {};
    if constexpr (diagonal) {
      square0 = x0 * x0;
      square1 = x1 * x1;
    }
#pragma GCC unroll 12
    for (int k = 0; k < group; k++) {
      const T m = mu[k * block_dims + d];
      total[k][0] += m * x0;
      total[k][1] += m * x1;
      if constexpr (diagonal) {
        const T scale = v[k * block_dims + d];
        total[k][0] += scale * square0;
        total[k][1] += scale * square1;
      }
    }
  }
  if (add) {
#pragma GCC unroll 12
    for (int k = 0; k < group; k++) {
      total[k][0] += load(static_cast<const T*>(out) + k * width<T>);
      total[k][1] += load(static_cast<const T*>(out) + k * width<T> + lanes<T>);
    }
  }
#pragma GCC unroll 12
  for (int k = 0; k < group; k++) {
    store(out + k * width<T>, total[k][0]);
    store(out + k * width<T> + lanes<T>, total[k][1]);
  }
}

// Dimensions that are summed one after the other in T; the sums of a block's are added up in T too.
constexpr int64_t sum_dims = 64;

// What an expanded d is off by, as a share of v (|x'|^2 + |mu'|^2): half a unit in the last place.
// Rounding errors of either sign stay well below that. Where the products have one sign, as near
// classes' have that are far from the centre, they can be several times it, so that nothing may
// be left out for less than `certainly` times it: the additions that a term goes through.
template <typename T>
constexpr double rounding = sizeof(T) == 4 ? 0x1p-25 : 0x1p-54;
constexpr double certainly = sum_dims + block_dims / sum_dims + 4;
// A gap below it has e^gap = 0 beside that of any number of classes.
template <typename T>
constexpr double hopeless = sizeof(T) == 4 ? -150.0 : -800.0;

// Whether all gaps of these classes to the samples [row, end) are hopeless, from the sums over the
// first block of dimensions.
template <typename T, bool diagonal>
ICU_APART bool all_hopeless(const CrossTile<T>& tile, int64_t k, int64_t classes, int64_t row,
                            int64_t end) {
  const GapTerms& terms = *tile.terms;
  const double *x_squares = terms.first_squares, *base = terms.base, *offset = terms.offset;
  for (; classes > 0; k++, classes--) {
    const double* sums = tile.sums + k * tile.stride;
    const double square = tile.squares[k], v = diagonal ? 1 : terms.v[k];
    const double rest = (terms.prior ? terms.prior[k] : 0) - 0.5 * terms.log_det[k];
    int64_t hopes = 0;
#pragma omp simd reduction(+ : hopes)
    for (int64_t i = row; i < end; i++) {
      const double q = diagonal ? sums[i] + square : x_squares[i] - 2 * sums[i] + square;
      const double scale = diagonal ? 4 * (q < 0 ? -q : q) + 4 * square : x_squares[i] + square;
      const double most = base[i] + offset[i] + rest - 0.5 * v * q;
      hopes += !(most < hopeless<T> - certainly * rounding<T> * v * scale);
    }
    if (hopes > 0) return false;
  }
  return true;
}

// To the sums over the first block of dimensions, so that Q is that block's, or more once squares
// have grown.
template <typename T, bool diagonal>
ICU_APART void leave_at_first(const CrossTile<T>& tile, int64_t k, int64_t classes, int64_t row,
                              int64_t end) {
  if (diagonal) return;
  const GapTerms& terms = *tile.terms;
  for (int64_t c = 0; c < classes; c++) {
    double* sums = tile.sums + (k + c) * tile.stride;
    for (int64_t i = row; i < end; i++) {
      sums[i] += 0.5 * (terms.x_squares[i] - terms.first_squares[i]);
    }
  }
}

template <typename T, bool diagonal>
void cross_of(const CrossTile<T>& tile) {
  constexpr int W = width<T>;
  constexpr int64_t most_panels = (most_gap_rows + W - 1) / W;
  constexpr int64_t most_groups = (most_gap_classes + group - 1) / group;
  bool left_out[most_groups * most_panels];
  int64_t panels_left[most_groups];  // panels of each group that go on
  const int64_t panels = (tile.rows + W - 1) / W;
  T* mu = tile.scratch;
  T* v = mu + group * block_dims;
  for (int64_t first = 0, b = 0; first < tile.dims; first += block_dims, b++) {
    const int64_t dims = tile.dims - first < block_dims ? tile.dims - first : block_dims;
    const bool choose = b == 0 && tile.terms && tile.dims > block_dims;
    const T* x = tile.x + first * panels * W;
    const T* centre = tile.centre + first;
    for (int64_t k = 0, g = 0; k < tile.classes; k += group, g++) {
      const int64_t count = tile.classes - k < group ? tile.classes - k : group;
      bool* out = left_out + g * most_panels;
      if (b == 0) {
        panels_left[g] = panels;
        for (int64_t p = 0; p < panels; p++) out[p] = false;
      }
      if (panels_left[g] == 0) {
        // Read all the same: an infinite mean must not go unseen.
        for (int64_t row = k; row < k + count; row++) {
          const T* from = tile.mu.data + row * tile.mu.stride + first;
          T nothing = 0;
#pragma omp simd reduction(+ : nothing)
          for (int64_t d = 0; d < dims; d++) nothing += from[d] - from[d];
          tile.squares[row] += static_cast<double>(nothing);
        }
        continue;
      }
      for (int64_t c = 0; c < group; c++) {
        // Classes that are not there repeat the last, and are not read.
        const int64_t row = k + (c < count ? c : count - 1);
        const T* from = tile.mu.data + row * tile.mu.stride + first;
        T* to = mu + c * block_dims;
        T square = 0;
        if constexpr (diagonal) {
          T* scale = v + c * block_dims;
          inverse_variances(tile.s.data + row * tile.s.stride + first, tile.bounds, dims, scale);
#pragma omp simd reduction(+ : square)
          for (int64_t d = 0; d < dims; d++) {
            const T value = from[d] - centre[d], scaled = scale[d] * value;
            square += scaled * value;
            to[d] = -2 * scaled;
          }
        } else {
#pragma omp simd reduction(+ : square)
          for (int64_t d = 0; d < dims; d++) {
            const T value = from[d] - centre[d];
            square += value * value;
            to[d] = value;
          }
        }
        if (c < count)
          tile.squares[row] = (b ? tile.squares[row] : 0) + static_cast<double>(square);
      }
      for (int64_t p = 0; p < panels; p++) {
        if (out[p]) continue;
        T block[group * W];
        for (int64_t d = 0; d < dims; d += sum_dims) {
          const int64_t size = dims - d < sum_dims ? dims - d : sum_dims;
          cross_block<T, diagonal>(x + (p * dims + d) * W, mu + d, v + d, size, d > 0, block);
        }
        for (int64_t c = 0; c < count; c++) {
          double* sums = tile.sums + (k + c) * tile.stride + p * W;
          const T* from = block + c * W;
          if (first == 0) {
            for (int i = 0; i < W; i++) sums[i] = static_cast<double>(from[i]);
          } else {
            for (int i = 0; i < W; i++) sums[i] += static_cast<double>(from[i]);
          }
        }
        const int64_t row = p * W, end = tile.rows - row < W ? tile.rows : row + W;
        if (choose && all_hopeless<T, diagonal>(tile, k, count, row, end)) {
          leave_at_first<T, diagonal>(tile, k, count, row, end);
          out[p] = true;
          panels_left[g]--;
        }
      }
    }
  }
}

template <typename T>
void cross(const CrossTile<T>& tile) {
  if (tile.s.data) {
    cross_of<T, true>(tile);
  } else {
    cross_of<T, false>(tile);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
