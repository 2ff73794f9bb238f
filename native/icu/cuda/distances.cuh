// Distances in direct form, and what the passes want of them:
//
//   Q_ik = sum_d v_k (x_id - mu_kd)^2,   d_ik = (Q_ik + L_k)/2,   e_ik = d_iz - d_ik
//
// A block of 128 threads makes a tile of 64 rows x 64 classes, each thread 8 x 4 of them. 16
// dimensions at a time go through shared memory while the next 16 are on their way in registers.
// Sums are of T over 64 dimensions; those of float32 are then added to float64 in shared memory,
// where they take no registers. Where the tiles are too few for
// the device, the dimensions are split and each part writes its sums to a slab of its own.
#pragma once

#include "margins.cuh"

namespace icu::cuda {

constexpr int tile = 64;  // rows and classes
constexpr int depth = 16;
constexpr int tile_threads = 128;
constexpr int tile_stride = tile + 4;  // keeps 16-byte alignment, spreads columns over the banks
constexpr int64_t block_dims = 64;
constexpr int own_rows = 8, own_classes = 4;  // of a thread

enum class Output : int {
  distance,  // d, (N, K) in T
  square,    // Q, likewise
  gap,       // e, likewise
  part,      // unweighted sums in float64: a slab (N, K) for each part of the dimensions
  pair,      // a SoftmaxPair for each row and tile of classes; e too where `out` is given
};

template <typename X, typename T>
struct DistanceTiles {
  Problem<X, T> p;
  int64_t first, classes;  // the chunk of classes [first, first + classes)
  const double* v;         // (K); null where the covariance is diagonal
  const double* log_det;   // (K)
  Output output;
  T* out;  // rows of out_stride, class `first` in column 0
  int64_t out_stride;
  double* parts;           // (splits, N, classes)
  int64_t splits;          // of the dimensions, each a multiple of 64 but the last
  const RowState* states;  // for e
  const int64_t* target;   // pair: (N)
  const double* prior;     // pair: (K), or null
  SoftmaxPair* pairs;      // pair: (N, tiles of the chunk)
  double* own_gaps;        // pair: e_iz, (N)
  // gap and pair by split_tf32.cuh, where this is given: o, (D). Then `target` is, too.
  const double* centre;

  __host__ __device__ int64_t row_tiles() const { return tiles(p.rows, tile); }
  __host__ __device__ int64_t class_tiles() const { return tiles(classes, tile); }
  __host__ __device__ int64_t blocks() const { return row_tiles() * class_tiles() * splits; }
};

template <typename T, bool diagonal>
struct DistanceMemory {
  alignas(16) T x[depth][tile_stride];
  alignas(16) T mu[depth][tile_stride];
  alignas(16) T v[diagonal ? depth : 1][tile_stride];
  // Each thread's sums of blocks; float64 needs none.
  double sums[sizeof(T) == 4 ? own_rows * own_classes : 1][tile_threads];
};

// d or e from a sum of squares.
template <typename X, typename T>
__device__ T distance_output(const DistanceTiles<X, T>& a, int64_t i, int64_t k, double sum) {
  const double q = a.v ? sum * a.v[k] : sum;
  if (a.output == Output::square) return static_cast<T>(q);
  const double distance = 0.5 * (q + a.log_det[k]);
  if (a.output == Output::distance) return static_cast<T>(distance);
  // q - q is 0, but NaN where q is infinite: e^-inf = 0 would hide an infinite input.
  return static_cast<T>(a.states[i].base - distance + (q - q));
}

// The sums of squares of a tile over the dimensions [from, to).
template <typename X, typename T, bool diagonal>
struct SquareSums {
  static constexpr int loads = tile * depth / tile_threads;

  const DistanceTiles<X, T>& a;
  DistanceMemory<T, diagonal>& memory;
  int64_t row0, column0, to;
  T x[loads], mu[loads], v[diagonal ? loads : 1];  // on their way; s where v will be
  T block[own_rows][own_classes];

