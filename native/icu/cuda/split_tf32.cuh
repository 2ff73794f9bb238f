// Distances on the tensor cores, to float32's accuracy where that is enough and put right where it
// is not; only where it is asked for (precision 'split-tf32'), and not for diagonal covariances.
//
//   Q_ik = v_k (|x'_i|^2 - 2 x'_i mu'_k + |mu'_k|^2),   x' = x - o, mu' = mu - o
//
// Each operand is a sum of two TF32 numbers, a = big + small, and a b is big big + big small +
// small big. Sums of products are of float32 over 64 dimensions, the blocks in float64. The
// difference cancels where x_i is near mu_k, so an entry whose error can be more than
// `tf32_tolerance` in the logit and whose probability is not negligible is computed again in direct
// form, by a warp; so is the target's own.
//
// A block of 4 warps makes a tile of 64 x 64, each warp 32 x 32 of it as 2 x 4 products of 16 x 8.
#pragma once

#include "distances.cuh"
#include "mma.cuh"

namespace icu::cuda {

// What an expanded d = Q/2 + ... may be off by:
//
//   v (square_rounding (|x'|^2 + |mu'|^2) + product_rounding |x'| |mu'|)
//
// so that a pair of different lengths, as before training, where |x'|^2 is D and |mu'|^2 is 1, is
// not taken for one that cancels. In units of u = 2^-23, what x' mu' is off by, at most:
//
//   left out    4 u |x'| |mu'|: small is at most 2^-11 a, and itself short of 2^-23 a, so of a b
//               there lack small small, 2^-22, and twice 2^-23
//   cut off    24 u |x'| |mu'|: tensor cores cut off instead of rounding, so that errors do not
//               average out; each of three products for each 8 of a block's 64 dimensions leaves a
//               sum short of up to u of what it holds, and that is no more than the block's
//               |x'| |mu'|. (How many addends they sum at a time, and what they keep below the
//               largest, is not documented. With four at a time and nothing kept, as the emulator
//               of test/native/cuda has it, the sum is short of 20 u on average where all products
//               have one sign, as where x is near mu.)
//
// and what a sum of squares is off by, or Q by where x' and mu' are rounded, u/2 of each element:
//
//   squares     5/2 u |x'|^2, five roundings (length_square), and as much of |mu'|^2
//   centring    2 |x' - mu'| u/2 (|x'| + |mu'|) <= u (|x'|^2 + |mu'|^2) + 2 u |x'| |mu'|
//
// Half of squares and centring, and all of the others, is 7/4 u (|x'|^2 + |mu'|^2) and
// 29 u |x'| |mu'|.
constexpr double square_rounding = 0x1p-22;
constexpr double product_rounding = 0x1p-18;
constexpr double tf32_tolerance = 1e-3;
// e^gap is 0 in float32 below it.
constexpr double vanishing_gap = -90;

constexpr int split_stride = tile + 8;  // a fragment's lanes are in 32 different banks

struct SplitMemory {
  alignas(16) float x[depth][split_stride];
  alignas(16) float mu[depth][split_stride];
  double sums[32][tile_threads];  // of x' mu', each thread's own
  double x_squares[tile], mu_squares[tile];
  double x_lengths[tile], mu_lengths[tile];
};

// sum_j a_j^2 over `depth` elements, by halves: each square is rounded five times at most, once as
// a product, once with its neighbour, and in three additions.
__device__ inline float length_square(const float (&a)[depth][split_stride], int column) {
  static_assert(depth == 16);
  float sums[depth / 2];
  ICU_UNROLL
  for (int j = 0; j < depth / 2; j++) {
    const float first = a[2 * j][column], second = a[2 * j + 1][column];
    sums[j] = first * first + second * second;
  }
  ICU_UNROLL
  for (int width = depth / 4; width > 0; width /= 2) {
    ICU_UNROLL
    for (int j = 0; j < width; j++) sums[j] += sums[j + width];
  }
  return sums[0];
}

template <typename X>
struct SplitSums {
  static constexpr int loads = tile * depth / tile_threads;

  const DistanceTiles<X, float>& a;
  SplitMemory& memory;
  int64_t row0, column0;
  float x[loads], mu[loads];  // on their way
  float block[2][4][4];       // by products of 16 x 8
  double square;              // of this thread's row or class

