// The launches that several passes share, for any device that can allocate and launch:
//
//   struct Device {
//     Limits limits;
//     int64_t processors();                           // that run blocks at the same time
//     template <typename T> T* allocate(int64_t n);   // kept until the pass has been launched
//     template <typename A> void launch(void (*kernel)(A), int64_t blocks, int threads,
//                                       int64_t shared_bytes, const A& arguments);
//     // Labels in ascending order, equal ones in the batch's, and their rows.
//     SortedLabels sort(const Labels& labels, int64_t rows);  // kept likewise
//   };
#pragma once

#include "calls.cuh"
#include "moments.cuh"
#include "prepare.cuh"
#include "split_tf32.cuh"
#include "thresholds.h"

namespace icu::cuda {

// How often work of `tiles` blocks is divided so that each processor gets about two, at most
// `most`. To the nearest: a few processors with one block cost less than parts of every tile, to be
// added.
inline int64_t splits_for(int64_t tiles, int64_t most, int64_t processors) {
  return larger<int64_t>(1, smaller((2 * processors + tiles / 2) / tiles, most));
}

// Classes of a chunk, of `bytes` each.
inline int64_t chunk_classes(const Limits& limits, int64_t classes, int64_t bytes) {
  return smaller(classes, larger<int64_t>(1, limits.chunk_bytes / (bytes * tile)) * tile);
}

template <typename X, typename T, typename Device>
void launch_distances(Device& device, const DistanceTiles<X, T>& a) {
  if (a.blocks() == 0) return;
  if constexpr (sizeof(T) == 4) {
    if (a.centre) {
      return device.launch(split_tf32_tiles<X>, a.row_tiles() * a.class_tiles(), tile_threads, 0,
                           a);
    }
  }
  device.launch(a.p.diagonal ? distance_tiles<X, T, true> : distance_tiles<X, T, false>, a.blocks(),
                tile_threads, 0, a);
}

// `a` with the dimensions divided where that helps; then combine_parts or rows_from_gaps is next.
template <typename X, typename T, typename Device>
DistanceTiles<X, T> launch_split_distances(Device& device, DistanceTiles<X, T> a) {
  if (!a.centre) {
    a.splits = splits_for(a.row_tiles() * a.class_tiles(), tiles(a.p.dims, block_dims),
                          device.processors());
  }
  if (a.splits > 1) {
    const Output output = a.output;
    a.parts = device.template allocate<double>(a.splits * a.p.rows * a.classes);
    a.output = Output::part;
    launch_distances(device, a);
    a.output = output;
  } else {
    launch_distances(device, a);
  }
  return a;
}

template <typename X, typename T, typename Device>
void launch_prepare(Device& device, const Prepare<X, T>& a) {
  if (a.blocks() > 0) device.launch(prepare<X, T>, a.blocks(), prepare_threads, 0, a);
}

template <typename X, typename T, typename Device>
Moments<X, T> launch_moments(Device& device, const Prepare<X, T>& a, const Options& options) {
  Moments<X, T> m{a.p,     options, a.labels.ignore_index, a.sorted, nullptr, nullptr,
                  nullptr, nullptr};
  if (m.slots() == 0) return m;
  m.t = device.template allocate<T>(m.slots() * a.p.dims);
  if (a.p.diagonal) m.e = device.template allocate<T>(m.slots() * a.p.dims);
  m.spread = device.template allocate<double>(m.slots() * m.dim_blocks());
  m.squares = device.template allocate<double>(m.slots() * m.dim_blocks());
  device.launch(class_moments<X, T>, m.slots() * m.dim_blocks(), moment_threads, 0, m);
  return m;
}

// v and L of the classes, and what the rows' labels say. Points `a` at new memory.
template <typename X, typename T, typename Device>
void allocate_terms(Device& device, Prepare<X, T>& a, bool labels, bool sorted) {
  const Problem<X, T>& p = a.p;
  if (!p.diagonal) a.v = device.template allocate<double>(p.classes);
  a.log_det = device.template allocate<double>(p.classes);
  if (!labels) return;
  a.target = device.template allocate<int64_t>(p.rows);
  a.tally = device.template allocate<Tally>(1);
  if (!sorted) return;
  a.sorts = p.rows <= sorted_here;
  if (a.sorts) {
    a.sorted.labels = device.template allocate<int64_t>(p.rows);
    a.sorted.rows = device.template allocate<int64_t>(p.rows);
  } else {
    a.sorted = device.sort(a.labels, p.rows);
  }
}

// Whether the tensor cores make the distances. A diagonal covariance has no product of two vectors,
// and float64 no TF32.
template <typename X, typename T>
bool splits_tf32(const LossInputs<X, T>& in) {
  return in.options.split_tf32 && sizeof(T) == 4 && !in.p.diagonal;
}

}  // namespace icu::cuda
