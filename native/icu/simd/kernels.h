// The inner loops of the CPU operators, compiled once for each instruction set and chosen at run
// time (select.cpp).
//
// Only plain data crosses this boundary and only the headers of this folder are included behind it:
// an inline function of a library header, compiled there for AVX-512, could be the copy that the
// linker keeps for everybody.
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

// What the backward pass needs of a row's softmax (rows.h says how it is made), stored as a row of
// four doubles.
struct RowState {
  double base;    // d_iz; gaps are stored relative to it
  double offset;  // what the margins and the prior add to every gap of the row
  double max;     // m = max(0, largest l_k - l_z)
  double others;  // S = sum_{k != z} e^(l_k - l_z - m)
};

// out_ik = d_ik, or base_i - d_ik where `base` is given, for rows [0, rows) and classes [0,
// classes):
//   d_ik = (v_k sum_d (x_id - mu_kd)^2 + L_k) / 2,   diagonal: (sum_d v_kd (x_id - mu_kd)^2 + L_k)
//   / 2
template <typename T>
struct DistanceTile {
  int64_t rows, classes, dims;
  Rows<const T> x, mu;
  Rows<const T> s;  // diagonal only, else data is null
  Bounds<T> bounds;
  const double* v;        // (classes); null where the covariance is diagonal
  const double* log_det;  // L, (classes)
  const double* base;     // (rows), or null
  int64_t base_stride;
  Rows<T> out;
  T* scratch;  // distance_scratch(rows)
};

// One row of gaps e_k = d_z - d_k: the true gap l_k - l_z is e_k + offset + prior_k.
template <typename T>
struct SoftmaxRow {
  const T* gaps;
  const double* prior;  // (classes), or null
  int64_t classes, target;
  double offset;
};

// How a row's probabilities become A_ik: scale e^(gap - max), and `target` for k = z.
struct RowWeight {
  double scale;
  double target;
};

// A_ik v_k for rows [0, rows) and the classes [first, first + classes), and per class, where asked
// for, sum_i A_ik and sum_i A_ik (base_i - e_ik), added to what is there.
template <typename T>
struct WeightTile {
  int64_t rows, first, classes;  // at most weight_classes
  Rows<const T> gaps;            // at class 0
  const double* prior;           // at class 0, or null
  const int64_t* labels;         // (rows)
  const RowState* states;        // (rows)
  const RowWeight* weights;      // (rows)
  const double* v;               // at class 0, or null for 1
  Rows<T> out;                   // at class `first`
  double* sum_weights;           // (classes), or null
  double* sum_distances;         // (classes), or null
};

// Adds to `out`, for outputs r and sources j, both dense or sparse in w:
//   out_rd += sum_j w_rj u_jd (p_rd - q_jd),        u = e^-s_jd where `s` is given, else 1
//   squares_rd += sum_j w_rj (p_rd - q_jd)^2        where `squares` is given
// w_rj stands at w[r * w_output + j * w_source]. Sources whose weights are all zero are left out.
template <typename T>
struct ProductTile {
  int64_t outputs, sources;  // at most product_outputs, product_sources
  int64_t first, dims;       // dimensions [first, first + dims)
  Rows<const T> p, q;        // at dimension 0
  Rows<const T> s;           // at dimension 0; data may be null
  Bounds<T> bounds;
  const T* w;
  int64_t w_output, w_source;
  Rows<T> out;      // at dimension 0
  Rows<T> squares;  // at dimension 0; data may be null
  T* scratch;       // product_scratch
};

constexpr int64_t weight_classes = 256;
constexpr int64_t product_outputs = 128;
constexpr int64_t product_sources = 256;

template <typename T>
struct Kernels {
  const char* name;
  int64_t (*distance_scratch)(int64_t rows);  // elements of T
  int64_t product_scratch;                    // elements of T
  void (*distances)(const DistanceTile<T>&);
  // sum_d v_d (x_d - mu_d)^2, with v_d = e^-s_d, or 1 where s is null
  double (*squared_distance)(const T* x, const T* mu, const T* s, Bounds<T> bounds, int64_t dims);
  void (*softmax)(const SoftmaxRow<T>& row, double* max, double* others);
  void (*weights)(const WeightTile<T>&);
  void (*products)(const ProductTile<T>&);
  // out_d = e^-s_d
  void (*inverse_variances)(const T* s, Bounds<T> bounds, int64_t dims, T* out);
};

template <typename T>
const Kernels<T>& kernels();

}  // namespace icu
