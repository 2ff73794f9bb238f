// The regulariser over the classes present in the batch, n_k rows each (Eqs. 12 to 16), with
// t_k = mu_k - mubar_k and e_k = sigma_k^2 - sbar_k^2:
//
//   R        = sum_k w_k [lambda_mean |t_k|^2 + lambda_var |e_k|^2]
//   mubar_k  = mean of x over class k,  sbar_k^2 = (c/n_k) sum_i |x_i - centre|^2
//   dR/dmu_k = w_k [2 lambda_mean - 4c lambda_var e_k] t_k
//   dR/ds_k  = 2 w_k lambda_var e_k sigma_k^2
//   dR/dx_i  = -(w_k/n_k) [2 lambda_mean t_k + 4c lambda_var e_k (x_i - centre)]
//
// and the euclidean likelihood, lambda/V |x_i - mu_z|^2/2, whose gradient by mu_k is lambda n_k/V
// t_k. The centre is mu_k, or mubar_k (moment_center batch).
//
// Classes are found in the sorted labels. There are min(N, K) slots: with few classes a slot is a
// class, else a place in the sorted labels, and its class is present if the label before is
// another.
#pragma once

#include "labels.cuh"
#include "weights.cuh"

namespace icu::cuda {

constexpr int moment_threads = 256;
constexpr int moment_dims = 32;  // of a block

struct Slot {
  int64_t k, first, count;  // its rows are sorted.rows[first ...]; count 0: no class present
};

// e is kept as T; t is formed in float64 and kept as T.
template <typename X, typename T>
struct Moments {
  Problem<X, T> p;
  Options options;
  int64_t ignore_index;
  SortedLabels sorted;
  T* t;             // (slots, D)
  T* e;             // (slots, D) where diagonal, else null
  double* spread;   // (slots, dim blocks): sum_i |x_i - centre|^2; diagonal: |e|^2
  double* squares;  // (slots, dim blocks): |t|^2

  __host__ __device__ int64_t slots() const { return smaller(p.rows, p.classes); }
  __host__ __device__ int64_t dim_blocks() const { return tiles(p.dims, moment_dims); }
};

// The first place in the sorted labels with a label of at least `label`.
__device__ inline int64_t first_at_least(const int64_t* sorted, int64_t count, int64_t label) {
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (sorted[middle] < label) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <typename X, typename T>
__device__ Slot slot_at(const Moments<X, T>& a, int64_t j) {
  const int64_t rows = a.p.rows;
  Slot slot{j, j, 0};
  if (a.p.classes <= rows) {
    slot.first = first_at_least(a.sorted.labels, rows, j);
  } else {
    slot.k = a.sorted.labels[j];
    if (j > 0 && a.sorted.labels[j - 1] == slot.k) return slot;
  }
  if (target_of(slot.k, a.ignore_index, a.p.classes) < 0) return slot;
  slot.count = first_at_least(a.sorted.labels, rows, slot.k + 1) - slot.first;
  return slot;
}

// The slot of a class that is present.
template <typename X, typename T>
__device__ int64_t slot_of(const Moments<X, T>& a, int64_t k) {
  return a.p.classes <= a.p.rows ? k : first_at_least(a.sorted.labels, a.p.rows, k);
}

// w_k.
__device__ inline double class_weight(const Options& o, const Tally& tally, int64_t count) {
  if (o.weighting == Weighting::classes) return 1 / tally.present;
  return o.weighting == Weighting::samples ? static_cast<double>(count) / tally.valid : 1;
}

// A block to a slot and 32 dimensions: warps take the rows in turn, lanes the dimensions.
template <typename X, typename T>
__global__ void __launch_bounds__(moment_threads) class_moments(const Moments<X, T> a) {
  constexpr int warps = moment_threads / 32;
  struct Shared {
    double sums[warps][moment_dims];
  };
  ICU_SHARED(Shared, shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t b = blockIdx.x; b < a.slots() * a.dim_blocks(); b += gridDim.x) {
    const int64_t j = b / a.dim_blocks(), part = b % a.dim_blocks();
    const Slot slot = slot_at(a, j);
    if (slot.count == 0) continue;  // the whole block
    const int64_t d = part * moment_dims + lane;
    const bool inside = d < a.p.dims;
    const double mu = inside ? static_cast<double>(a.p.mu[slot.k * a.p.mu_stride + d]) : 0;
    const auto sum_over_rows = [&](double centre, bool square) {
      double sum = 0;
      for (int64_t r = warp; inside && r < slot.count; r += warps) {
        const int64_t i = a.sorted.rows[slot.first + r];
        const double from = static_cast<double>(number(a.p.x[i * a.p.x_stride + d])) - centre;
        sum += square ? from * from : from;
      }
      shared.sums[warp][lane] = sum;
      __syncthreads();
      double total = 0;
      for (int w = 0; w < warps; w++) total += shared.sums[w][lane];
      __syncthreads();
      return total;
    };
    // The mean as mu plus the mean difference: near classes keep their digits.
    const double count = static_cast<double>(slot.count);
    const double t = -sum_over_rows(mu, false) / count;
    const double spread = sum_over_rows(a.options.batch_center ? mu - t : mu, true);
    if (warp != 0) continue;
    double of_spread = spread;
    if (inside) a.t[j * a.p.dims + d] = static_cast<T>(t);
    if (a.p.diagonal) {
      double e = 0;
      if (inside) {
        e = exp(log_variance(a.p, slot.k * a.p.s_stride + d)) -
            a.options.moment_factor / count * spread;
        a.e[j * a.p.dims + d] = static_cast<T>(e);
      }
      of_spread = e * e;
    }
    of_spread = warp_sum(inside ? of_spread : 0);
    const double square = warp_sum(inside ? t * t : 0);
    if (lane == 0) {
      a.spread[j * a.dim_blocks() + part] = of_spread;
      a.squares[j * a.dim_blocks() + part] = square;
    }
  }
}

template <typename X, typename T>
__device__ double sum_of_blocks(const Moments<X, T>& a, const double* parts, int64_t j) {
  double sum = 0;
  for (int64_t b = 0; b < a.dim_blocks(); b++) sum += parts[j * a.dim_blocks() + b];
  return sum;
}

// e_k of a covariance that is not diagonal.
template <typename X, typename T>
__device__ double class_error(const Moments<X, T>& a, int64_t j, const Slot& slot) {
  return exp(log_variance(a.p, slot.k * a.p.s_stride)) -
         a.options.moment_factor / static_cast<double>(slot.count) * sum_of_blocks(a, a.spread, j);
}

// A present class's part of R but for 1/|present| or 1/V; a thread to a slot.
template <typename X, typename T>
struct MomentTerms {
  Moments<X, T> m;
  double* terms;  // (slots)
};
template <typename X, typename T>
__global__ void __launch_bounds__(moment_threads) moment_terms(const MomentTerms<X, T> a) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * moment_threads;
  for (int64_t j = static_cast<int64_t>(blockIdx.x) * moment_threads + threadIdx.x; j < a.m.slots();
       j += step) {
    const Slot slot = slot_at(a.m, j);
    double term = 0;
    if (slot.count > 0) {
      double spread = 0;
      if (a.m.p.diagonal) {
        spread = sum_of_blocks(a.m, a.m.spread, j);
      } else {
        const double e = class_error(a.m, j, slot);
        spread = e * e;
      }
      term = a.m.options.lambda_mean * sum_of_blocks(a.m, a.m.squares, j) +
             a.m.options.lambda_var * spread;
      if (a.m.options.weighting == Weighting::samples) term *= static_cast<double>(slot.count);
    }
    a.terms[j] = term;
  }
}

// The factors of a class's gradients, the upstream gradient u among them.
struct MomentFactors {
  double w;          // u w_k
  double pull;       // 2 lambda_mean
  double spread;     // 4c lambda_var
  double through;    // the same, 0 where no gradient flows to mu through the moment
  double euclidean;  // u lambda/V
  double share;      // of dR/dx: u w_k/n_k, 0 where no gradient flows

