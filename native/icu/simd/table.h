// The kernels of one instruction set, after vector.h's two macros are defined.
#pragma once

#include "distances.h"
#include "products.h"
#include "softmax.h"

namespace icu::ICU_ISA {
namespace {

template <typename T>
constexpr Kernels<T> table(const char* name) {
  return {name,         distance_scratch<T>, product_scratch<T>,
          distances<T>, squared_distance<T>, softmax<T>,
          weights<T>,   products<T>,         inverse_variances<T>};
}

}  // namespace

extern const Kernels<float> table_float;
extern const Kernels<double> table_double;
const Kernels<float> table_float = table<float>(ICU_NAME);
const Kernels<double> table_double = table<double>(ICU_NAME);

}  // namespace icu::ICU_ISA
