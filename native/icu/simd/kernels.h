// The inner loops of the CPU operators, compiled once for each instruction set and chosen at run
// time (select.cpp).
//
// Only plain data crosses this boundary and only the headers of this folder are included behind it:
// an inline function of a library header, compiled there for AVX-512, could be the copy that the
// linker keeps for everybody.
//
// Everything here sees centred values, x' = x - c and mu' = mu - c with one c (D) for all: what is
// common to features and means has no part in any difference, and would cost digits.
#pragma once

#include <cstdint>

namespace icu {

// Rows of T, `stride` elements from one to the next; a row's elements are adjacent.
template <typename T>
struct Rows {
  T* data;
  int64_t stride;
};

// The clamp of the log-variances.
template <typename T>
struct Bounds {
  T min;
  T max;
};

// x' of one panel of samples, transposed so that samples are on the vector lanes: block_dims
// dimensions at a time, and in such a block each dimension's `width` samples adjacent, zeros beyond
// the last row. All panels' first blocks come before their second, and so on.
template <typename T>
struct SamplePanel {
  int64_t rows, dims;  // at most width rows
  Rows<const T> x;
  const T* centre;
  T* out;                    // of the first panel
  int64_t before, together;  // rows of the panels before this one, and of all, in whole panels
  double* squares;           // |x'_i|^2, (rows)
  double* first_squares;     // that of the first block, where there are others
};

// What a distance and its gap are made of besides the sums, for the rows and classes of a tile.
struct GapTerms {
  const double *first_squares, *x_squares;  // |x'_i|^2 over the first block and whole, (rows)
  const double* v;                          // (classes); null where the covariance is diagonal
  const double* log_det;                    // (classes)
  const double* prior;                      // (classes), or null
  const double* base;                       // d_iz, (rows); null for plain distances
  const double* offset;                     // (rows), with base
};

// For a few classes and every sample, sums[k * stride + i]:
//   sum_d x'_id mu'_kd,   diagonal: sum_d v_kd x'_id (x'_id - 2 mu'_kd)
// and squares[k] = |mu'_k|^2, diagonal: sum_d v_kd mu'_kd^2. Block sums are of T, the blocks are
// added in float64.
//
// With `terms`, classes whose e^gap is certain to be 0 for a whole panel of samples after the first
// block go no further there: a distance only grows with more dimensions. Their sums are such that
// Q is what the first block has made of it, or more, but not above its true value.
template <typename T>
struct CrossTile {
  int64_t rows, classes, dims;
  const T* x;  // sample panels
  Rows<const T> mu;
  const T* centre;
  Rows<const T> s;  // diagonal only, else data is null
  Bounds<T> bounds;
  double* sums;
  int64_t stride;  // a multiple of width
  double* squares;
  T* scratch;             // cross_scratch
  const GapTerms* terms;  // null: nothing is left out
};

// Distances from the sums above: out[k * stride + i] = base_i - d_ik, or d_ik without `base`.
//
//   Q = v_k (|x'|^2 - 2 x'.mu' + |mu'|^2),  diagonal: sums + squares
//
// has lost digits where Q is small beside what it is the difference of. Such an entry is computed
// again directly, as sum_d v (x - mu)^2, unless its e^gap is 0 whatever the lost digits were, or
// nothing beside that of another class: of those `together` with it, so that the same entries are
// computed again however classes are put into tiles.
constexpr int64_t most_gap_rows = 512, most_gap_classes = 48;
template <typename T>
struct GapTile {
  int64_t rows, classes, dims, first;  // classes [first, first + classes)
  int64_t together;
  const double* sums;
  int64_t sums_stride;
  const double* squares;  // (classes)
  GapTerms terms;
  const int64_t* labels;   // z, (rows), with base: that entry is 0
  Rows<const T> x, mu, s;  // s.data is null unless diagonal
  Bounds<T> bounds;
  T* out;
  int64_t stride;
};

// For each row and a tile of classes without the row's own: max = the largest gap
// l_k - l_z = e_ik + offset_i + prior_k, and sum of e^(gap - max). A NaN among the gaps makes the
// sum NaN; with no class, max is lowest_gap and sum 0.
template <typename T>
struct SoftmaxTile {
  int64_t rows, classes, first;
  const T* gaps;
  int64_t stride;
  const double* prior;  // (classes), or null
  const double* offset;
  const int64_t* labels;
  double* max;
  double* sum;
};
constexpr double lowest_gap = -1e300;

// w[k * w_stride + i] = v_k A_ik, where A_ik = scale_i e^(gap - max_i), and target_i for k = z.
// w may be where the gaps are.
template <typename T>
struct WeightTile {
  int64_t rows, classes, first;
  const T* gaps;
  int64_t stride;
  const double* prior;  // (classes), or null
  const double* v;      // (classes), or null for 1
  const int64_t* labels;
  const double *base, *offset, *max;  // (rows), of the forward pass
  const double *scale, *target;       // (rows)
  T* w;
  int64_t w_stride;
  double* class_weights;    // sum_i w_ik as rounded to T
  double* class_a;          // sum_i A_ik
  double* class_distances;  // sum_i A_ik d_ik, d_ik = base_i - e_ik
  double* row_weights;      // sum_k w_ik, added to what is there
};

// The weights that are not zero, by groups of `group` outputs: for each source with such a weight
// its number in list, and the group's weights adjacent in `packed`.
template <typename T>
struct PackTile {
  int64_t outputs, sources;
  const T* w;  // w[output * output_stride + source * source_stride]
  int64_t output_stride, source_stride;
  bool all;  // the others too
  int32_t* list;
  T* packed;
};

// For one group of outputs r and `width` dimensions, from packed weights w and a panel b (sources,
// width) of centred sources:
//
//   out_rd = [out_rd] + scale_r p'_rd - sum_n w_nr b_nd
//
// which is sum_n w_nr (p'_rd - b_nd) once scale_r = sum_n w_nr.
template <typename T>
struct ProductTile {
  int64_t outputs, count, dims;
  const int32_t* list;
  const T* w;
  const T* b;
  Rows<const T> p;  // not centred, at the tile's first dimension
  const T* centre;  // likewise
  const T* scale;   // (outputs), or null for 0
  bool add;         // to what is there
  Rows<T> out;
};

// The same with a diagonal covariance, where b holds v_kd mu'_kd and v the inverse variances:
//   out_rd = [out_rd] + sum_n w_nr (p'_rd v_nd - b_nd)
// Panels are of half the width here, (sources, width / 2), the second half's `apart` elements after
// the first's.
template <typename T>
struct DiagonalFeatureTile {
  int64_t outputs, count, dims;
  const int32_t* list;
  const T* w;
  const T* v;
  const T* b;
  int64_t apart;
  Rows<const T> p;
  const T* centre;
  bool add;
  Rows<T> out;
};

// The gradients of a group of classes k with a diagonal covariance, from the panel b of features:
//   means_kd         = -v_kd sum_n w_nk (x'_nd - mu'_kd)
//   log_variances_kd = (sum_h_k - v_kd sum_n w_nk (x'_nd - mu'_kd)^2) / 2
// The squares are expanded where v x'^2 and v mu'^2 are small enough for it.
template <typename T>
struct DiagonalClassTile {
  int64_t outputs, count, dims;
  const int32_t* list;
  const T* w;
  const T* b;
  int64_t apart;
  const T* largest;  // of |x'_d|, (dims)
  const T* v;        // (outputs, width / 2) and again, 0 beyond the last dimension
  int64_t v_apart;
  Rows<const T> mu;
  const T* centre;
  const double* class_weights;  // sum_n w_nk
  const double* sum_h;
  Rows<T> means;          // data may be null
  Rows<T> log_variances;  // data may be null
};

// The moments of one class (Eqs. 12, 13) from its rows in the batch.
template <typename T>
struct MomentTile {
  int64_t count, dims;
  const int64_t* rows;  // (count)
  Rows<const T> x;
  const T* mu;
  const T* s;  // diagonal only, else null
  Bounds<T> bounds;
  bool batch;  // the variance's centre is mubar, not mu
  T* t;        // mu - mubar, (dims)
  T* square;   // diagonal: sum_i (x_i - centre)^2, (dims)
  T* v;        // diagonal: e^-s, (dims)
  T* e;        // diagonal: sigma^2 - square / count, (dims)
};
struct MomentSums {
  double mean;    // |mu - mubar|^2
  double spread;  // sum_i |x_i - centre|^2, diagonal: sum_i sum_d v_d (x_id - mu_d)^2
  double error;   // diagonal: |e|^2
};

// Added to the gradients that are not null. e and v are 1 unless the covariance is diagonal.
template <typename T>
struct MomentGradients {
  // + feature_mean t + feature_spread e (x_i - centre) + feature_likelihood v (x_i - mu)
  T feature_mean, feature_spread, feature_likelihood;
  // + (mean_mean + mean_spread e + count feature_likelihood v) t
  T mean_mean, mean_spread;
  // diagonal: + variance_spread e sigma^2
  //           + variance_likelihood (variance_count - v sum_i (x_i - mu)^2)
  T variance_spread, variance_likelihood, variance_count;
  bool weighted;     // false: v is 1 for features and means
  Rows<T> features;  // all rows of the batch
  T* means;          // this class's
  T* log_variances;  // this class's, diagonal only
};

// One panel of samples of a small problem, in two steps between which the rows' margins are worked
// out. Rows are those of the panel, `width` of them whatever the batch has.
template <typename T>
struct SmallTile {
  int64_t classes, dims;
  const T* x;  // as pack_samples leaves it with c = 0, of at most block_dims dimensions
  Rows<const T> mu;
  const double *v, *log_det;  // (classes)
  const double* prior;        // (classes), or null
  double* distances;          // d, (classes, width); the first step's result
  double* gaps;               // memory of the same size