  __device__ MomentFactors(const Options& o, const Tally& tally, double upstream, int64_t count) {
    w = o.moments() ? upstream * class_weight(o, tally, count) : 0;
    pull = 2 * o.lambda_mean;
    spread = 4 * o.moment_factor * o.lambda_var;
    through = o.moment_gradient && !o.batch_center ? spread : 0;
    euclidean = o.likelihood_of_squares() ? upstream * o.lambda_likelihood / tally.valid : 0;
    share = o.moment_gradient ? w / static_cast<double>(count) : 0;
  }

  // By mu_kd, x_id and s.
  __device__ double of_mean(double e, double t, int64_t count) const {
    return (w * (pull - through * e) + euclidean * static_cast<double>(count)) * t;
  }
  __device__ double of_feature(double e, double t, double from_mu, bool batch_center) const {
    // Not formed where it does not flow: 0 times an infinity would be NaN.
    const double moments =
        share == 0 ? 0 : share * (pull * t + spread * e * (batch_center ? from_mu + t : from_mu));
    return (euclidean == 0 ? 0 : euclidean * from_mu) - moments;
  }
  __device__ double of_log_variance(const Options& o, double e, double sigma2) const {
    return w == 0 ? 0 : 2 * w * o.lambda_var * e * sigma2;
  }
};

template <typename X, typename T>
struct MomentGradients {
  Moments<X, T> m;
  const Tally* tally;
  Upstream<T> upstream;
  T* means;          // (K, D) added to, or null
  T* log_variances;  // (K) or (K, D), likewise
};

// A block to a slot.
template <typename X, typename T>
__global__ void __launch_bounds__(moment_threads) moment_gradients(const MomentGradients<X, T> a) {
  const Problem<X, T>& p = a.m.p;
  const double upstream = a.upstream.of_regularizer();
  for (int64_t j = blockIdx.x; j < a.m.slots(); j += gridDim.x) {
    const Slot slot = slot_at(a.m, j);
    if (slot.count == 0) continue;
    const MomentFactors f(a.m.options, *a.tally, upstream, slot.count);
    const double class_e = p.diagonal ? 0 : class_error(a.m, j, slot);
    for (int64_t d = threadIdx.x; d < p.dims; d += moment_threads) {
      const double e = p.diagonal ? static_cast<double>(a.m.e[j * p.dims + d]) : class_e;
      if (a.means) {
        T& out = a.means[slot.k * p.dims + d];
        const double t = static_cast<double>(a.m.t[j * p.dims + d]);
        out = static_cast<T>(static_cast<double>(out) + f.of_mean(e, t, slot.count));
      }
      if (a.log_variances && (p.diagonal || d == 0)) {
        T& out = a.log_variances[p.diagonal ? slot.k * p.dims + d : slot.k];
        const double sigma2 = exp(log_variance(p, slot.k * p.s_stride + (p.diagonal ? d : 0)));
        out = static_cast<T>(static_cast<double>(out) + f.of_log_variance(a.m.options, e, sigma2));
      }
    }
  }
}

}  // namespace icu::cuda
