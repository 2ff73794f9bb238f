// The rows' softmax: from an (N, K) array of gaps, or from the pairs of the class tiles; and the
// sums over rows at the end of the forward pass.
#pragma once

#include "distances.cuh"

namespace icu::cuda {

constexpr int row_threads = 256;

template <typename X, typename T>
struct Rows {
  DistanceTiles<X, T> d;  // `out` has the gaps; where there are parts, they are made from these
  Options options;
  const int64_t* target;
  const double* prior;     // (K), or null
  RowState* states;        // (N)
  const double* own_gaps;  // (N), with pairs
  SoftmaxPair* running;    // (N): what earlier chunks of classes gave, with pairs
  bool first_chunk, last_chunk;
  double* losses;     // (N)
  double* distances;  // (N): d_iz
  T* row_losses;      // (N) where asked for, else null
};

// Completes row i, by one thread.
template <typename X, typename T>
__device__ void complete_row(const Rows<X, T>& a, int64_t i, SoftmaxPair pair, double own_gap) {
  const int64_t z = a.target[i];
  RowState state = a.states[i];
  double loss = 0, distance = 0;
  if (z >= 0) {
    distance = state.base - own_gap;
    loss = finish_row(a.options, pair, own_gap, a.d.log_det[z], a.prior ? a.prior[z] : 0, &state);
  } else if (z == no_class) {
    loss = distance = NAN;
    state = {NAN, NAN, NAN, NAN};
  }
  a.states[i] = state;
  a.losses[i] = loss;
  a.distances[i] = distance;
  if (a.row_losses) a.row_losses[i] = static_cast<T>(loss);
}

// The pair of a block's threads, in thread 0.
template <int threads>
__device__ SoftmaxPair merge_block(SoftmaxPair pair) {
  struct Shared {
    SoftmaxPair of_warp[threads / 32];
  };
  ICU_SHARED(Shared, shared);
  for (int step = 16; step > 0; step /= 2) {
    const SoftmaxPair other{__shfl_xor_sync(whole_warp, pair.max, step),
                            __shfl_xor_sync(whole_warp, pair.sum, step)};
    pair = merged(pair, other);
  }
  if (threadIdx.x % 32 == 0) shared.of_warp[threadIdx.x / 32] = pair;
  __syncthreads();
  pair = shared.of_warp[0];
  for (int w = 1; w < threads / 32; w++) pair = merged(pair, shared.of_warp[w]);
  __syncthreads();
  return pair;
}

// A block to a row.
template <typename X, typename T>
__global__ void __launch_bounds__(row_threads) rows_from_gaps(const Rows<X, T> a) {
  const DistanceTiles<X, T>& d = a.d;
  for (int64_t i = blockIdx.x; i < d.p.rows; i += gridDim.x) {
    const int64_t z = a.target[i];
    T* gaps = d.out + i * d.out_stride;
    double max = -INFINITY;
    for (int64_t k = threadIdx.x; k < d.classes; k += row_threads) {
      if (d.parts) gaps[k] = distance_output(d, i, k, sum_of_parts(d, i, k));
      const double gap = static_cast<double>(gaps[k]) + (a.prior ? a.prior[k] : 0);
      if (k != z && gap > max) max = gap;
    }
    double sum = 0;
    for (int64_t k = threadIdx.x; k < d.classes; k += row_threads) {
      const double gap = static_cast<double>(gaps[k]) + (a.prior ? a.prior[k] : 0);
      if (k != z && gap != -INFINITY) {
        sum += static_cast<double>(exp(static_cast<T>(gap - max)));
      }
    }
    const SoftmaxPair pair = merge_block<row_threads>({max, sum});
    // The gaps of this row are complete: merge_block has met every thread.
    if (threadIdx.x == 0) {
      complete_row(a, i, pair, z >= 0 ? static_cast<double>(gaps[z]) : 0);
    }
  }
}

template <typename X, typename T>
__global__ void __launch_bounds__(row_threads) rows_from_pairs(const Rows<X, T> a) {
  const int64_t count = a.d.class_tiles();
  for (int64_t i = blockIdx.x; i < a.d.p.rows; i += gridDim.x) {
    SoftmaxPair pair = no_classes();
    for (int64_t t = threadIdx.x; t < count; t += row_threads) {
      pair = merged(pair, a.d.pairs[i * count + t]);
    }
    pair = merge_block<row_threads>(pair);
    if (threadIdx.x != 0) continue;
    if (!a.first_chunk) pair = merged(a.running[i], pair);
    a.running[i] = pair;
    if (a.last_chunk) complete_row(a, i, pair, a.target[i] >= 0 ? a.own_gaps[i] : 0);
  }
}

template <typename T>
struct Finish {
  Options options;
  int64_t rows;
  const Tally* tally;
  const int64_t* target;
  const double* losses;        // (N)
  const double* distances;     // (N)
  const double* norms;         // (N)
  const double* half_squares;  // (N), with the euclidean likelihood
  const double* class_terms;   // (slots): a present class's w_k [...] but 1/|present| or 1/V
  int64_t slots;               // 0 where the regulariser has no such part
  T* classification;           // null where it is by row
  T* regularizer;
  T* total;
  double* diagnostics;  // V, share of d_iz < 0, mean |x|
};

constexpr int finish_threads = 512;

// A thread's part of the sums over rows, and over the classes' parts of the regulariser.
struct ForwardSums {
  double loss, negative, norm, likelihood, classes;
};

// The outputs from the sums of a block's threads; d_iz, or half a square, is the likelihood's.
template <int threads, typename T>
__device__ void finish_sums(const Options& o, const Tally& tally, ForwardSums sums,
                            T* classification, T* regularizer, T* total, double* diagnostics) {
  sums.loss = block_sum<threads>(sums.loss);
  sums.negative = block_sum<threads>(sums.negative);
  sums.norm = block_sum<threads>(sums.norm);
  sums.likelihood = block_sum<threads>(sums.likelihood);
  sums.classes = block_sum<threads>(sums.classes);
  if (threadIdx.x != 0) return;
  const double share = tally.valid > 0 ? 1 / tally.valid : 1;
  double value = o.moments() ? sums.classes : 0;
  if (o.weighting == Weighting::samples) value *= share;
  if (o.weighting == Weighting::classes && value != 0) value /= tally.present;
  if (o.lambda_likelihood > 0) value += o.lambda_likelihood * sums.likelihood * share;
  const double loss = o.mean ? sums.loss * share : sums.loss;
  if (classification) *classification = static_cast<T>(loss);
  *regularizer = static_cast<T>(value);
  *total = static_cast<T>(loss + value);
  diagnostics[0] = tally.valid;
  diagnostics[1] = sums.negative * share;
  diagnostics[2] = sums.norm * share;
}

// By one block.
template <typename T>
__global__ void __launch_bounds__(finish_threads) finish_forward(const Finish<T> a) {
  ForwardSums sums{};
  for (int64_t i = threadIdx.x; i < a.rows; i += finish_threads) {
    if (a.target[i] == ignored) continue;
    sums.loss += a.losses[i];
    sums.negative += a.distances[i] < 0;
    sums.norm += a.norms[i];
    sums.likelihood += a.half_squares ? a.half_squares[i] : a.distances[i];
  }
  for (int64_t j = threadIdx.x; j < a.slots; j += finish_threads) sums.classes += a.class_terms[j];
  finish_sums<finish_threads>(a.options, *a.tally, sums, a.classification, a.regularizer, a.total,
                              a.diagnostics);
}

}  // namespace icu::cuda
