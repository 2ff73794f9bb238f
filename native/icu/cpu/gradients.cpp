#include "gradients.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.h"

namespace icu {
namespace {

struct PanelMemory;

// Classes of a chunk: a multiple of both group sizes, and fewer where there are many rows, so that
// the weights stay in the cache.
constexpr int64_t chunk_classes = 240;
constexpr int64_t chunk_weights = 160 << 10;
// Classes whose weights one thread makes at a time.
constexpr int64_t fill_classes = 24;
// Strips of dimensions, of a product's width each, that one thread takes at a time.
constexpr int64_t most_strips = 2;

int64_t chunk_for(int64_t rows, int64_t classes) {
  const int64_t fitting = chunk_weights / std::max<int64_t>(rows, 1) / fill_classes * fill_classes;
  return std::min(std::clamp(fitting, fill_classes, chunk_classes),
                  tiles(classes, fill_classes) * fill_classes);
}

// The weights of a chunk as one side of a product sees them: outputs by groups, and for each the
// sources that matter to it.
template <typename T>
struct PackedWeights {
  int64_t group, outputs, sources;  // of a whole chunk
  std::vector<int64_t> count;       // sources of each group
  std::vector<int32_t> list;
  at::Tensor memory;
  T* packed;

  PackedWeights(int64_t most_outputs, int64_t most_sources)
      : group(kernels<T>().group), outputs(most_outputs), sources(most_sources) {
    const int64_t groups = tiles(outputs, group);
    count.resize(size_t(groups));
    list.resize(size_t(groups * sources));
    memory = at::empty({groups * sources * group},
                       at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value));
    packed = memory.mutable_data_ptr<T>();
  }
  int64_t groups() const { return tiles(outputs, group); }
  int32_t* list_of(int64_t g) { return list.data() + g * sources; }
  T* packed_of(int64_t g) { return packed + g * sources * group; }

  // `all`: sources whose weights are all zero as well.
  void pack(int64_t g, const T* w, int64_t output_stride, int64_t source_stride, bool all) {
    count[size_t(g)] = kernels<T>().pack_weights({std::min(group, outputs - g * group), sources,
                                                  w + g * group * output_stride, output_stride,
                                                  source_stride, all, list_of(g), packed_of(g)});
  }
};

template <typename T>
class Pass {
 public:
  Pass(const DistanceProblem<T>& problem, const WeightSource<T>& source, const Gradients<T>& out)
      : p_(problem),
        source_(source),
        out_(out),
        width_(kernels_.width),
        chunk_(chunk_for(problem.N, problem.K)),
        by_row_(out.features ? problem.N : 0, chunk_),
        by_class_(classes_wanted() ? chunk_ : 0, problem.N),
        w_(at::empty({chunk_ * problem.N},
                     at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value))),
        class_sums_(size_t(3 * chunk_)),
        block_rows_(size_t(tiles(chunk_, fill_classes) * problem.N)),
        row_weights_(size_t(problem.N), 0),
        row_scale_(size_t(problem.N)),
        used_(size_t(chunk_)),
        scale_(size_t(chunk_)) {
    if (by_class_.outputs > 0) pack_features();
  }

  void run() {
    for (first_ = 0; first_ < p_.K; first_ += chunk_) {
      classes_ = std::min(chunk_, p_.K - first_);
      by_row_.sources = classes_;
      if (by_class_.outputs > 0) by_class_.outputs = classes_;
      make_weights();
      pack();
      products();
    }
  }

 private:
  bool classes_wanted() const { return out_.means || (out_.log_variances && p_.diagonal); }
  bool last() const { return first_ + classes_ == p_.K; }
  double* class_weights() { return class_sums_.data(); }
  double* sum_h() { return class_sums_.data() + chunk_; }
  double* sum_aq() { return class_sums_.data() + 2 * chunk_; }

  // How a panel of `sources` has the two halves of a strip of dimensions: each source's side by
  // side, or with a diagonal covariance all sources' first halves before their second.
  int64_t pitch() const { return p_.diagonal ? width_ / 2 : width_; }
  int64_t apart(int64_t sources) const { return width_ / 2 * (p_.diagonal ? sources : 1); }

  // x' by dimensions: for each `width` of them the rows' values.
  void pack_features() {
    const int64_t N = p_.N, D = p_.D;
    features_ = at::empty({tiles(D, width_) * N * width_}, w_.options());
    T* panels = features_.template mutable_data_ptr<T>();
    largest_.resize(p_.diagonal ? size_t(D) : 0);
    for_each_tile(p_.threads, tiles(D, width_), [&](int64_t tile) {
      const int64_t d = tile * width_, dims = std::min(width_, D - d);
      const T* centre = p_.centre.data() + d;
      T* panel = panels + d * N;
      for (int64_t i = 0; i < N; i++) {
        kernels_.pack_centred(p_.x_row(i) + d, centre, dims, panel + i * pitch(), apart(N));
      }
      if (!p_.diagonal) return;
      T* largest = largest_.data() + d;
      for (int64_t i = 0; i < N; i++) {
        const T* x = p_.x_row(i) + d;
        for (int64_t e = 0; e < dims; e++) {
          largest[e] = std::max(largest[e], std::abs(x[e] - centre[e]));
        }
      }
    });
  }

