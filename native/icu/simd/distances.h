// Distances between every sample and every class.
//
// First expanded, from products of centred values: one multiplication and addition for each
// dimension, where the direct form needs a subtraction too. Samples are on the vector lanes, two
// registers of them; `group` classes go through them at a time, each with accumulators of its own.
//
// Then put right: an expanded Q has an error of about epsilon (|x'|^2 + |mu'|^2), which for near
// classes with small sigma is more than Q itself. Where that could be seen in the logits, the entry
// is computed again in direct form.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

constexpr int group = ICU_BYTES == 64 ? 12 : 6;

template <typename T>
constexpr int64_t cross_scratch = 2 * group * block_dims;

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

// out = sum_d mu_d x_d, diagonal: sum_d (v_d x_d^2 + mu_d x_d), for `group` classes of block_dims
// each and one block of a sample panel.
template <typename T, bool diagonal>
ICU_INLINE void cross_block(const T* x, const T* mu, const T* v, int64_t dims, T* out) {
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
#pragma GCC unroll 12
  for (int k = 0; k < group; k++) {
    store(out + k * width<T>, total[k][0]);
    store(out + k * width<T> + lanes<T>, total[k][1]);
  }
}

// Dimensions that are summed in T. With a diagonal covariance the terms v x'^2 are all positive,
// and their sum would lose digits sooner.
template <bool diagonal>
constexpr int64_t sum_dims = diagonal ? 64 : block_dims;

// What an expanded d may be off by, as a share of v (|x'|^2 + |mu'|^2): half a unit in the last
// place. Its rounding errors are many and of either sign; they stay well below that.
template <typename T>
constexpr double rounding = sizeof(T) == 4 ? 0x1p-25 : 0x1p-54;
// The error of a logit that nobody sees.
template <typename T>
constexpr double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;
// e^gap is 0 below it, and in T below -87 or -708 already.
template <typename T>
constexpr double vanishing = sizeof(T) == 4 ? -90.0 : -710.0;

// A gap below it has e^gap = 0 beside that of any number of classes.
template <typename T>
constexpr double hopeless = sizeof(T) == 4 ? -150.0 : -800.0;

// Whether all gaps of these classes to the samples [row, end) are hopeless, from the sums over the
// first block of dimensions.
template <typename T, bool diagonal>
ICU_INLINE bool all_hopeless(const CrossTile<T>& tile, int64_t k, int64_t classes, int64_t row,
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
      hopes += !(most < hopeless<T> - 64 * rounding<T> * v * scale);
    }
    if (hopes > 0) return false;
  }
  return true;
}

// To the sums over the first block of dimensions, so that Q is that block's, or more once squares
// have grown.
template <typename T, bool diagonal>
ICU_INLINE void leave_at_first(const CrossTile<T>& tile, int64_t k, int64_t classes, int64_t row,
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
        for (int64_t d = 0; d < dims; d += sum_dims<diagonal>) {
          const int64_t size = dims - d < sum_dims<diagonal> ? dims - d : sum_dims<diagonal>;
          T block[group * W];
          cross_block<T, diagonal>(x + (p * dims + d) * W, mu + d, v + d, size, block);
          for (int64_t c = 0; c < count; c++) {
            double* sums = tile.sums + (k + c) * tile.stride + p * W;
            const T* from = block + c * W;
            if (first + d == 0) {
              for (int i = 0; i < W; i++) sums[i] = static_cast<double>(from[i]);
            } else {
              for (int i = 0; i < W; i++) sums[i] += static_cast<double>(from[i]);
            }
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

template <typename T, bool diagonal>
double squared_distance_of(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims) {
  constexpr int64_t block = 64;
  double sum = 0;
  for (int64_t first = 0; first < dims; first += block) {
    const int64_t end = dims - first < block ? dims : first + block;
    T part = 0;
#pragma omp simd reduction(+ : part)
    for (int64_t d = first; d < end; d++) {
      const T t = x[d] - mu[d];
      part += (diagonal ? inverse_variance(s[d], bounds) * t : t) * t;
    }
    sum += static_cast<double>(part);
  }
  return sum;
}

template <typename T>
double squared_distance(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims) {
  return s ? squared_distance_of<T, true>(x, mu, s, bounds, dims)
           : squared_distance_of<T, false>(x, mu, s, bounds, dims);
}

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
        x_squares(tile.x_squares),
        base(tile.base),
        offset(tile.offset),
        square(tile.squares[k]),
        v(diagonal ? 1 : tile.v[k]),
        log_det(tile.log_det[k]),
        prior(relative && tile.prior ? tile.prior[k] : 0) {}

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
      e.off = !(e.error <= tolerance<T>)&!(e.gap < vanishing<T> - 64 * e.error);
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
  const double* base = tile.base;
  T* out = tile.out + k * tile.stride;
  int64_t off = 0;
#pragma omp simd reduction(+ : off)
  for (int64_t i = first; i < end; i++) {
    const Expanded e = entries[i];
    out[i] = static_cast<T>(relative ? base[i] - e.d : e.d);
    const bool other = !(relative && labels[i] == own);
    off += e.off & other;
    if constexpr (relative) {
      const double least = e.gap - e.error;
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
  const double d = 0.5 * ((diagonal ? q : tile.v[k] * q) + tile.log_det[k]);
  // q - q is 0, but NaN where q is infinite: e^-inf = 0 would hide an infinite input.
  return static_cast<T>(relative ? tile.base[i] - d + (q - q) : d);
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
          off[i - first] = e.off & !(relative && e.gap + e.error < floor[i] - unheard<T>);
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
    tile.out[k * tile.stride + i] = static_cast<T>(tile.base[i] - tile.base[i]);
  }
}

template <typename T>
void gaps(const GapTile<T>& tile) {
  const bool diagonal = tile.s.data != nullptr, relative = tile.base != nullptr;
  if (diagonal) {
    relative ? gaps_of<T, true, true>(tile) : gaps_of<T, true, false>(tile);
  } else {
    relative ? gaps_of<T, false, true>(tile) : gaps_of<T, false, false>(tile);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