  __device__ void load(int64_t d0) {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads, at = element / depth;
      const int64_t d = d0 + element % depth, i = row0 + at, column = column0 + at;
      x[e] = mu[e] = T(0);
      if (d < to && i < a.p.rows) x[e] = number(a.p.x[i * a.p.x_stride + d]);
      const bool inside = d < to && column < a.classes;
      if (inside) mu[e] = a.p.mu[(a.first + column) * a.p.mu_stride + d];
      if constexpr (diagonal) v[e] = inside ? a.p.s[(a.first + column) * a.p.s_stride + d] : T(0);
    }
  }
  __device__ void store() {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads;
      memory.x[element % depth][element / depth] = x[e];
      memory.mu[element % depth][element / depth] = mu[e];
      if constexpr (diagonal) memory.v[element % depth][element / depth] = v[e];
    }
    if constexpr (diagonal) {
      // One exponential after another: side by side they would take every register.
      ICU_NO_UNROLL
      for (int element = threadIdx.x; element < tile * depth; element += tile_threads) {
        T& at = memory.v[element % depth][element / depth];
        at = inverse_variance(a.p, at);
      }
    }
  }
  __device__ void multiply() {
    const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    ICU_UNROLL_4
    for (int j = 0; j < depth; j++) {
      const auto* row = reinterpret_cast<const Four<T>*>(&memory.x[j][ty * own_rows]);
      const Four<T> x0 = row[0], x1 = row[1];
      const Four<T> m = *reinterpret_cast<const Four<T>*>(&memory.mu[j][tx * own_classes]);
      Four<T> w = m;
      if constexpr (diagonal) {
        w = *reinterpret_cast<const Four<T>*>(&memory.v[j][tx * own_classes]);
      }
      ICU_UNROLL
      for (int r = 0; r < own_rows; r++) {
        const T own = r < 4 ? x0.at[r % 4] : x1.at[r % 4];
        ICU_UNROLL
        for (int c = 0; c < own_classes; c++) {
          const T t = own - m.at[c];
          block[r][c] += diagonal ? (t * w.at[c]) * t : t * t;
        }
      }
    }
  }

  // What is in the registers joins the sums.
  __device__ void flush(bool first) {
    if constexpr (sizeof(T) == 4) {
      ICU_UNROLL
      for (int r = 0; r < own_rows; r++) {
        ICU_UNROLL
        for (int c = 0; c < own_classes; c++) {
          double& sum = memory.sums[r * own_classes + c][threadIdx.x];
          sum = (first ? 0 : sum) + static_cast<double>(block[r][c]);
          block[r][c] = 0;
        }
      }
    }
  }

  __device__ void run(int64_t from) {
    ICU_UNROLL
    for (int r = 0; r < own_rows; r++) {
      ICU_UNROLL
      for (int c = 0; c < own_classes; c++) block[r][c] = 0;
    }
    if (from >= to) return flush(true);
    load(from);
    for (int64_t d = from; d < to; d += depth) {
      __syncthreads();
      store();
      __syncthreads();
      if (d + depth < to) load(d + depth);
      multiply();
      if ((d + depth) % block_dims == 0 || d + depth >= to) flush(d < from + block_dims);
    }
  }

  __device__ double at(int r, int c) const {
    if constexpr (sizeof(T) == 8) {
      return block[r][c];
    } else {
      return memory.sums[r * own_classes + c][threadIdx.x];
    }
  }
};

