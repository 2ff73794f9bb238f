// The kernels of one instruction set, after vector.h's two macros are defined.
#pragma once

#include "gaps.h"
#include "moments.h"
#include "products.h"
#include "samples.h"
#include "small.h"
#include "softmax.h"

namespace icu::ICU_ISA {
namespace {

template <typename T>
constexpr Kernels<T> table(const char* name) {
  return {name,
          width<T>,
          group,
          cross_scratch<T>,
          pack_samples<T>,
          cross<T>,
          gaps<T>,
          squared_distance<T>,
          softmax<T>,
          weights<T>,
          pack_weights<T>,
          product<T>,
          diagonal_features<T>,
          diagonal_classes<T>,
          small_distances<T>,
          small_gradients<T>,
          small_means<T>,
          unpack_samples<T>,
          moments<T>,
          moment_gradients<T>,
          sum_log_variances<T>,
          stop_at_bounds<T>,
          pack_centred<T>,
          pack_scaled<T>};
}

}  // namespace

extern const Kernels<float> table_float;
extern const Kernels<double> table_double;
const Kernels<float> table_float = table<float>(ICU_NAME);
const Kernels<double> table_double = table<double>(ICU_NAME);

}  // namespace icu::ICU_ISA
