// The softmax over a tile of gaps, and the weights that its gradient gives to differences x - mu.
// Samples are on the vector lanes: no sum crosses them, and a row's sums over classes are made in
// the classes' order.
#pragma once

#include "vector.h"

namespace icu::ICU_ISA {
namespace {

// Rows at a time; a shorter rest goes through copies, so that every loop has this constant length.
constexpr int64_t strip = 32;

template <typename T, bool has_prior>
void softmax_of(const SoftmaxTile<T>& tile) {
  for (int64_t row = 0; row < tile.rows; row += strip) {
    const int64_t rows = tile.rows - row < strip ? tile.rows - row : strip;
    double offset[strip] = {}, max[strip], sum[strip] = {};
    int32_t target[strip];
    for (int64_t i = 0; i < strip; i++) {
      max[i] = lowest_gap;
      const int64_t z = i < rows ? tile.labels[row + i] - tile.first : -1;
      target[i] = z >= 0 && z < tile.classes ? static_cast<int32_t>(z) : -1;
      if (i < rows) offset[i] = tile.offset[row + i];
    }
    const auto gaps_of = [&](int64_t k, T* copy) -> const T* {
      const T* from = tile.gaps + k * tile.stride + row;
      if (rows == strip) return from;
      for (int64_t i = 0; i < rows; i++) copy[i] = from[i];
      return copy;
    };
    T copy[strip] = {};
    for (int64_t k = 0; k < tile.classes; k++) {
      const T* from = gaps_of(k, copy);
      const double prior = has_prior ? tile.prior[k] : 0;
#pragma omp simd
      for (int64_t i = 0; i < strip; i++) {
        const double gap = static_cast<double>(from[i]) + offset[i] + prior;
        max[i] = (gap > max[i]) & (target[i] != k) ? gap : max[i];
      }
    }
    for (int64_t k = 0; k < tile.classes; k++) {
      const T* from = gaps_of(k, copy);
      const double prior = has_prior ? tile.prior[k] : 0;
#pragma omp simd
      for (int64_t i = 0; i < strip; i++) {
        const double gap = static_cast<double>(from[i]) + offset[i] + prior;
        const T e = exponential(static_cast<T>(gap - max[i]));
        sum[i] += target[i] == k ? 0.0 : static_cast<double>(e);
      }
    }
    for (int64_t i = 0; i < rows; i++) {
      tile.max[row + i] = max[i];
      tile.sum[row + i] = sum[i];
    }
  }
}

template <typename T>
void softmax(const SoftmaxTile<T>& tile) {
  if (tile.prior) {
    softmax_of<T, true>(tile);
  } else {
    softmax_of<T, false>(tile);
  }
}

// A weight below it is taken for 0: its products would be denormal numbers, on which a
// processor is many times slower, and there are many where classes are separate.
template <typename T>
constexpr double least_weight = sizeof(T) == 4 ? 0x1p-102 : 0x1p-969;

template <typename T>
void weights(const WeightTile<T>& tile) {
  const int64_t rows = tile.rows, *labels = tile.labels;
  const double *base = tile.base, *offset = tile.offset, *max = tile.max;
  const double *scale = tile.scale, *target = tile.target;
  double* row_weights = tile.row_weights;
  for (int64_t k = 0; k < tile.classes; k++) {
    const T* gaps = tile.gaps + k * tile.stride;
    T* w = tile.w + k * tile.w_stride;
    const double prior = tile.prior ? tile.prior[k] : 0, v = tile.v ? tile.v[k] : 1;
    const int64_t own = tile.first + k;
    double sum_w = 0, sum_a = 0, sum_ad = 0;
#pragma omp simd reduction(+ : sum_w, sum_a, sum_ad)
    for (int64_t i = 0; i < rows; i++) {
      const double e = static_cast<double>(gaps[i]);
      const T share = exponential(static_cast<T>(e + offset[i] + prior - max[i]));
      const double other = scale[i] * static_cast<double>(share), same = target[i];
      const double a = labels[i] == own ? same : other;
      const double product = a * v;
      const bool none = (product < least_weight<T>)&(product > -least_weight<T>);
      const T weight = none ? T(0) : static_cast<T>(product);
      w[i] = weight;
      sum_w += static_cast<double>(weight);
      sum_a += a;
      // A class so far away that its distance is infinite has a weight of 0, and no part in it.
      sum_ad += a == 0 ? 0 : a * (base[i] - e);
      row_weights[i] += static_cast<double>(weight);
    }
    tile.class_weights[k] = sum_w;
    tile.class_a[k] = sum_a;
    tile.class_distances[k] = sum_ad;
  }
}

}  // namespace
}  // namespace icu::ICU_ISA