  __device__ void load(int64_t d0) {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads, at = element / depth;
      const int64_t d = d0 + element % depth, i = row0 + at, column = column0 + at;
      x[e] = mu[e] = 0;
      if (d >= a.p.dims) continue;
      const double centre = a.centre[d];
      if (i < a.p.rows) {
        x[e] =
            static_cast<float>(static_cast<double>(number(a.p.x[i * a.p.x_stride + d])) - centre);
      }
      if (column < a.classes) {
        mu[e] = static_cast<float>(
            static_cast<double>(a.p.mu[(a.first + column) * a.p.mu_stride + d]) - centre);
      }
    }
  }
  __device__ void store() {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads;
      memory.x[element % depth][element / depth] = x[e];
      memory.mu[element % depth][element / depth] = mu[e];
    }
  }

  __device__ void multiply() {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int g = lane / 4, t = lane % 4, row = warp / 2 * 32, column = warp % 2 * 32;
    // A thread's square is of its row, or of its class.
    const auto& own = threadIdx.x < tile ? memory.x : memory.mu;
    square += static_cast<double>(length_square(own, threadIdx.x % tile));
    ICU_UNROLL
    for (int j = 0; j < depth; j += 8) {
      float big_b[4][2], small_b[4][2];
      ICU_UNROLL
      for (int n = 0; n < 4; n++) {
        ICU_UNROLL
        for (int e = 0; e < 2; e++) {
          const float value = memory.mu[j + t + 4 * e][column + 8 * n + g];
          big_b[n][e] = to_tf32(value);
          small_b[n][e] = to_tf32(value - big_b[n][e]);
        }
      }
      ICU_UNROLL
      for (int m = 0; m < 2; m++) {
        float big_a[4], small_a[4];
        ICU_UNROLL
        for (int e = 0; e < 4; e++) {
          const float value = memory.x[j + t + e / 2 * 4][row + 16 * m + g + e % 2 * 8];
          big_a[e] = to_tf32(value);
          small_a[e] = to_tf32(value - big_a[e]);
        }
        ICU_UNROLL
        for (int n = 0; n < 4; n++) {
          multiply_tf32(block[m][n], small_a, big_b[n]);
          multiply_tf32(block[m][n], big_a, small_b[n]);
          multiply_tf32(block[m][n], big_a, big_b[n]);
        }
      }
    }
  }

  __device__ void flush(bool first) {
    ICU_UNROLL
    for (int e = 0; e < 32; e++) {
      double& sum = memory.sums[e][threadIdx.x];
      float& part = block[e / 16][e / 4 % 4][e % 4];
      sum = (first ? 0 : sum) + static_cast<double>(part);
      part = 0;
    }
  }

  __device__ void run() {
    ICU_UNROLL
    for (int e = 0; e < 32; e++) block[e / 16][e / 4 % 4][e % 4] = 0;
    square = 0;
    load(0);
    for (int64_t d = 0; d < a.p.dims; d += depth) {
      __syncthreads();
      store();
      __syncthreads();
      if (d + depth < a.p.dims) load(d + depth);
      multiply();
      if ((d + depth) % block_dims == 0 || d + depth >= a.p.dims) flush(d < block_dims);
    }
    const int at = threadIdx.x % tile;
    (threadIdx.x < tile ? memory.x_squares : memory.mu_squares)[at] = square;
    (threadIdx.x < tile ? memory.x_lengths : memory.mu_lengths)[at] = sqrt(square);
    __syncthreads();
  }

  // Where this thread's sum e stands in the tile.
  __device__ int row_of(int e) const {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    return warp / 2 * 32 + e / 16 * 16 + lane / 4 + e % 4 / 2 * 8;
  }
  __device__ int column_of(int e) const {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    return warp % 2 * 32 + e / 4 % 4 * 8 + lane % 4 * 2 + e % 2;
  }
};

// sum_d (x_id - mu_kd)^2 by a warp, in blocks as the direct form has them.
template <typename X>
__device__ double direct_square(const DistanceTiles<X, float>& a, int64_t i, int64_t k) {
  const X* x = a.p.x + i * a.p.x_stride;
  const float* mu = a.p.mu + k * a.p.mu_stride;
  double sum = 0;
  for (int64_t d = threadIdx.x % 32; d < a.p.dims; d += 64) {
    const float t = number(x[d]) - mu[d];
    float block = t * t;
    if (d + 32 < a.p.dims) {
      const float next = number(x[d + 32]) - mu[d + 32];
      block += next * next;
    }
    sum += static_cast<double>(block);
  }
  return warp_sum(sum);
}