  const int64_t* labels;
  const double *base, *offset, *target_m, *upstream;  // m: the derivative of dhat_iz by Q_iz / 2
  double *max, *others, *target;                      // of the rows; g_iz
  T* w;                                               // A v, (classes, width)
  double *class_a, *class_distances;                  // sum_i A_ik, sum_i A_ik d_ik: added to
  T* features;                                        // dL/dx, (dims, width)
  T* means;                                           // dL/dmu, (dims, classes, lanes): added to
};

constexpr int64_t block_dims = 256;  // dimensions that are summed in T

template <typename T>
struct Kernels {
  const char* name;
  int64_t width;          // samples of a panel; dimensions of a product
  int64_t group;          // outputs of a product
  int64_t cross_scratch;  // elements
  void (*pack_samples)(const SamplePanel<T>&);
  void (*cross)(const CrossTile<T>&);
  void (*gaps)(const GapTile<T>&);
  // sum_d v_d (x_d - mu_d)^2, with v_d = e^-s_d, or 1 where s is null
  double (*squared_distance)(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims);
  void (*softmax)(const SoftmaxTile<T>&);
  void (*weights)(const WeightTile<T>&);
  // Returns how many sources a group of outputs has; list and packed are that group's.
  int64_t (*pack_weights)(const PackTile<T>&);
  void (*product)(const ProductTile<T>&);
  void (*diagonal_features)(const DiagonalFeatureTile<T>&);
  void (*diagonal_classes)(const DiagonalClassTile<T>&);
  void (*small_distances)(const SmallTile<T>&);
  void (*small_gradients)(const SmallTile<T>&);
  void (*small_means)(const T* sums, int64_t classes, int64_t dims, T* means);
  void (*unpack_samples)(const T* panel, int64_t rows, int64_t dims, T* out);
  MomentSums (*moments)(const MomentTile<T>&);
  void (*moment_gradients)(const MomentTile<T>&, const MomentGradients<T>&);
  // sum_d s_d within the bounds
  double (*sum_log_variances)(const T* s, Bounds<T> bounds, int64_t dims);
  void (*stop_at_bounds)(const T* s, Bounds<T> bounds, int64_t dims, T* gradient);
  // to[d] = from[d] - centre[d], zeros from `dims` to width; the second half of them from
  // to[apart] on
  void (*pack_centred)(const T* from, const T* centre, int64_t dims, T* to, int64_t apart);
  // v[d] = e^-s[d] and product[d] = v[d] (from[d] - centre[d]), likewise
  void (*pack_scaled)(const T* from, const T* centre, const T* s, Bounds<T> bounds, int64_t dims,
                      T* v, T* product, int64_t apart);
};

template <typename T>
const Kernels<T>& kernels();

}  // namespace icu
