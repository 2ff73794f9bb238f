// Distances from their expanded sums, put right: an expanded Q has an error of about
// epsilon (|x'|^2 + |mu'|^2), which for near classes with small sigma is more than Q itself. Where
// that could be seen in the logits, the entry is computed again in direct form.
#pragma once

#include "cross.h"

namespace icu::ICU_ISA {
namespace {

// Each lane sums a block's dimensions in T, and the blocks in float64; lanes come last.
template <typename T, bool diagonal>
double squared_distance_of(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims) {
  constexpr int64_t block = 4 * lanes<T>;
  Wide<T> sum = {};
  for (int64_t first = 0; first < dims; first += block) {
    const int64_t size = dims - first < block ? dims - first : block;
    T v[block];
    if constexpr (diagonal) inverse_variances(s + first, bounds, size, v);
    Vector<T> part = {};
    for (int64_t d = 0; d < size; d += lanes<T>) {
      const int64_t count = size - d < lanes<T> ? size - d : lanes<T>;
      const Vector<T> t = load_some(x + first + d, count) - load_some(mu + first + d, count);
      part += (diagonal ? load_some(static_cast<const T*>(v) + d, count) * t : t) * t;
    }
    sum += __builtin_convertvector(part, Wide<T>);
  }
  double total = 0;
  for (int i = 0; i < lanes<T>; i++) total += sum[i];
  return total;
}

template <typename T>
double squared_distance(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims) {
  return s ? squared_distance_of<T, true>(x, mu, s, bounds, dims)
           : squared_distance_of<T, false>(x, mu, s, bounds, dims);
}

// The error of a logit that nobody sees.
template <typename T>
constexpr double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;
// e^gap is 0 below it, and in T below -87 or -708 already.
template <typename T>
constexpr double vanishing = sizeof(T) == 4 ? -90.0 : -710.0;

// How far below another class of its row a gap has no say in the row's loss: e^-30 of it, 1e-9 for
// all of ten thousand classes; in float64 e^-60.
template <typename T>
constexpr double unheard = sizeof(T) == 4 ? 30.0 : 60.0;

// An expanded distance, its gap, and what both may be off by.
struct Expanded {
  double d, gap, error;
  bool off;  // by more than is allowed, as far as the entry alone tells
};

// One class's entries. The tile's members as variables of their own: a loop that stores numbers
// reads them again otherwise, and is not put on the vector lanes.
template <typename T, bool diagonal, bool relative>
struct ExpandedClass {
  const double *sums, *x_squares, *base, *offset;
  double square, v, log_det, prior;

  ICU_INLINE ExpandedClass(const GapTile<T>& tile, int64_t k)
      : sums(tile.sums + k * tile.sums_stride),
        x_squares(tile.terms.x_squares),
        base(tile.terms.base),
        offset(tile.terms.offset),
        square(tile.squares[k]),
        v(diagonal ? 1 : tile.terms.v[k]),
        log_det(tile.terms.log_det[k]),
        prior(relative && tile.terms.prior ? tile.terms.prior[k] : 0) {}