  void make_weights() {
    const int64_t N = p_.N, blocks = tiles(classes_, fill_classes);
    T* w = w_.template mutable_data_ptr<T>();
    std::fill_n(block_rows_.data(), blocks * N, 0.0);
    for_each_tile(p_.threads, blocks, [&](int64_t tile) {
      const int64_t k = tile * fill_classes;
      source_.fill({first_ + k, std::min(fill_classes, classes_ - k), w + k * N,
                    class_weights() + k, sum_h() + k, sum_aq() + k, block_rows_.data() + tile * N});
    });
    for (int64_t tile = 0; tile < blocks; tile++) {
      for (int64_t i = 0; i < N; i++) row_weights_[size_t(i)] += block_rows_[size_t(tile * N + i)];
    }
    if (p_.diagonal) {
      for (int64_t k = 0; k < classes_; k++) sum_h()[k] *= p_.kappa;
    } else if (out_.log_variances) {
      for (int64_t k = 0; k < classes_; k++) {
        out_.log_variances[first_ + k] =
            static_cast<T>(0.5 * (p_.kappa * sum_h()[k] - sum_aq()[k]));
      }
    }
    for (int64_t k = 0; k < classes_; k++) scale_[size_t(k)] = static_cast<T>(class_weights()[k]);
    if (last()) {
      for (int64_t i = 0; i < N; i++) {
        row_scale_[size_t(i)] = static_cast<T>(row_weights_[size_t(i)]);
      }
    }
  }

  void pack() {
    const int64_t rows = by_row_.groups(), all = rows + by_class_.groups();
    const T* w = w_.template const_data_ptr<T>();
    for_each_tile(p_.threads, all, [&](int64_t tile) {
      if (tile < rows) {
        by_row_.pack(tile, w, 1, p_.N, everything_);
      } else {
        by_class_.pack(tile - rows, w, p_.N, 1, everything_);
      }
    });
    // Without the features' gradients nobody asks which classes can be left out.
    std::fill_n(used_.data(), classes_, static_cast<char>(rows == 0));
    for (int64_t g = 0; g < rows; g++) {
      for (int64_t n = 0; n < by_row_.count[size_t(g)]; n++) {
        used_[size_t(by_row_.list_of(g)[n])] = 1;
      }
    }
  }

  // Each output is a sum of its own: how they are divided among threads changes no result. A tile
  // is a few strips of dimensions, or where there are fewer of these than threads a share of the
  // outputs in one.
  void products() {
    const int64_t strips = tiles(p_.D, width_);
    const int64_t span = strips >= 8 * p_.threads ? most_strips : 1;
    const int64_t parts = p_.threads == 1 ? 1 : tiles(4 * p_.threads, tiles(strips, span));
    const auto share = [&](int64_t groups, int64_t part) { return groups * part / parts; };
    for_each_tile(p_.threads, tiles(strips, span) * parts, [&](int64_t tile) {
      const int64_t part = tile % parts, d = tile / parts * span * width_;
      const int64_t end = std::min(p_.D, d + span * width_);
      const int64_t rows = by_row_.groups(), groups = by_class_.groups();
      const auto panels = rows > 0 || p_.diagonal ? pack_means(d, end) : MeanPanels{};
      for (int64_t at = d, strip = 0; at < end; at += width_, strip++) {
        features(at, panels.at(strip), share(rows, part), share(rows, part + 1));
        classes(at, panels.at(strip), share(groups, part), share(groups, part + 1));
      }
    });
  }

  // A strip of the chunk's centred means, or v mu' and v where diagonal; the next strip's follow.
  struct MeanPanels {
    T *means = nullptr, *v = nullptr;
    int64_t size = 0;
    MeanPanels at(int64_t strip) const { return {means + strip * size, v + strip * size, size}; }
  };

  // All strips of a class at once: its row is one piece of memory, and the next is far away.
  MeanPanels pack_means(int64_t d, int64_t end) {
    const int64_t size = chunk_ * width_;
    T* means = Scratch<PanelMemory>::template get<T>(2 * most_strips * size);
    T* v = means + most_strips * size;
    for (int64_t k = 0; k < classes_; k++) {
      const T* mu = p_.mu_row(first_ + k);
      for (int64_t at = d, place = k * pitch(); at < end; at += width_, place += size) {
        const int64_t dims = std::min(width_, p_.D - at);
        const T* centre = p_.centre.data() + at;
        if (!used_[size_t(k)]) {
          if (!p_.diagonal) continue;
          for (T* half : {v + place, v + place + apart(chunk_)}) {
            std::fill_n(half, width_ / 2, T(0));
          }
        } else if (p_.diagonal) {
          kernels_.pack_scaled(mu + at, centre, p_.s_from(first_ + k).data + at, p_.bounds, dims,
                               v + place, means + place, apart(chunk_));
        } else {
          kernels_.pack_centred(mu + at, centre, dims, means + place, apart(chunk_));
        }
      }
    }
    return {means, v, size};
  }

