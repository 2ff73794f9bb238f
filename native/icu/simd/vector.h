// A register's worth of T, through the compilers' vector extension, and the exponential.
// Included only by the files that define ICU_ISA (a namespace) and ICU_BYTES (the register's
// width).
#pragma once

#include <cstdint>

#include "kernels.h"

#define ICU_INLINE inline __attribute__((always_inline))
// Beside a loop that needs every register.
#define ICU_APART __attribute__((noinline))
#define ICU_INLINE_LAMBDA __attribute__((always_inline))

namespace icu::ICU_ISA {
namespace {

template <typename T>
struct Register {
  typedef T type __attribute__((vector_size(ICU_BYTES)));
};
template <typename T>
using Vector = typename Register<T>::type;
// As many float64.
template <typename T>
struct WideRegister {
  typedef double type __attribute__((vector_size(ICU_BYTES / sizeof(T) * sizeof(double))));
};
template <typename T>
using Wide = typename WideRegister<T>::type;

// Integers of the same size, which is what a shuffle takes its places from.
template <typename T>
struct Places;
template <>
struct Places<float> {
  typedef int32_t type __attribute__((vector_size(ICU_BYTES)));
};
template <>
struct Places<double> {
  typedef int64_t type __attribute__((vector_size(ICU_BYTES)));
};

template <typename T>
constexpr int lanes = ICU_BYTES / static_cast<int>(sizeof(T));

template <typename T>
ICU_INLINE Vector<T> load(const T* from) {
  Vector<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <typename T>
ICU_INLINE void store(T* to, Vector<T> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

// Two registers: the samples of a panel, the dimensions of a product.
template <typename T>
constexpr int width = 2 * lanes<T>;

// The classes of a distance, the outputs of a product: as many of `width` as have room for their
// sums in registers.
constexpr int group = ICU_BYTES == 64 ? 12 : 6;

// Reads `count` values with zeros beyond, up to a register's, and writes as many.
template <typename T>
ICU_INLINE Vector<T> load_some(const T* from, int64_t count) {
  if (count == lanes<T>) return load(from);
  T copy[lanes<T>] = {};
  for (int64_t i = 0; i < count; i++) copy[i] = from[i];
  return load(static_cast<const T*>(copy));
}

template <typename T>
ICU_INLINE void store_some(T* to, int64_t count, Vector<T> v) {
  if (count == lanes<T>) {
    store(to, v);
    return;
  }
  T copy[lanes<T>];
  store(copy, v);
  for (int64_t i = 0; i < count; i++) to[i] = copy[i];
}

// The same for two registers.
template <typename T>
ICU_INLINE void load_dims(const T* from, int64_t count, Vector<T> (&to)[2]) {
  const int64_t first = count < lanes<T> ? count : lanes<T>;
  to[0] = load_some(from, first);
  to[1] = load_some(from + lanes<T>, count - first);
}

template <typename T>
ICU_INLINE void store_dims(T* to, int64_t count, Vector<T> v0, Vector<T> v1) {
  const int64_t first = count < lanes<T> ? count : lanes<T>;
  store_some(to, first, v0);
  store_some(to + lanes<T>, count - first, v1);
}

template <typename T>
ICU_INLINE double sum_lanes(Vector<T> v) {
  T sum = 0;
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; i++) sum += v[i];
  return static_cast<double>(sum);
}

// e^x to about one unit in the last place; 0 where the result would be below the normal numbers,
// NaN for NaN.
//   x = n ln 2 + r with |r| <= ln 2 / 2,  e^x = 2^n e^r,  e^r by its Taylor series.
// n comes out of adding a number whose last bit counts ones, so that its low bits hold n as an
// integer.
ICU_INLINE float exponential(float x) {
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23
  const float shifted = x * 1.44269504088896341f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440054690583e-4f;
  float y = 1.0f / 5040;
  y = y * r + 1.0f / 720;
  y = y * r + 1.0f / 120;
  y = y * r + 1.0f / 24;
  y = y * r + 1.0f / 6;
  y = y * r + 0.5f;
  y = y * r + 1.0f;
  y = y * r + 1.0f;
  const uint32_t bits =
      __builtin_bit_cast(uint32_t, y) + (__builtin_bit_cast(uint32_t, shifted) << 23);
  y = __builtin_bit_cast(float, bits);
  y = x < -87.0f ? 0.0f : y;
  y = x > 88.0f ? __builtin_inff() : y;
  return x != x ? x : y;
}

ICU_INLINE double exponential(double x) {
  constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = x * 1.44269504088896340736 + magic;
  const double n = shifted - magic;
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double y = 1.0 / 6227020800.0;
  y = y * r + 1.0 / 479001600.0;
  y = y * r + 1.0 / 39916800.0;
  y = y * r + 1.0 / 3628800.0;
  y = y * r + 1.0 / 362880.0;
  y = y * r + 1.0 / 40320.0;
  y = y * r + 1.0 / 5040.0;
  y = y * r + 1.0 / 720.0;
  y = y * r + 1.0 / 120.0;
  y = y * r + 1.0 / 24.0;
  y = y * r + 1.0 / 6.0;
  y = y * r + 0.5;
  y = y * r + 1.0;
  y = y * r + 1.0;
  const uint64_t bits =
      __builtin_bit_cast(uint64_t, y) + (__builtin_bit_cast(uint64_t, shifted) << 52);
  y = __builtin_bit_cast(double, bits);
  y = x < -708.0 ? 0.0 : y;
  y = x > 709.0 ? static_cast<double>(__builtin_inf()) : y;
  return x != x ? x : y;
}

// 1 / sigma^2 of a log-variance. An infinite one becomes NaN: the clamp must not hide it.
template <typename T>
ICU_INLINE T inverse_variance(T s, Bounds<T> bounds) {
  T clamped = s < bounds.min ? bounds.min : s;
  clamped = clamped > bounds.max ? bounds.max : clamped;
  return exponential(-(clamped + (s - s)));
}

// The sum of clamped log-variances, T over 64 dimensions and float64 from there; NaN for an
// infinite one.
template <typename T>
double sum_log_variances(const T* s, Bounds<T> bounds, int64_t dims) {
  double sum = 0;
  for (int64_t first = 0; first < dims; first += 64) {
    const int64_t end = dims - first < 64 ? dims : first + 64;
    T part = 0;
#pragma omp simd reduction(+ : part)
    for (int64_t d = first; d < end; d++) {
      T clamped = s[d] < bounds.min ? bounds.min : s[d];
      clamped = clamped > bounds.max ? bounds.max : clamped;
      part += clamped + (s[d] - s[d]);
    }
    sum += static_cast<double>(part);
  }
  return sum;
}

// Zeros where descent along the gradient would lead further out of the bounds.
template <typename T>
void stop_at_bounds(const T* s, Bounds<T> bounds, int64_t dims, T* gradient) {
#pragma omp simd
  for (int64_t d = 0; d < dims; d++) {
    const T g = gradient[d];
    const bool outward = ((s[d] >= bounds.max) & (g < 0)) | ((s[d] <= bounds.min) & (g > 0));
    gradient[d] = outward ? T(0) : g;
  }
}

template <typename T>
void inverse_variances(const T* s, Bounds<T> bounds, int64_t dims, T* out) {
#pragma omp simd
  for (int64_t d = 0; d < dims; d++) out[d] = inverse_variance(s[d], bounds);
}

}  // namespace
}  // namespace icu::ICU_ISA