template <typename X, typename T, bool diagonal>
__device__ void write_pairs(const DistanceTiles<X, T>& a, int64_t row0, int64_t class_tile,
                            const SquareSums<X, T, diagonal>& sums) {
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  ICU_UNROLL
  for (int r = 0; r < own_rows; r++) {
    const int64_t i = row0 + ty * own_rows + r;
    const bool inside = i < a.p.rows;
    const int64_t z = inside ? a.target[i] : ignored;
    double gap[own_classes], max = -INFINITY, total = 0;
    ICU_UNROLL
    for (int c = 0; c < own_classes; c++) {
      const int64_t column = class_tile * tile + tx * own_classes + c, k = a.first + column;
      gap[c] = -INFINITY;
      if (!inside || column >= a.classes) continue;
      const T e = distance_output(a, i, k, sums.at(r, c));
      if (a.out) a.out[i * a.out_stride + column] = e;
      if (k == z) {
        a.own_gaps[i] = static_cast<double>(e);
        continue;
      }
      gap[c] = static_cast<double>(e) + (a.prior ? a.prior[k] : 0);
      max = gap[c] > max ? gap[c] : max;
    }
    for (int step = 8; step > 0; step /= 2) {
      const double other = __shfl_xor_sync(whole_warp, max, step);
      max = other > max ? other : max;
    }
    ICU_UNROLL
    for (int c = 0; c < own_classes; c++) {
      if (gap[c] == -INFINITY) continue;
      total += static_cast<double>(exp(static_cast<T>(gap[c] - max)));
    }
    for (int step = 8; step > 0; step /= 2) total += __shfl_xor_sync(whole_warp, total, step);
    if (inside && tx == 0) a.pairs[i * a.class_tiles() + class_tile] = {max, total};
  }
}

// Blocks of a processor, as many as registers allow without a spill.
template <typename X, typename T, bool diagonal>
constexpr int blocks_of_a_processor = sizeof(T) == 8               ? 2
                                      : sizeof(X) == 2 || diagonal ? 3
                                                                   : 4;

template <typename X, typename T, bool diagonal>
__global__ void __launch_bounds__(tile_threads, (blocks_of_a_processor<X, T, diagonal>))
    distance_tiles(const DistanceTiles<X, T> a) {
  using Memory = DistanceMemory<T, diagonal>;
  ICU_SHARED(Memory, memory);
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  // Neighbouring blocks share their means, which are the larger operand.
  for (int64_t t = blockIdx.x; t < a.blocks(); t += gridDim.x) {
    const int64_t row0 = t % a.row_tiles() * tile, rest = t / a.row_tiles();
    const int64_t class_tile = rest % a.class_tiles(), split = rest / a.class_tiles();
    const int64_t width = tiles(tiles(a.p.dims, block_dims), a.splits) * block_dims;
    const int64_t from = smaller(split * width, a.p.dims), to = smaller(from + width, a.p.dims);
    SquareSums<X, T, diagonal> sums{a, memory, row0, class_tile * tile, to, {}, {}, {}, {}};
    sums.run(from);
    if (a.output == Output::pair) {
      write_pairs(a, row0, class_tile, sums);
      continue;
    }
    ICU_UNROLL
    for (int r = 0; r < own_rows; r++) {
      const int64_t i = row0 + ty * own_rows + r;
      if (i >= a.p.rows) continue;
      ICU_UNROLL
      for (int c = 0; c < own_classes; c++) {
        const int64_t column = class_tile * tile + tx * own_classes + c;
        if (column >= a.classes) continue;
        if (a.output == Output::part) {
          a.parts[(split * a.p.rows + i) * a.classes + column] = sums.at(r, c);
        } else {
          a.out[i * a.out_stride + column] = distance_output(a, i, a.first + column, sums.at(r, c));
        }
      }
    }
  }
}

// The parts of all splits, added in order.
template <typename X, typename T>
__device__ double sum_of_parts(const DistanceTiles<X, T>& a, int64_t i, int64_t column) {
  double sum = 0;
  for (int64_t s = 0; s < a.splits; s++) {
    sum += a.parts[(s * a.p.rows + i) * a.classes + column];
  }
  return sum;
}

constexpr int combine_threads = 256;

// `output` of each row and class from the parts.
template <typename X, typename T>
__global__ void __launch_bounds__(combine_threads) combine_parts(const DistanceTiles<X, T> a) {
  const int64_t count = a.p.rows * a.classes;
  const int64_t step = static_cast<int64_t>(gridDim.x) * combine_threads;
  for (int64_t e = static_cast<int64_t>(blockIdx.x) * combine_threads + threadIdx.x; e < count;
       e += step) {
    const int64_t i = e / a.classes, column = e % a.classes;
    a.out[i * a.out_stride + column] =
        distance_output(a, i, a.first + column, sum_of_parts(a, i, column));
  }
}

}  // namespace icu::cuda
