// The softmax of a row of gaps, and the weights that its gradient gives to differences x - mu.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

template <typename T, bool has_prior>
ICU_INLINE double gap_at(const T* gaps, const double* prior, double offset, int64_t k) {
  const double gap = static_cast<double>(gaps[k]) + offset;
  return has_prior ? gap + prior[k] : gap;
}

// m = max(0, gaps), S = sum e^(gap - m), both over the classes but the target. A NaN among the gaps
// makes S NaN.
template <typename T, bool has_prior>
void softmax_of(const SoftmaxRow<T>& row, double* max, double* others) {
  const int64_t from[2] = {0, row.target + 1}, to[2] = {row.target, row.classes};
  const T* gaps = row.gaps;
  const double* prior = row.prior;
  const double offset = row.offset;
  double m = 0;
  for (int side = 0; side < 2; side++) {
#pragma omp simd reduction(max : m)
    for (int64_t k = from[side]; k < to[side]; k++) {
      const double gap = gap_at<T, has_prior>(gaps, prior, offset, k);
      m = gap > m ? gap : m;
    }
  }
  double sum = 0;
  for (int side = 0; side < 2; side++) {
#pragma omp simd reduction(+ : sum)
    for (int64_t k = from[side]; k < to[side]; k++) {
      const double gap = gap_at<T, has_prior>(gaps, prior, offset, k);
      sum += static_cast<double>(exponential(static_cast<T>(gap - m)));
    }
  }
  *max = m;
  *others = sum;
}

template <typename T>
void softmax(const SoftmaxRow<T>& row, double* max, double* others) {
  if (row.prior) {
    softmax_of<T, true>(row, max, others);
  } else {
    softmax_of<T, false>(row, max, others);
  }
}

template <typename T, bool has_prior>
void weights_of(const WeightTile<T>& tile) {
  const int64_t classes = tile.classes;
  const double* prior = has_prior ? tile.prior + tile.first : nullptr;
  double a[weight_classes];  // A_ik of one row
  for (int64_t i = 0; i < tile.rows; i++) {
    const T* gaps = tile.gaps.data + i * tile.gaps.stride + tile.first;
    const RowState state = tile.states[i];
    const RowWeight weight = tile.weights[i];
#pragma omp simd
    for (int64_t k = 0; k < classes; k++) {
      const double gap = gap_at<T, has_prior>(gaps, prior, state.offset, k);
      a[k] = weight.scale * static_cast<double>(exponential(static_cast<T>(gap - state.max)));
    }
    const int64_t z = tile.labels[i] - tile.first;
    if (z >= 0 && z < classes) a[z] = weight.target;
    if (tile.sum_weights) {
#pragma omp simd
      for (int64_t k = 0; k < classes; k++) tile.sum_weights[k] += a[k];
    }
    if (tile.sum_distances) {
#pragma omp simd
      for (int64_t k = 0; k < classes; k++) {
        tile.sum_distances[k] += a[k] * (state.base - static_cast<double>(gaps[k]));
      }
    }
    T* out = tile.out.data + i * tile.out.stride;
    if (tile.v) {
      const double* v = tile.v + tile.first;
#pragma omp simd
      for (int64_t k = 0; k < classes; k++) out[k] = static_cast<T>(a[k] * v[k]);
    } else {
#pragma omp simd
      for (int64_t k = 0; k < classes; k++) out[k] = static_cast<T>(a[k]);
    }
  }
}

template <typename T>
void weights(const WeightTile<T>& tile) {
  if (tile.prior) {
    weights_of<T, true>(tile);
  } else {
    weights_of<T, false>(tile);
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
