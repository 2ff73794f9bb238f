// Sums of weighted differences as products on centred operands: with any o,
//
//   sum_j W_rj (p_r - q_j) = (p_r - o) sum_j W_rj - sum_j W_rj (q_j - o)
//
// o is a mean of class means (prepare.cuh), so a common offset of features and means costs no
// digits. The operands are centred and converted on their way into shared memory: there is no copy
// of x or mu, and no library whose TF32 setting matters. sum_j W_rj is made in float64
// (weights.cuh).
//
//   features  r = row, j = class:  dL/dx_i = sum_k W_ik (x_i - mu_k)
//   classes   r = class, j = row:  dL/dmu_k = sum_i W_ik (mu_k - x_i)
//
// With a diagonal covariance the weight is A_ik v_kd: the first needs sum_k A_ik v_kd as well, for
// each dimension; the second factors v_kd out and also sums A_ik (x_id - mu_kd)^2, in direct form.
//
// A block of 128 threads makes a tile of 64 x 64 sums. Tiles of W without a weight are left out.
// Where the tiles are too few for the device, j is split, and each part has a slab of its own.
#pragma once

#include "weights.cuh"

namespace icu::cuda {

enum class Form : int {
  plain,     // first = sum_j W_rj (q_jd - o_d)
  weighted,  // first = sum_j W_rj v_jd (q_jd - o_d), second = sum_j W_rj v_jd
  squares,   // first = sum_j W_rj (q_jd - p_rd), second = sum_j W_rj (q_jd - p_rd)^2
};

// Q: type of the summed vectors, x or mu.
template <typename Q, typename T>
struct Product {
  int64_t outputs, sources, dims;
  bool transposed;  // W[j][r] instead of W[r][j]
  const T* w;
  int64_t w_stride;
  const unsigned char* filled;  // by tiles of W as it stands
  int64_t filled_stride;
  const Q* q;
  int64_t q_stride;
  const int64_t* target;  // sources that are ignored rows count as zero; null where there are none
  const double* centre;   // (D)
  const T* p;             // squares: (outputs) rows of p_stride
  int64_t p_stride;
  const T* s;  // weighted: log-variances of the sources
  int64_t s_stride;
  double min, max;
  int64_t splits;   // of the sources
  T* first;         // (splits, outputs, D)
  T* second;        // likewise; plain: null
  bool accumulate;  // add to what earlier chunks left
  // plain, one split: `first` gets the result itself, (p - o) sums - first.
  const ClassSums* sums;  // (outputs), or null

  __host__ __device__ int64_t output_tiles() const { return tiles(outputs, tile); }
  __host__ __device__ int64_t dim_tiles() const { return tiles(dims, tile); }
  __host__ __device__ int64_t blocks() const { return output_tiles() * dim_tiles() * splits; }
};

template <typename T, Form form>
struct ProductMemory {
  alignas(16) T w[depth][tile_stride];
  alignas(16) T q[depth][tile_stride];
  alignas(16) T v[form == Form::weighted ? depth : 1][tile_stride];
};

template <typename Q, typename T, Form form>
struct ProductTile {
  static constexpr int loads = tile * depth / tile_threads;

  const Product<Q, T>& a;
  ProductMemory<T, form>& memory;
  int64_t output0, dim0;
  T w[loads], q[loads], v[form == Form::weighted ? loads : 1];  // on their way
  T p[form == Form::squares ? own_rows : 1][own_classes];       // p - o of this thread
  T first[own_rows][own_classes], second[form == Form::plain ? 1 : own_rows][own_classes];

  __device__ void start() {
    ICU_UNROLL
    for (int r = 0; r < own_rows; r++) {
      ICU_UNROLL
      for (int c = 0; c < own_classes; c++) {
        first[r][c] = 0;
        if constexpr (form != Form::plain) second[r][c] = 0;
        if constexpr (form == Form::squares) {
          const int64_t output = output0 + threadIdx.x / 16 * own_rows + r;
          const int64_t d = dim0 + threadIdx.x % 16 * own_classes + c;
          p[r][c] =
              output < a.outputs && d < a.dims
                  ? static_cast<T>(static_cast<double>(a.p[output * a.p_stride + d]) - a.centre[d])
                  : T(0);
        }
      }
    }
  }

