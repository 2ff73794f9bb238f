// The backward pass of a small problem in one launch; the sums of weighted differences are direct:
//
//   dL/dx_i = sum_k A_ik v_k (x_i - mu_k),   dL/dmu_k = -sum_i A_ik v_k (x_i - mu_k)
#pragma once

#include "calls.cuh"
#include "tiny.cuh"
#include "weights.cuh"

namespace icu::cuda {

template <typename X, typename T>
struct TinyBackward {
  Problem<X, T> p;
  Labels labels;
  Options options;
  BadLabel* bad;
  Weights<X, T> w;  // gaps null where they are made again; v, log_det, target, tally are set here
  Gradients<X, T> out;
  bool products;  // whether a gradient arrives at any distance
  bool moments;   // whether a regulariser's gradient goes through t and e
};

// A_ik in place of the distances, and dL/ds of a covariance that is not diagonal; a warp to a
// class.
template <typename X, typename T>
__device__ void tiny_weights(const TinyBackward<X, T>& a, const Weights<X, T>& w, double upstream,
                             const TinyMemory<T>& m) {
  const Problem<X, T>& p = a.p;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t k = warp; k < p.classes; k += tiny_warps) {
    ClassSums sums{};
    for (int64_t i = lane; i < p.rows; i += 32) {
      double& at = m.distances[i * p.classes + k];
      T gap = 0;
      if (m.target[i] >= 0) {
        gap = w.gaps ? w.gaps[i * p.classes + k] : static_cast<T>(w.states[i].base - at);
      }
      Weight weight{};
      if (a.products) weight = weight_of_gap(w, row_weights(w, i), gap, k);
      at = weight.a;
      sums.h += weight.h;
      sums.q += weight.a == 0 ? 0 : weight.a * weight.q;
    }
    sums.h = warp_sum(sums.h);
    sums.q = warp_sum(sums.q);
    if (lane != 0) continue;
    m.terms[k] = sums.h;
    if (p.diagonal || !a.out.log_variances) continue;
    double value = 0.5 * (p.kappa * sums.h - sums.q);
    const int64_t first = a.moments ? first_at_least(m.sorted, p.rows, k) : 0;
    const int64_t count = a.moments ? first_at_least(m.sorted, p.rows, k + 1) - first : 0;
    if (count > 0) {
      const MomentFactors f(a.options, *w.tally, upstream, count);
      value += f.of_log_variance(a.options, m.errors[k], 1 / m.v[k]);
    }
    a.out.log_variances[k] = stopped_at_bounds(p, p.s[k * p.s_stride], static_cast<T>(value));
  }
  __syncthreads();
}

template <typename X, typename T>
__device__ void tiny_feature_gradients(const TinyBackward<X, T>& a, const Tally& tally,
                                       double upstream, const TinyMemory<T>& m) {
  const Problem<X, T>& p = a.p;
  for (int64_t e = threadIdx.x; e < p.rows * p.dims; e += tiny_threads) {
    const int64_t i = e / p.dims, d = e % p.dims, z = m.target[i];
    double value = z == no_class ? NAN : 0;
    if (z >= 0) {
      const T x = m.x[i * m.stride + d];
      for (int64_t k = 0; k < p.classes; k++) {
        const double v = p.diagonal ? static_cast<double>(m.inverse[k * m.stride + d]) : m.v[k];
        value += static_cast<double>(static_cast<T>(m.distances[i * p.classes + k] * v) *
                                     (x - m.mu[k * m.stride + d]));
      }
      if (a.moments) {
        const int64_t first = first_at_least(m.sorted, p.rows, z);
        const MomentFactors f(a.options, tally, upstream,
                              first_at_least(m.sorted, p.rows, z + 1) - first);
        const double error = p.diagonal ? static_cast<double>(m.e[z * m.stride + d]) : m.errors[z];
        value += f.of_feature(error, static_cast<double>(m.t[z * m.stride + d]),
                              static_cast<double>(x) - static_cast<double>(m.mu[z * m.stride + d]),
                              a.options.batch_center);
      }
    }
    assign(a.out.features[e], static_cast<T>(value));
  }
}

