// The forward passes, launch by launch; launches.cuh says what a device is.
#pragma once

#include "launches.cuh"
#include "rows.cuh"
#include "tiny_forward.cuh"

namespace icu::cuda {

template <typename X, typename T, typename Device>
void loss_forward(Device& device, const LossInputs<X, T>& in, const LossOutputs<T>& out) {
  const Problem<X, T>& p = in.p;
  if (device.limits.tiny && fits_tiny(p)) return launch_tiny_forward(device, in, out);

  Prepare<X, T> prepared{};
  prepared.p = p;
  prepared.labels = in.labels;
  allocate_terms(device, prepared, true, in.options.moments());
  prepared.bad = in.bad;
  prepared.states = out.states;
  prepared.norms = device.template allocate<double>(p.rows);
  if (splits_tf32(in)) prepared.centre = device.template allocate<double>(p.dims);
  if (in.options.likelihood_of_squares()) {
    prepared.half_squares = device.template allocate<double>(p.rows);
  }
  launch_prepare(device, prepared);

  Rows<X, T> rows{};
  rows.options = in.options;
  rows.target = prepared.target;
  rows.prior = in.prior;
  rows.states = out.states;
  rows.losses = device.template allocate<double>(p.rows);
  rows.distances = device.template allocate<double>(p.rows);
  rows.row_losses = in.options.per_row ? out.classification : nullptr;

  DistanceTiles<X, T> d{};
  d.p = p;
  d.classes = p.classes;
  d.v = prepared.v;
  d.log_det = prepared.log_det;
  d.out = out.gaps;
  if (!d.out && p.rows * p.classes * static_cast<int64_t>(sizeof(T)) <= device.limits.chunk_bytes) {
    d.out = device.template allocate<T>(p.rows * p.classes);
  }
  d.out_stride = p.classes;
  d.splits = 1;
  d.states = out.states;
  d.target = prepared.target;
  d.prior = in.prior;
  d.centre = prepared.centre;
  if (p.rows > 0 && d.out && p.classes <= device.limits.classes_of_a_row) {
    d.output = Output::gap;
    rows.d = launch_split_distances(device, d);
    device.launch(rows_from_gaps<X, T>, p.rows, row_threads, 0, rows);
  } else if (p.rows > 0) {
    d.output = Output::pair;
    const int64_t chunk =
        chunk_classes(device.limits, p.classes, tiles(p.rows * sizeof(SoftmaxPair), tile));
    d.pairs = device.template allocate<SoftmaxPair>(p.rows * tiles(chunk, tile));
    d.own_gaps = device.template allocate<double>(p.rows);
    rows.own_gaps = d.own_gaps;
    rows.running = device.template allocate<SoftmaxPair>(p.rows);
    for (d.first = 0; d.first < p.classes; d.first += chunk) {
      d.classes = smaller(chunk, p.classes - d.first);
      d.out = out.gaps ? out.gaps + d.first : nullptr;
      launch_distances(device, d);
      rows.d = d;
      rows.first_chunk = d.first == 0;
      rows.last_chunk = d.first + d.classes == p.classes;
      device.launch(rows_from_pairs<X, T>, p.rows, row_threads, 0, rows);
    }
  }

  Finish<T> finish{};
  finish.options = in.options;
  if (in.options.moments()) {
    MomentTerms<X, T> terms{launch_moments(device, prepared, in.options), nullptr};
    finish.slots = terms.m.slots();
    terms.terms = device.template allocate<double>(finish.slots);
    finish.class_terms = terms.terms;
    if (finish.slots > 0) {
      device.launch(moment_terms<X, T>, tiles(finish.slots, moment_threads), moment_threads, 0,
                    terms);
    }
  }
  finish.rows = p.rows;
  finish.tally = prepared.tally;
  finish.target = prepared.target;
  finish.losses = rows.losses;
  finish.distances = rows.distances;
  finish.norms = prepared.norms;
  finish.half_squares = prepared.half_squares;
  finish.classification = in.options.per_row ? nullptr : out.classification;
  finish.regularizer = out.regularizer;
  finish.total = out.total;
  finish.diagnostics = out.diagnostics;
  device.launch(finish_forward<T>, 1, finish_threads, 0, finish);
}

// d, (N, K).
template <typename X, typename T, typename Device>
void distances_forward(Device& device, const Problem<X, T>& p, T* out) {
  if (p.rows == 0) return;
  Prepare<X, T> prepared{};
  prepared.p = p;
  allocate_terms(device, prepared, false, false);
  launch_prepare(device, prepared);
  DistanceTiles<X, T> d{};
  d.p = p;
  d.classes = d.out_stride = p.classes;
  d.v = prepared.v;
  d.log_det = prepared.log_det;
  d.output = Output::distance;
  d.out = out;
  d = launch_split_distances(device, d);
  if (d.parts) {
    device.launch(combine_parts<X, T>, tiles(p.rows * p.classes, combine_threads), combine_threads,
                  0, d);
  }
}

}  // namespace icu::cuda