  // The share of this chunk in the features' gradients, row groups [from, to), dimensions from d.
  void features(int64_t d, const MeanPanels& panels, int64_t from, int64_t to) {
    const int64_t D = p_.D, dims = std::min(width_, D - d), group = by_row_.group;
    const T* centre = p_.centre.data() + d;
    for (int64_t g = from; g < to; g++) {
      const int64_t row = g * group, outputs = std::min(group, p_.N - row);
      const int64_t count = by_row_.count[size_t(g)];
      const Rows<T> out{out_.features + row * D + d, D};
      const Rows<const T> x{p_.x_row(row) + d, p_.x.stride};
      if (count == 0 && first_ > 0 && (p_.diagonal || !last())) continue;
      if (p_.diagonal) {
        kernels_.diagonal_features({outputs, count, dims, by_row_.list_of(g), by_row_.packed_of(g),
                                    panels.v, panels.means, apart(chunk_), x, centre, first_ > 0,
                                    out});
      } else {
        kernels_.product({outputs, count, dims, by_row_.list_of(g), by_row_.packed_of(g),
                          panels.means, x, centre, last() ? row_scale_.data() + row : nullptr,
                          first_ > 0, out});
      }
    }
  }

  // The gradients of the class groups [from, to) of this chunk, dimensions from d.
  void classes(int64_t d, const MeanPanels& panels, int64_t from, int64_t to) {
    if (from == to) return;
    const int64_t D = p_.D, dims = std::min(width_, D - d), group = by_class_.group;
    const T* centre = p_.centre.data() + d;
    const T* panel = features_.template const_data_ptr<T>() + d * p_.N;
    for (int64_t g = from; g < to; g++) {
      const int64_t k = g * group, outputs = std::min(group, classes_ - k);
      const int64_t count = by_class_.count[size_t(g)], at = (first_ + k) * D + d;
      const Rows<const T> mu{p_.mu_row(first_ + k) + d, p_.mu.stride};
      if (p_.diagonal) {
        kernels_.diagonal_classes({outputs,
                                   count,
                                   dims,
                                   by_class_.list_of(g),
                                   by_class_.packed_of(g),
                                   panel,
                                   apart(p_.N),
                                   largest_.data() + d,
                                   panels.v + k * pitch(),
                                   apart(chunk_),
                                   mu,
                                   centre,
                                   class_weights() + k,
                                   sum_h() + k,
                                   {out_.means ? out_.means + at : nullptr, D},
                                   {out_.log_variances ? out_.log_variances + at : nullptr, D}});
      } else {
        kernels_.product({outputs,
                          count,
                          dims,
                          by_class_.list_of(g),
                          by_class_.packed_of(g),
                          panel,
                          mu,
                          centre,
                          count > 0 ? scale_.data() + k : nullptr,
                          false,
                          {out_.means + at, D}});
      }
    }
  }

  const Kernels<T>& kernels_ = kernels<T>();
  const DistanceProblem<T>& p_;
  const WeightSource<T>& source_;
  const Gradients<T>& out_;
  const int64_t width_, chunk_;
  const bool everything_ = nothing_left_out();
  PackedWeights<T> by_row_, by_class_;
  at::Tensor w_, features_;
  std::vector<T> largest_;  // of |x'_d|, where diagonal
  std::vector<double> class_sums_, block_rows_, row_weights_;
  std::vector<T> row_scale_;
  std::vector<char> used_;  // classes of the chunk with a weight that is not zero
  std::vector<T> scale_;
  int64_t first_ = 0, classes_ = 0;  // the chunk
};

}  // namespace

template <typename T>
GradientTensors<T>::GradientTensors(const DistanceProblem<T>& problem, const at::Tensor& means,
                                    const at::Tensor& log_variances,
                                    const std::array<bool, 3>& mask) {
  const auto options = means.options();
  if (mask[0]) this->features = empty_output({problem.N, problem.D}, options);
  if (mask[1]) this->means = empty_output({problem.K, problem.D}, options);
  if (mask[2]) this->log_variances = empty_output(log_variances.sizes(), options);
}

template <typename T>
Gradients<T> GradientTensors<T>::data() const {
  const auto of = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<T>() : nullptr;
  };
  return {of(features), of(means), of(log_variances)};
}

template <typename T>
void GradientTensors<T>::zero() {
  for (const auto& tensor : {features, means, log_variances}) {
    if (tensor.defined()) tensor.zero_();
  }
}

template struct GradientTensors<float>;
template struct GradientTensors<double>;

template <typename T>
void distance_gradients(const DistanceProblem<T>& problem, const WeightSource<T>& source,
                        const Gradients<T>& out) {
  if (!out.features && !out.means && !out.log_variances) return;
  Pass<T>(problem, source, out).run();
}

template void distance_gradients(const DistanceProblem<float>&, const WeightSource<float>&,
                                 const Gradients<float>&);
template void distance_gradients(const DistanceProblem<double>&, const WeightSource<double>&,
                                 const Gradients<double>&);

}  // namespace icu
