// The gradients by way of weights, chunk by chunk of the classes.
#pragma once

#include <type_traits>

#include "gradients.cuh"
#include "launches.cuh"

namespace icu::cuda {

// Memory of X's as memory of T's, null where they differ.
template <typename T, typename X>
T* as_slab(X* pointer) {
  if constexpr (std::is_same_v<X, T>) {
    return pointer;
  } else {
    return nullptr;
  }
}

// Memory for the parts of a product, one chunk's after another's: what a stream launches for the
// next chunk comes after what it launched for the last.
template <typename T>
class Slab {
 public:
  template <typename Device>
  T* of(Device& device, int64_t count) {
    if (count > count_) {
      memory_ = device.template allocate<T>(count);
      count_ = count;
    }
    return memory_;
  }

 private:
  T* memory_ = nullptr;
  int64_t count_ = 0;
};

// The products of one chunk of weights for the features' gradient, into slabs.
template <typename X, typename T, typename Device>
void launch_feature_product(Device& device, const Problem<X, T>& p, const Weights<X, T>& w,
                            const double* centre, FeatureGradients<X, T>& out) {
  Product<T, T> a{};
  a.outputs = p.rows;
  a.sources = w.classes;
  a.dims = p.dims;
  a.w = w.out;
  a.w_stride = w.classes;
  a.filled = w.filled;
  a.filled_stride = w.class_tiles();
  a.q = p.mu + w.first * p.mu_stride;
  a.q_stride = p.mu_stride;
  a.centre = centre;
  a.s = p.s + w.first * p.s_stride;
  a.s_stride = p.s_stride;
  a.min = p.min;
  a.max = p.max;
  if (!out.first) {
    out.splits =
        splits_for(a.output_tiles() * a.dim_tiles(), tiles(w.classes, tile), device.processors());
    const int64_t size = out.splits * p.rows * p.dims;
    out.first = out.splits == 1 ? as_slab<T>(out.out) : nullptr;
    if (!out.first) out.first = device.template allocate<T>(size);
    if (p.diagonal) out.second = device.template allocate<T>(size);
  }
  a.splits = out.splits;
  a.first = const_cast<T*>(out.first);
  a.second = const_cast<T*>(out.second);
  a.accumulate = w.first > 0;
  device.launch(p.diagonal ? product_tiles<T, T, Form::weighted> : product_tiles<T, T, Form::plain>,
                a.blocks(), tile_threads, 0, a);
}

// The gradients of one chunk of classes.
template <typename X, typename T, typename Device>
void launch_class_gradients(Device& device, const Problem<X, T>& p, const Weights<X, T>& w,
                            const double* centre, const ClassSums* sums, Slab<T>& slab,
                            const Gradients<X, T>& out) {
  ClassGradients<X, T> a{p,       w.first, w.classes, sums,      centre,
                         nullptr, nullptr, 1,         out.means, out.log_variances};
  if (out.means || p.diagonal) {
    Product<X, T> b{};
    b.outputs = w.classes;
    b.sources = p.rows;
    b.dims = p.dims;
    b.transposed = true;
    b.w = w.out;
    b.w_stride = w.classes;
    b.filled = w.filled;
    b.filled_stride = w.class_tiles();
    b.q = p.x;
    b.q_stride = p.x_stride;
    b.target = w.target;
    b.centre = centre;
    b.p = p.mu + w.first * p.mu_stride;
    b.p_stride = p.mu_stride;
    b.splits =
        splits_for(b.output_tiles() * b.dim_tiles(), tiles(p.rows, tile), device.processors());
    const int64_t size = b.splits * w.classes * p.dims;
    if (p.diagonal) {
      b.first = slab.of(device, 2 * size);
      b.second = b.first + size;
    } else if (b.splits == 1) {
      b.first = out.means + w.first * p.dims;
      b.sums = sums;
    } else {
      b.first = slab.of(device, size);
    }
    device.launch(
        p.diagonal ? product_tiles<X, T, Form::squares> : product_tiles<X, T, Form::plain>,
        b.blocks(), tile_threads, 0, b);
    if (!b.sums) a.first = b.first;
    a.second = b.second;
    a.splits = b.splits;
  }
  if (a.first || (out.log_variances && !p.diagonal)) {
    device.launch(class_gradients<X, T>, w.classes, gradient_threads, 0, a);
  }
}

// All chunks, one after another. `w` says where the weights come
// from; gaps or squares that it lacks are made for each chunk. Leaves the features' in slabs.
template <typename X, typename T, typename Device>
void launch_products(Device& device, const Problem<X, T>& p, Weights<X, T> w,
                     const DistanceTiles<X, T>& distances, const double* centre,
                     FeatureGradients<X, T>& features, const Gradients<X, T>& out) {
  const bool squares = w.given && out.log_variances && !p.diagonal;
  const int64_t arrays = squares ? 2 : 1;
  const int64_t bytes =
      (arrays * p.rows + (p.diagonal ? 2 * p.dims : 0)) * static_cast<int64_t>(sizeof(T));
  const int64_t chunk = chunk_classes(device.limits, p.classes, bytes);
  const int64_t row_tiles = tiles(p.rows, tile), class_tiles = tiles(chunk, tile);
  w.rows = p.rows;
  w.v = distances.v;
  w.log_det = distances.log_det;
  w.out = device.template allocate<T>(p.rows * chunk);
  w.filled = device.template allocate<unsigned char>(row_tiles * class_tiles);
  w.row_parts = device.template allocate<double>(class_tiles * p.rows);
  w.class_parts = device.template allocate<ClassSums>(row_tiles * chunk);
  WeightSums sums{};
  sums.rows = p.rows;
  sums.row_parts = w.row_parts;
  sums.class_parts = w.class_parts;
  sums.row_sums = device.template allocate<double>(p.rows);
  sums.class_sums = device.template allocate<ClassSums>(chunk);
  T* const of_squares = squares ? device.template allocate<T>(p.rows * chunk) : nullptr;
  Slab<T> slab;
  const T* const gaps = w.gaps;
  features.row_sums = sums.row_sums;
  for (int64_t first = 0; first < p.classes; first += chunk) {
    w.first = first;
    w.classes = smaller(chunk, p.classes - first);
    DistanceTiles<X, T> d = distances;
    d.first = first;
    d.classes = d.out_stride = w.classes;
    d.splits = 1;
    if (squares) {
      d.output = Output::square;
      d.out = of_squares;
      launch_distances(device, d);
      w.squares = of_squares;
    } else if (!w.given && gaps) {
      w.gaps = gaps + first;
      w.gap_stride = p.classes;
    } else if (!w.given) {
      d.output = Output::gap;
      d.out = w.out;  // each gap gives way to its weight
      launch_distances(device, d);
      w.gaps = w.out;
      w.gap_stride = w.classes;
    }
    device.launch(make_weights<X, T>, w.row_tiles() * w.class_tiles(), weight_threads, 0, w);
    sums.first = first;
    sums.classes = w.classes;
    sums.row_tiles = w.row_tiles();
    sums.class_tiles = w.class_tiles();
    sums.first_chunk = first == 0;
    device.launch(sum_weights<sum_threads>, tiles(p.rows + w.classes, sum_threads), sum_threads, 0,
                  sums);
    if (out.features) launch_feature_product(device, p, w, centre, features);
    if (out.means || out.log_variances) {
      launch_class_gradients(device, p, w, centre, sums.class_sums, slab, out);
    }
  }
}

}  // namespace icu::cuda