  __device__ void load(int64_t j0) {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads;
      // W: along its rows in memory.
      const int of_output = a.transposed ? element % tile : element / depth;
      const int of_source = a.transposed ? element / tile : element % depth;
      const int64_t output = output0 + of_output, j = j0 + of_source;
      w[e] = T(0);
      if (output < a.outputs && j < a.sources) {
        w[e] = a.w[a.transposed ? j * a.w_stride + output : output * a.w_stride + j];
      }
      const int64_t source = j0 + element / tile, d = dim0 + element % tile;
      const bool inside = source < a.sources && d < a.dims;
      q[e] = T(0);
      if constexpr (form == Form::weighted) v[e] = T(0);
      if (!inside || (a.target && a.target[source] == ignored)) continue;
      q[e] =
          static_cast<T>(static_cast<double>(number(a.q[source * a.q_stride + d])) - a.centre[d]);
      if constexpr (form == Form::weighted) {
        const double value = static_cast<double>(a.s[source * a.s_stride + d]);
        const double clamped = value < a.min ? a.min : value > a.max ? a.max : value;
        v[e] = exp(static_cast<T>(-(clamped + (value - value))));
        q[e] *= v[e];
      }
    }
  }
  __device__ void store() {
    ICU_UNROLL
    for (int e = 0; e < loads; e++) {
      const int element = threadIdx.x + e * tile_threads;
      if (a.transposed) {
        memory.w[element / tile][element % tile] = w[e];
      } else {
        memory.w[element % depth][element / depth] = w[e];
      }
      memory.q[element / tile][element % tile] = q[e];
      if constexpr (form == Form::weighted) memory.v[element / tile][element % tile] = v[e];
    }
  }
  __device__ void multiply() {
    const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    ICU_UNROLL_4
    for (int j = 0; j < depth; j++) {
      const auto* row = reinterpret_cast<const Four<T>*>(&memory.w[j][ty * own_rows]);
      const Four<T> w0 = row[0], w1 = row[1];
      const Four<T> of_q = *reinterpret_cast<const Four<T>*>(&memory.q[j][tx * own_classes]);
      Four<T> of_v = of_q;
      if constexpr (form == Form::weighted) {
        of_v = *reinterpret_cast<const Four<T>*>(&memory.v[j][tx * own_classes]);
      }
      ICU_UNROLL
      for (int r = 0; r < own_rows; r++) {
        const T weight = r < 4 ? w0.at[r % 4] : w1.at[r % 4];
        ICU_UNROLL
        for (int c = 0; c < own_classes; c++) {
          if constexpr (form == Form::squares) {
            const T t = of_q.at[c] - p[r][c], wt = weight * t;
            first[r][c] += wt;
            second[r][c] += wt * t;
          } else {
            first[r][c] += weight * of_q.at[c];
            if constexpr (form == Form::weighted) second[r][c] += weight * of_v.at[c];
          }
        }
      }
    }
  }

  __device__ bool has_weights(int64_t j) const {
    const int64_t source_tile = j / tile, output_tile = output0 / tile;
    return a.filled[a.transposed ? source_tile * a.filled_stride + output_tile
                                 : output_tile * a.filled_stride + source_tile] != 0;
  }
  // The next step with weights in it, from j on.
  __device__ int64_t next(int64_t j, int64_t to) const {
    while (j < to && j % tile == 0 && !has_weights(j)) j += tile;
    return j;
  }
  __device__ void run(int64_t from, int64_t to) {
    start();
    int64_t j = next(from, to);
    if (j < to) load(j);
    while (j < to) {
      __syncthreads();
      store();
      __syncthreads();
      j = next(j + depth, to);
      if (j < to) load(j);
      multiply();
    }
  }
};

template <typename Q, typename T, Form form>
__global__ void __launch_bounds__(tile_threads) product_tiles(const Product<Q, T> a) {
  using Memory = ProductMemory<T, form>;
  ICU_SHARED(Memory, memory);
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  for (int64_t t = blockIdx.x; t < a.blocks(); t += gridDim.x) {
    const int64_t dim0 = t % a.dim_tiles() * tile, rest = t / a.dim_tiles();
    const int64_t output0 = rest % a.output_tiles() * tile, split = rest / a.output_tiles();
    const int64_t width = tiles(tiles(a.sources, tile), a.splits) * tile;
    const int64_t from = smaller(split * width, a.sources), to = smaller(from + width, a.sources);
    ProductTile<Q, T, form> sums{a, memory, output0, dim0, {}, {}, {}, {}, {}, {}};
    sums.run(from, to);
    ICU_UNROLL
    for (int r = 0; r < own_rows; r++) {
      const int64_t output = output0 + ty * own_rows + r;
      if (output >= a.outputs) continue;
      ICU_UNROLL
      for (int c = 0; c < own_classes; c++) {
        const int64_t d = dim0 + tx * own_classes + c;
        if (d >= a.dims) continue;
        const int64_t at = (split * a.outputs + output) * a.dims + d;
        T value = sums.first[r][c];
        if (a.sums) {
          const double p = static_cast<double>(a.p[output * a.p_stride + d]) - a.centre[d];
          value = static_cast<T>(p * a.sums[output].c - static_cast<double>(value));
        }
        a.first[at] = a.accumulate ? a.first[at] + value : value;
        if constexpr (form != Form::plain) {
          a.second[at] = a.accumulate ? a.second[at] + sums.second[r][c] : sums.second[r][c];
        }
      }
    }
    __syncthreads();
  }
}

}  // namespace icu::cuda
