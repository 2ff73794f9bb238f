// What every kernel stands on: the compiler's side of CUDA, sums within a block in a fixed order,
// and elements of any type read as numbers.
//
// The .cuh files of this folder know no ATen. Where the compiler is no CUDA compiler, emulator.h of
// test/native/cuda takes CUDA's place, and the same kernels run thread by thread on the CPU.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define ICU_SHARED(Type, name) __shared__ Type name
#define ICU_DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#define ICU_UNROLL _Pragma("unroll")
#define ICU_UNROLL_4 _Pragma("unroll 4")
#define ICU_NO_UNROLL _Pragma("unroll 1")
namespace icu::cuda {
using Half = __half;
using BFloat16 = __nv_bfloat16;
__device__ inline float number(__half value) { return __half2float(value); }
__device__ inline float number(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline void assign(__half& to, float value) { to = __float2half_rn(value); }
__device__ inline void assign(__nv_bfloat16& to, float value) { to = __float2bfloat16_rn(value); }
// The place of the lowest bit that is set.
__device__ inline int first_bit(unsigned bits) { return __ffs(static_cast<int>(bits)) - 1; }
}  // namespace icu::cuda
#else
#include "emulator.h"
#endif

namespace icu::cuda {

__device__ inline float number(float value) { return value; }
__device__ inline double number(double value) { return value; }
__device__ inline void assign(float& to, double value) { to = static_cast<float>(value); }
__device__ inline void assign(double& to, double value) { to = value; }

__host__ __device__ inline int64_t tiles(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}
template <typename I>
__host__ __device__ inline I smaller(I a, I b) {
  return a < b ? a : b;
}
template <typename I>
__host__ __device__ inline I larger(I a, I b) {
  return a > b ? a : b;
}

constexpr unsigned whole_warp = 0xffffffffu;

// The sum over a warp, in every lane; pairs in the same order on every run.
__device__ inline double warp_sum(double value) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(whole_warp, value, step);
  return value;
}

// The sum over a block of `threads`, in every thread. Every thread of the block has to call it.
template <int threads>
__device__ double block_sum(double value) {
  static_assert(threads % 32 == 0 && threads <= 1024);
  struct Sums {
    double of_warp[threads / 32];
  };
  ICU_SHARED(Sums, sums);
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) sums.of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < threads / 32; w++) total += sums.of_warp[w];
  __syncthreads();
  return total;
}

// Four adjacent elements, read at once.
template <typename T>
struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) Four {
  T at[4];
};

}  // namespace icu::cuda
