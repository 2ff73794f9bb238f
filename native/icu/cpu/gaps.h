// The gaps of every row to blocks of classes, out[k * stride + i]: one class after the other, a
// class's rows adjacent. So samples are on the vector lanes throughout, and a block of classes,
// which is what the backward pass works on, is one piece of memory.
#pragma once

#include <algorithm>

#include "problem.h"

namespace icu {

// What the gaps of a row are relative to (rows.h); all null for plain distances.
struct RowTerms {
  const double* base;
  const double* offset;
  const int64_t* labels;
  const double* prior;  // (K), or null
};

template <typename T>
class Gaps {
 public:
  // Packs the features. `problem` and what `rows` points to must outlive this.
  Gaps(const DistanceProblem<T>& problem, const RowTerms& rows);

  // base_i - d_ik for the rows [row, row + rows) and classes [first, first + classes), or d_ik.
  // At most row_block rows from a multiple of it, at most most_classes; on one thread.
  void fill(int64_t row, int64_t rows, int64_t first, int64_t classes, T* out,
            int64_t stride) const;

  // The same for all rows, out[(k - first) * N + i].
  void fill_all(int64_t first, int64_t classes, T* out) const;

  static constexpr int64_t row_block = most_gap_rows;
  static constexpr int64_t most_classes = most_gap_classes;
  // Classes of a tile, 12, 24 or 48: enough tiles for every thread, whose number has no say in it.
  static int64_t class_block(int64_t classes) {
    return classes < 16 * 12 ? 12 : classes < 16 * 24 ? 24 : most_classes;
  }
  // Classes that are looked at together (GapTile), from a multiple of it on. The backward pass,
  // which may make the gaps again, has blocks of 24.
  static int64_t together(int64_t classes) { return std::min<int64_t>(24, class_block(classes)); }

 private:
  const T* panels_from(int64_t row) const;

  const DistanceProblem<T>& problem_;
  RowTerms terms_;
  at::Tensor panels_;   // x', by blocks of rows: block_dims dimensions of each panel adjacent
  at::Tensor squares_;  // |x'_i|^2, and over the first block_dims dimensions, (2, N)
  const bool everything_ = nothing_left_out();
};

}  // namespace icu
