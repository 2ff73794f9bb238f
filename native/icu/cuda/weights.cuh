// The weights of the differences x_i - mu_k, one chunk of classes at a time, and their sums:
//
//   A_ik = g_ik m_ik,  H_ik = g_ik h_ik
//   W_ik = A_ik v_k (A_ik where the covariance is diagonal),  r_i = sum_k W_ik,  c_k = sum_i W_ik
//   h_k  = sum_i H_ik,  q_k = sum_i A_ik Q_ik
//
// A block of 256 threads makes a tile of 64 x 64 weights. The sums of a tile go to memory in
// float64 and are added in order by sum_weights. A tile of zeros is marked: the products skip it.
#pragma once

#include "distances.cuh"

namespace icu::cuda {

constexpr int weight_threads = 256;

// The gradient that arrives at a row's loss, read on the device. A null pointer is a zero.
template <typename T>
struct Upstream {
  const T* classification;  // a scalar, or rows of `stride`
  int64_t stride;
  const T* regularizer;  // a scalar
  const T* total;        // a scalar

  __device__ double of_total() const { return total ? static_cast<double>(*total) : 0; }
  __device__ double of_regularizer() const {
    return (regularizer ? static_cast<double>(*regularizer) : 0) + of_total();
  }
  __device__ double of_row(const Options& o, const Tally& tally, int64_t i) const {
    const double each =
        classification ? static_cast<double>(classification[o.per_row ? i * stride : 0]) : 0;
    return (each + of_total()) / (o.mean && tally.valid > 0 ? tally.valid : 1);
  }
};

// Whether a gradient arrives at any distance.
template <typename T>
bool has_products(const Options& o, const Upstream<T>& u) {
  return u.classification || u.total || (u.regularizer && o.likelihood_of_distance());
}

struct ClassSums {
  double c, h, q;
};

template <typename X, typename T>
struct Weights {
  int64_t rows, first, classes;  // the chunk of classes [first, first + classes)
  const double* v;               // (K); null where the covariance is diagonal
  const double* log_det;         // (K)
  T* out;                        // W, (N, classes) dense
  unsigned char* filled;         // (row tiles, class tiles): whether a tile has a weight
  double* row_parts;             // (class tiles, N)
  ClassSums* class_parts;        // (row tiles, classes)

  // From the loss: gaps and row states.
  const T* gaps;  // column 0 is class `first`; may be `out`
  int64_t gap_stride;
  const double* prior;  // (K), or null
  const RowState* states;
  const int64_t* target;
  const Tally* tally;
  Options options;
  Upstream<T> upstream;
  // From distances' gradient G: A = H = G.
  const T* given;  // null for the loss; at class 0
  int64_t given_stride, given_step;
  const T* squares;  // Q, (N, classes) dense, or null where q is not needed