template <typename X, typename T>
__device__ void tiny_class_gradients(const TinyBackward<X, T>& a, const Tally& tally,
                                     double upstream, const TinyMemory<T>& m) {
  const Problem<X, T>& p = a.p;
  for (int64_t at = threadIdx.x; at < p.classes * p.dims; at += tiny_threads) {
    const int64_t k = at / p.dims, d = at % p.dims;
    const T mu = m.mu[k * m.stride + d];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < p.rows; i++) {
      if (m.target[i] == ignored) continue;
      const T difference = m.x[i * m.stride + d] - mu;
      const T weighted = static_cast<T>(m.distances[i * p.classes + k]) * difference;
      sum += static_cast<double>(weighted);
      if (p.diagonal) squares += static_cast<double>(weighted * difference);
    }
    const double v = p.diagonal ? static_cast<double>(m.inverse[k * m.stride + d]) : m.v[k];
    double of_mean = -v * sum, of_variance = 0.5 * (p.kappa * m.terms[k] - v * squares);
    const int64_t first = a.moments ? first_at_least(m.sorted, p.rows, k) : 0;
    const int64_t count = a.moments ? first_at_least(m.sorted, p.rows, k + 1) - first : 0;
    if (count > 0) {
      const MomentFactors f(a.options, tally, upstream, count);
      const double e = p.diagonal ? static_cast<double>(m.e[k * m.stride + d]) : m.errors[k];
      of_mean += f.of_mean(e, static_cast<double>(m.t[k * m.stride + d]), count);
      if (p.diagonal) {
        of_variance += f.of_log_variance(a.options, e, exp(log_variance(p, k * p.s_stride + d)));
      }
    }
    if (a.out.means) a.out.means[at] = static_cast<T>(of_mean);
    if (p.diagonal && a.out.log_variances) {
      a.out.log_variances[at] =
          stopped_at_bounds(p, p.s[k * p.s_stride + d], static_cast<T>(of_variance));
    }
  }
}

template <typename X, typename T>
__global__ void __launch_bounds__(tiny_threads, 1) tiny_backward(const TinyBackward<X, T> a) {
  struct Shared {
    Tally tally;
  };
  ICU_SHARED(Shared, shared);
  ICU_DYNAMIC_SHARED(memory);
  const Problem<X, T>& p = a.p;
  TinyMemory<T> m;
  m.lay_out(memory, p.rows, p.classes, p.dims, p.diagonal);
  tiny_load(p, a.labels, a.moments, m);
  count_labels<tiny_threads>(a.labels, p.rows, p.classes, &shared.tally, a.bad);
  if (a.moments) {
    count_present<tiny_threads>(m.sorted, p.rows, ignored, p.classes, &shared.tally);
    tiny_moments(p, a.options, m);
  }
  if (!a.w.gaps) tiny_distances(p, m);
  __syncthreads();  // the tally is read from here on
  Weights<X, T> w = a.w;
  w.log_det = m.log_det;
  w.target = m.target;
  w.tally = &shared.tally;
  const double upstream = w.upstream.of_regularizer();
  tiny_weights(a, w, upstream, m);
  if (a.out.features) tiny_feature_gradients(a, shared.tally, upstream, m);
  if (a.out.means || (p.diagonal && a.out.log_variances)) {
    tiny_class_gradients(a, shared.tally, upstream, m);
  }
}

template <typename X, typename T, typename Device>
void launch_tiny_backward(Device& device, const LossInputs<X, T>& in, const T* gaps,
                          const RowState* states, const Upstream<T>& upstream,
                          const Gradients<X, T>& out) {
  TinyBackward<X, T> a{in.p, in.labels, in.options, in.bad, {}, out, false, false};
  a.w.classes = in.p.classes;
  a.w.gaps = gaps;
  a.w.prior = in.prior;
  a.w.states = states;
  a.w.options = in.options;
  a.w.upstream = upstream;
  a.products = has_products(in.options, upstream);
  a.moments = (upstream.regularizer || upstream.total) &&
              (in.options.moments() || in.options.likelihood_of_squares());
  device.launch(tiny_backward<X, T>, 1, tiny_threads, tiny_shared_bytes(in.p), a);
}

}  // namespace icu::cuda