  ICU_INLINE Expanded operator[](int64_t i) const {
    Expanded e{};
    const double q = diagonal ? sums[i] + square : x_squares[i] - 2 * sums[i] + square;
    e.d = 0.5 * (v * q + log_det);
    // With a diagonal covariance |x'| is at most the distance and |mu'|.
    const double root = diagonal ? __builtin_sqrt(q < 0 ? 0 : q) + __builtin_sqrt(square) : 0;
    const double scale = diagonal ? root * root + square : v * (x_squares[i] + square);
    e.error = rounding<T> * scale;
    if constexpr (relative) {
      e.gap = base[i] - e.d + offset[i] + prior;
      e.off = !(e.error <= tolerance<T>)&!(e.gap < vanishing<T> - certainly * e.error);
    } else {
      e.off = !(e.error <= tolerance<T>)&!(8 * v * q > scale);
    }
    return e;
  }
};

// Rows that are looked at one by one where one of them has to be.
constexpr int64_t gap_strip = 32;

// `full` rows, or what is left of them where that is 0. `floor` rises to what is certain of the
// row's largest gap. Returns how many may have to be computed again; a row's own class is none of
// these.
template <typename T, bool diagonal, bool relative, int64_t full>
ICU_INLINE int64_t expand_strip(const GapTile<T>& tile, int64_t k, int64_t first, double* floor) {
  const ExpandedClass<T, diagonal, relative> entries(tile, k);
  const int64_t end = full ? first + full : tile.rows, own = tile.first + k;
  const int64_t* labels = tile.labels;
  const double* base = tile.terms.base;
  T* out = tile.out + k * tile.stride;
  int64_t off = 0;
#pragma omp simd reduction(+ : off)
  for (int64_t i = first; i < end; i++) {
    const Expanded e = entries[i];
    out[i] = static_cast<T>(relative ? base[i] - e.d : e.d);
    const bool other = !(relative && labels[i] == own);
    off += e.off & other;
    if constexpr (relative) {
      const double least = e.gap - certainly * e.error;
      floor[i] = other & (least > floor[i]) ? least : floor[i];
    }
  }
  return off;
}

template <typename T, bool diagonal>
ICU_INLINE T direct_distance(const GapTile<T>& tile, int64_t k, int64_t i, bool relative) {
  const double q = squared_distance(
      tile.x.data + i * tile.x.stride, tile.mu.data + k * tile.mu.stride,
      diagonal ? tile.s.data + k * tile.s.stride : nullptr, tile.bounds, tile.dims);
  const double d = 0.5 * ((diagonal ? q : tile.terms.v[k] * q) + tile.terms.log_det[k]);
  // q - q is 0, but NaN where q is infinite: e^-inf = 0 would hide an infinite input.
  return static_cast<T>(relative ? tile.terms.base[i] - d + (q - q) : d);
}

template <typename T, bool diagonal, bool relative>
void gaps_of(const GapTile<T>& tile) {
  constexpr int64_t strips = most_gap_rows / gap_strip;
  double floor[relative ? most_gap_rows : 1];
  bool again[most_gap_classes * strips];
  for (int64_t start = 0; start < tile.classes; start += tile.together) {
    const int64_t stop =
        tile.classes - start < tile.together ? tile.classes : start + tile.together;
    if (relative) {
      for (int64_t i = 0; i < tile.rows; i++) floor[i] = -__builtin_inf();
    }
    for (int64_t k = start; k < stop; k++) {
      for (int64_t first = 0; first < tile.rows; first += gap_strip) {
        again[(k - start) * strips + first / gap_strip] =
            tile.rows - first < gap_strip
                ? expand_strip<T, diagonal, relative, 0>(tile, k, first, floor)
                : expand_strip<T, diagonal, relative, gap_strip>(tile, k, first, floor);
      }
    }
    for (int64_t k = start; k < stop; k++) {
      T* out = tile.out + k * tile.stride;
      for (int64_t first = 0; first < tile.rows; first += gap_strip) {
        if (!again[(k - start) * strips + first / gap_strip]) continue;
        const int64_t end = tile.rows - first < gap_strip ? tile.rows : first + gap_strip;
        const ExpandedClass<T, diagonal, relative> entries(tile, k);
        bool off[gap_strip];
#pragma omp simd
        for (int64_t i = first; i < end; i++) {
          const Expanded e = entries[i];
          off[i - first] =
              e.off & !(relative && e.gap + certainly * e.error < floor[i] - unheard<T>);
        }
        for (int64_t i = first; i < end; i++) {
          if (off[i - first]) out[i] = direct_distance<T, diagonal>(tile, k, i, relative);
        }
      }
    }
  }
  if constexpr (!relative) return;
  for (int64_t i = 0; i < tile.rows; i++) {
    const int64_t k = tile.labels[i] - tile.first;
    if (k < 0 || k >= tile.classes) continue;
    // 0, or NaN where d_iz is none.
    tile.out[k * tile.stride + i] = static_cast<T>(tile.terms.base[i] - tile.terms.base[i]);
  }
}

template <typename T>
void gaps(const GapTile<T>& tile) {
  const bool diagonal = tile.s.data != nullptr, relative = tile.terms.base != nullptr;
  if (diagonal) {
    relative ? gaps_of<T, true, true>(tile) : gaps_of<T, true, false>(tile);
  } else {
    relative ? gaps_of<T, false, true>(tile) : gaps_of<T, false, false>(tile);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