  __host__ __device__ int64_t row_tiles() const { return tiles(rows, tile); }
  __host__ __device__ int64_t class_tiles() const { return tiles(classes, tile); }
};

// What a row's weights need, once for its 64 classes.
struct RowWeights {
  double scale, max, offset, base;
  double target_gradient;  // g_iz
  int64_t target;
};

template <typename X, typename T>
__device__ RowWeights row_weights(const Weights<X, T>& a, int64_t i) {
  RowWeights w{};
  w.target = a.target[i];
  if (w.target == ignored) return w;
  if (w.target == no_class) {
    w.scale = w.max = w.offset = w.base = NAN;
    return w;
  }
  const RowState state = a.states[i];
  const RowGradient g = row_gradient(state, a.upstream.of_row(a.options, *a.tally, i));
  w.scale = g.scale;
  w.max = state.max;
  w.offset = state.offset;
  w.base = state.base;
  w.target_gradient = g.target;
  return w;
}

// A_ik, H_ik and Q_ik from the gap.
struct Weight {
  double a, h, q;
};

template <typename X, typename T>
__device__ Weight weight_of_gap(const Weights<X, T>& w, const RowWeights& row, T gap, int64_t k) {
  if (row.target == ignored) return {0, 0, 0};
  const double e = static_cast<double>(gap), distance = row.base - e;
  const double q = 2 * distance - w.log_det[k];
  if (k != row.target) {
    const double above = e + row.offset + (w.prior ? w.prior[k] : 0) - row.max;
    const double a = row.scale * static_cast<double>(exp(static_cast<T>(above)));
    return {a, a, q};
  }
  const Target target = target_with_margins(w.options, distance, w.log_det[k]);
  double likelihood = 0;
  if (w.options.likelihood_of_distance()) {
    likelihood = w.options.lambda_likelihood * w.upstream.of_regularizer() / w.tally->valid;
  }
  return {row.target_gradient * target.m + likelihood, row.target_gradient * target.h + likelihood,
          q};
}

template <typename X, typename T>
__device__ Weight weight_of(const Weights<X, T>& w, const RowWeights& row, int64_t i, int64_t k) {
  if (!w.given) return weight_of_gap(w, row, w.gaps[i * w.gap_stride + k - w.first], k);
  const double g = static_cast<double>(w.given[i * w.given_stride + k * w.given_step]);
  return {g, g, w.squares ? static_cast<double>(w.squares[i * w.classes + k - w.first]) : 0};
}

template <typename X, typename T>
__global__ void __launch_bounds__(weight_threads) make_weights(const Weights<X, T> a) {
  constexpr int warps = weight_threads / 32;
  struct Shared {
    ClassSums sums[warps][tile];
    bool filled[warps];
  };
  ICU_SHARED(Shared, shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t t = blockIdx.x; t < a.row_tiles() * a.class_tiles(); t += gridDim.x) {
    const int64_t row_tile = t / a.class_tiles(), class_tile = t % a.class_tiles();
    ClassSums sums[2] = {};
    bool filled = false;
    for (int r = warp; r < tile; r += warps) {
      const int64_t i = row_tile * tile + r;
      if (i >= a.rows) break;
      const RowWeights row = a.given ? RowWeights{} : row_weights(a, i);
      double row_sum = 0;
      for (int half = 0; half < 2; half++) {
        const int64_t column = class_tile * tile + lane + 32 * half, k = a.first + column;
        if (column >= a.classes) continue;
        const Weight w = weight_of(a, row, i, k);
        const T value = static_cast<T>(a.v ? w.a * a.v[k] : w.a);
        a.out[i * a.classes + column] = value;
        // Sums are of the weights as the products see them.
        row_sum += static_cast<double>(value);
        sums[half].c += static_cast<double>(value);
        sums[half].h += w.h;
        // 0 times an infinite Q is no gradient; the gap of such a pair is NaN, and so is its A.
        sums[half].q += w.a == 0 ? 0 : w.a * w.q;
        filled = filled || value != T(0);
      }
      row_sum = warp_sum(row_sum);
      if (lane == 0) a.row_parts[class_tile * a.rows + i] = row_sum;
    }
    shared.sums[warp][lane] = sums[0];
    shared.sums[warp][lane + 32] = sums[1];
    filled = __any_sync(whole_warp, filled);
    if (lane == 0) shared.filled[warp] = filled;
    __syncthreads();
    if (threadIdx.x < tile) {
      const int64_t column = class_tile * tile + threadIdx.x;
      ClassSums total{};
      for (int w = 0; w < warps; w++) {
        total.c += shared.sums[w][threadIdx.x].c;
        total.h += shared.sums[w][threadIdx.x].h;
        total.q += shared.sums[w][threadIdx.x].q;
      }
      if (column < a.classes) a.class_parts[row_tile * a.classes + column] = total;
    }
    if (threadIdx.x == 0) {
      bool any = false;
      for (int w = 0; w < warps; w++) any = any || shared.filled[w];
      a.filled[row_tile * a.class_tiles() + class_tile] = any;
    }
    __syncthreads();
  }
}

struct WeightSums {
  int64_t rows, first, classes, row_tiles, class_tiles;
  const double* row_parts;
  const ClassSums* class_parts;
  bool first_chunk;
  double* row_sums;       // (N): r so far
  ClassSums* class_sums;  // (classes)
};

constexpr int sum_threads = 256;

// r_i and the classes' sums from the tiles', in order; a thread to a sum.
template <int threads>
__global__ void __launch_bounds__(threads) sum_weights(const WeightSums a) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * threads;
  for (int64_t e = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x; e < a.rows + a.classes;
       e += step) {
    if (e < a.rows) {
      double sum = a.first_chunk ? 0 : a.row_sums[e];
      for (int64_t t = 0; t < a.class_tiles; t++) sum += a.row_parts[t * a.rows + e];
      a.row_sums[e] = sum;
    } else {
      ClassSums sum{};
      for (int64_t t = 0; t < a.row_tiles; t++) {
        const ClassSums part = a.class_parts[t * a.classes + e - a.rows];
        sum.c += part.c;
        sum.h += part.h;
        sum.q += part.q;
      }
      a.class_sums[e - a.rows] = sum;
    }
  }
}

}  // namespace icu::cuda
