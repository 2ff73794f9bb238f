// A row's cross-entropy with margins, from its distances.
//
//   dhat_iz = ((1 + alpha)/2) (Q_iz + (1 + g_B) L_z + c_g), other classes dhat_ik = d_ik
//                                                                        (Eqs. 17, 18, 20, 21)
//   l_ik    = -dhat_ik + logPrior_k
//   loss_i  = ln(1 + sum_{k != z} e^(l_k - l_z))
//
// Distances carry a large common part, so only differences are ever formed: what is stored is
// e_ik = d_iz - d_ik, which is small where it matters, and the gap is
//
//   l_k - l_z = e_ik + offset_i + logPrior_k,   offset_i = dhat_iz - logPrior_z - d_iz
#pragma once

#include <vector>

#include "problem.h"

namespace icu {

// g_B and c_g of the target's (1 + g_B) L_z + c_g, Eq. 18.
struct Margins {
  Margins(const LossOptions& options, int64_t dims);

  struct Target {
    double distance;  // dhat_iz
    double m, h;      // its derivatives by Q_iz/2 and L_z/2
  };
  // From d_iz of Eq. 9 and L_z.
  Target target(double distance, double log_det) const;

 private:
  AlphaMode mode_;
  double alpha_, g_b_, c_g_;
};

// What the backward pass needs of the rows' softmax: four numbers of each, one kind after the
// other.
struct RowStates {
  double* base;    // d_iz, which the stored differences are relative to
  double* offset;  // what the margins and the prior add to every gap of the row
  double* max;     // m = max(0, largest l_k - l_z)
  double* others;  // S = sum_{k != z} e^(l_k - l_z - m)

  // In memory for 4 N numbers.
  RowStates(double* memory, int64_t rows)
      : base(memory), offset(memory + rows), max(memory + 2 * rows), others(memory + 3 * rows) {}
};

// The log prior as float64, empty where none is given.
std::vector<double> prior_of(const std::optional<at::Tensor>& log_prior);

// loss_i from m and S: ln(e^-m + S) + m, by log1p while the target is the largest.
double row_loss(double max, double others);

// The gradient of a row by its distances, g_ik = w (1[k = z] - p_ik). That of the target is w times
// the sum of the other probabilities: 1 - p_iz would lose every digit of a small one.
struct RowGradient {
  RowGradient(double max, double others, double upstream);

  double scale;   // g_ik = scale e^(gap - m) for k != z
  double target;  // g_iz
};

}  // namespace icu