// The gaps of the tile into `sums`, those in doubt in direct form.
template <typename X>
__device__ void finish_gaps(const SplitSums<X>& sums) {
  const DistanceTiles<X, float>& a = sums.a;
  SplitMemory& memory = sums.memory;
  const int lane = threadIdx.x % 32;
  for (int e = 0; e < 32; e++) {
    const int row = sums.row_of(e), at = sums.column_of(e);
    const int64_t i = sums.row0 + row, column = sums.column0 + at, k = a.first + column;
    const bool inside = i < a.p.rows && column < a.classes && a.target[i] >= 0;
    double& sum = memory.sums[e][threadIdx.x];
    bool wrong = false;
    double gap = 0;
    if (inside) {
      const double scale = memory.x_squares[row] + memory.mu_squares[at];
      const double error =
          a.v[k] * (square_rounding * scale +
                    product_rounding * memory.x_lengths[row] * memory.mu_lengths[at]);
      gap = a.states[i].base - 0.5 * (a.v[k] * (scale - 2 * sum) + a.log_det[k]);
      // Without the margins' offset, which the row has yet to learn: it only moves the line below
      // which nobody looks.
      const double seen = gap + (a.prior ? a.prior[k] : 0);
      wrong =
          (!(error <= tf32_tolerance) && !(seen < vanishing_gap - 64 * error)) || k == a.target[i];
    }
    for (unsigned left = __ballot_sync(whole_warp, wrong); left != 0; left &= left - 1) {
      const int from = first_bit(left);
      const double square =
          direct_square(a, __shfl_sync(whole_warp, i, from), __shfl_sync(whole_warp, k, from));
      if (lane != from) continue;
      const double q = square * a.v[k];
      gap = a.states[i].base - 0.5 * (q + a.log_det[k]) + (q - q);
    }
    sum = gap;
  }
  __syncthreads();
}

// The tile's gaps from the layout of the products to rows: a pair for each row, and the gaps.
template <typename X>
__device__ void write_split(const SplitSums<X>& sums, int64_t class_tile) {
  const DistanceTiles<X, float>& a = sums.a;
  const int half_lane = threadIdx.x % 16;
  for (int row = threadIdx.x / 16; row < tile; row += tile_threads / 16) {
    const int64_t i = sums.row0 + row;
    const bool inside = i < a.p.rows;
    const int64_t z = inside ? a.target[i] : ignored;
    double gap[4], max = -INFINITY, total = 0;
    ICU_UNROLL
    for (int c = 0; c < 4; c++) {
      const int at = c * 16 + half_lane;
      const int64_t column = sums.column0 + at, k = a.first + column;
      gap[c] = -INFINITY;
      if (!inside || column >= a.classes) continue;
      // The thread and the place of (row, at): SplitSums::row_of and column_of, the other way.
      const int warp = row / 32 * 2 + at / 32;
      const int thread = warp * 32 + row % 8 * 4 + at % 8 / 2;
      const int e = row % 32 / 16 * 16 + at % 32 / 8 * 4 + row % 16 / 8 * 2 + at % 2;
      const float value = static_cast<float>(sums.memory.sums[e][thread]);
      if (a.out) a.out[i * a.out_stride + column] = value;
      if (k == z) {
        if (a.own_gaps) a.own_gaps[i] = static_cast<double>(value);
        continue;
      }
      gap[c] = static_cast<double>(value) + (a.prior ? a.prior[k] : 0);
      max = gap[c] > max ? gap[c] : max;
    }
    if (a.output != Output::pair) continue;
    for (int step = 8; step > 0; step /= 2) {
      const double other = __shfl_xor_sync(whole_warp, max, step);
      max = other > max ? other : max;
    }
    ICU_UNROLL
    for (int c = 0; c < 4; c++) {
      if (gap[c] != -INFINITY) total += static_cast<double>(exp(static_cast<float>(gap[c] - max)));
    }
    for (int step = 8; step > 0; step /= 2) total += __shfl_xor_sync(whole_warp, total, step);
    if (inside && half_lane == 0) a.pairs[i * a.class_tiles() + class_tile] = {max, total};
  }
}

// gap and pair of distances.cuh.
template <typename X>
__global__ void __launch_bounds__(tile_threads, 3)
    split_tf32_tiles(const DistanceTiles<X, float> a) {
  ICU_SHARED(SplitMemory, memory);
  for (int64_t t = blockIdx.x; t < a.row_tiles() * a.class_tiles(); t += gridDim.x) {
    const int64_t row0 = t % a.row_tiles() * tile, class_tile = t / a.row_tiles();
    SplitSums<X> sums{a, memory, row0, class_tile * tile, {}, {}, {}, 0};
    sums.run();
    finish_gaps(sums);
    write_split(sums, class_tile);
    __syncthreads();
  }
}

}  // namespace icu::cuda
