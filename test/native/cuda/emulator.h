// CUDA's execution model on a CPU, as far as the kernels of native/icu/cuda use it: a block's
// threads are fibers that run until they wait at a barrier, and blocks run one after another.
//
// A kernel that reads what another thread has yet to write before a barrier gets something else
// when the threads run in another order, so tests run each kernel with ascending and descending
// order and compare the bits. Shared memory is poisoned before each block, has its exact size (the
// address sanitizer sees what lies outside), and a barrier that not every thread reaches is an
// error.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

using std::exp;
using std::log;
using std::log1p;
using std::sqrt;

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define ICU_UNROLL
#define ICU_UNROLL_4
#define ICU_NO_UNROLL
#define ICU_SHARED(Type, name) \
  auto& name = *static_cast<Type*>(::emulator::shared(__COUNTER__ + 1, sizeof(Type)))
#define ICU_DYNAMIC_SHARED(name) \
  unsigned char* name = static_cast<unsigned char*>(::emulator::dynamic_shared())

struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};

namespace emulator {

extern Index3 thread_index, block_index;
extern unsigned grid_size, block_size;
extern bool descending;    // the order in which a block's threads run
extern int64_t launches;   // so far
extern int64_t exchanges;  // of a thread with its warp, so far

// One grid of one-dimensional blocks.
void launch(int64_t blocks, int threads, int64_t shared_bytes, const std::function<void()>& kernel);

void* shared(int key, size_t bytes);  // the block's memory of that name, made at first use
void* dynamic_shared();

void wait_block();
// Gives six numbers of this lane to the warp: where all lanes' are, lane after lane, until the warp
// meets again in end_exchange.
const float* exchange_six(const float (&a)[4], const float (&b)[2]);
void end_exchange();
// Gives this lane's value to the warp and returns that of another lane; all lanes take part.
uint64_t exchange(uint64_t value, int from);

template <typename T>
T exchange_value(T value, int from) {
  static_assert(sizeof(T) <= 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(bits, from);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace emulator

#define threadIdx (::emulator::thread_index)
#define blockIdx (::emulator::block_index)
#define gridDim (Index3{::emulator::grid_size, 1, 1})
#define blockDim (Index3{::emulator::block_size, 1, 1})

inline void __syncthreads() { emulator::wait_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulator::exchange(0, threadIdx.x % 32); }
inline void __threadfence_system() {}

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulator::exchange_value(value, static_cast<int>(threadIdx.x % 32) ^ mask);
}
template <typename T>
T __shfl_sync(unsigned, T value, int from) {
  return emulator::exchange_value(value, from);
}
inline unsigned __ballot_sync(unsigned, bool value) {
  unsigned bits = value ? 1u << (threadIdx.x % 32) : 0;
  for (int step = 16; step > 0; step /= 2) bits |= __shfl_xor_sync(0xffffffffu, bits, step);
  return bits;
}
inline bool __any_sync(unsigned mask, bool value) { return __ballot_sync(mask, value) != 0; }

namespace icu::cuda {

inline int first_bit(unsigned bits) { return __builtin_ctz(bits); }

// The tensor cores add up four products and a sum at a time: exponents are made those of the
// largest, what does not fit 24 bits then is cut off, and so is what does not of their sum (Fasi et
// al., "Numerical behavior of NVIDIA tensor cores", PeerJ CS 7:e330, whose Ampere keeps bits below
// these).
inline float cut_sum(const double (&addends)[5]) {
  double largest = 0, sum = 0;
  for (const double addend : addends) largest = std::fmax(largest, std::fabs(addend));
  if (!(largest > 0 && largest < 0x1p127)) {
    for (const double addend : addends) sum += addend;
    return static_cast<float>(sum);
  }
  const double unit = std::ldexp(1, std::ilogb(largest) - 23);
  for (const double addend : addends) sum += std::trunc(addend / unit) * unit;
  const float result = static_cast<float>(sum);
  return std::fabs(static_cast<double>(result)) > std::fabs(sum) ? std::nextafter(result, 0.f)
                                                                 : result;
}

// mma.cuh. Products of TF32 are exact in float64.
inline float to_tf32(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value - value == 0) bits = (bits + 0x1000) & ~0x1fffu;  // half away from zero
  std::memcpy(&value, &bits, 4);
  return value;
}
inline void multiply_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const float* warp = emulator::exchange_six(a, b);
  for (int half = 0; half < 2; half++) {
    double addends[4][5];
    for (int e = 0; e < 4; e++) addends[e][4] = static_cast<double>(c[e]);
    for (int k = 0; k < 4; k++) {
      // (row, k) is in lane 4 row + k % 4, (k, column) in lane 4 column + k % 4.
      for (int e = 0; e < 4; e++) {
        const double left = static_cast<double>(warp[6 * (4 * g + k) + half * 2 + e / 2]);
        addends[e][k] = left * static_cast<double>(warp[6 * (4 * (2 * t + e % 2) + k) + 4 + half]);
      }
    }
    for (int e = 0; e < 4; e++) c[e] = cut_sum(addends[e]);
  }
  emulator::end_exchange();
}

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

inline float number(Half value) {
  _Float16 half;
  std::memcpy(&half, &value, 2);
  return static_cast<float>(half);
}
inline void assign(Half& to, float value) {
  const _Float16 half = static_cast<_Float16>(value);
  std::memcpy(&to, &half, 2);
}
inline float number(BFloat16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
inline void assign(BFloat16& to, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) {
    to.bits = 0x7fff;
  } else {
    to.bits = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to even
  }
}

}  // namespace icu::cuda
