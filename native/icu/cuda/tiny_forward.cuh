// The forward pass of a small problem in one launch.
#pragma once

#include "calls.cuh"
#include "rows.cuh"
#include "tiny.cuh"

namespace icu::cuda {

template <typename X, typename T>
struct TinyForward {
  Problem<X, T> p;
  Labels labels;
  const double* prior;
  Options options;
  BadLabel* bad;
  T* classification;
  T* regularizer;
  T* total;
  double* diagnostics;
  T* gaps;  // or null
  RowState* states;
};

template <typename X, typename T>
__global__ void __launch_bounds__(tiny_threads, 1) tiny_forward(const TinyForward<X, T> a) {
  struct Shared {
    Tally tally;
  };
  ICU_SHARED(Shared, shared);
  ICU_DYNAMIC_SHARED(memory);
  const Problem<X, T>& p = a.p;
  const Options& o = a.options;
  TinyMemory<T> m;
  m.lay_out(memory, p.rows, p.classes, p.dims, p.diagonal);
  tiny_load(p, a.labels, o.moments(), m);
  count_labels<tiny_threads>(a.labels, p.rows, p.classes, &shared.tally, a.bad);
  if (o.moments()) {
    count_present<tiny_threads>(m.sorted, p.rows, ignored, p.classes, &shared.tally);
    tiny_moments(p, o, m);
  }
  tiny_distances(p, m);

  double loss = 0, negative = 0, norm = 0, likelihood = 0;
  const int64_t i = threadIdx.x;  // a row
  if (i < p.rows) {
    const int64_t z = m.target[i];
    const double* d = m.distances + i * p.classes;
    RowState state{z >= 0 ? d[z] : 0, 0, 0, 0};
    SoftmaxPair pair = no_classes();
    for (int64_t k = 0; k < p.classes; k++) {
      const T e = static_cast<T>(state.base - d[k]);
      if (a.gaps) a.gaps[i * p.classes + k] = e;
      const double gap = static_cast<double>(e) + (a.prior ? a.prior[k] : 0);
      if (k != z && gap > pair.max) pair.max = gap;
    }
    for (int64_t k = 0; k < p.classes; k++) {
      const T e = static_cast<T>(state.base - d[k]);
      const double gap = static_cast<double>(e) + (a.prior ? a.prior[k] : 0);
      if (k == z || gap == -INFINITY) continue;
      pair.sum += static_cast<double>(exp(static_cast<T>(gap - pair.max)));
    }
    if (z >= 0) {
      loss = finish_row(o, pair, 0, m.log_det[z], a.prior ? a.prior[z] : 0, &state);
      negative = state.base < 0;
      likelihood = o.likelihood_of_squares() ? 0.5 * m.squares[2 * i + 1] : state.base;
    } else if (z == no_class) {
      loss = likelihood = NAN;
      state = {NAN, NAN, NAN, NAN};
    }
    norm = sqrt(m.squares[2 * i]);
    a.states[i] = state;
    if (o.per_row) a.classification[i] = static_cast<T>(loss);
  }
  double classes = 0;
  for (int64_t k = threadIdx.x; o.moments() && k < p.classes; k += tiny_threads) {
    classes += m.terms[k];
  }
  finish_sums<tiny_threads>(o, shared.tally, {loss, negative, norm, likelihood, classes},
                            o.per_row ? nullptr : a.classification, a.regularizer, a.total,
                            a.diagnostics);
}

template <typename X, typename T, typename Device>
void launch_tiny_forward(Device& device, const LossInputs<X, T>& in, const LossOutputs<T>& out) {
  const TinyForward<X, T> a{
      in.p,      in.labels,       in.prior, in.options, in.bad, out.classification, out.regularizer,
      out.total, out.diagnostics, out.gaps, out.states};
  device.launch(tiny_forward<X, T>, 1, tiny_threads, tiny_shared_bytes(in.p), a);
}

}  // namespace icu::cuda
