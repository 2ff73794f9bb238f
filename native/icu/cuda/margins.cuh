// A row's cross-entropy with margins (Eqs. 17, 18, 20, 21), from differences of distances alone:
//
//   dhat_iz = ((1 + alpha)/2) (Q_iz + (1 + g_B) L_z + c_g),  other classes dhat_ik = d_ik
//   loss_i  = ln(1 + sum_{k != z} e^(l_k - l_z))
//   g_ik    = w (1[k = z] - p_ik)
#pragma once

#include "problem.cuh"

namespace icu::cuda {

struct Target {
  double distance;  // dhat_iz
  double m, h;      // its derivatives by Q_iz/2 and L_z/2
};

__device__ inline Target target_with_margins(const Options& o, double distance, double log_det) {
  const double with_gamma = distance + 0.5 * (o.g_b * log_det + o.c_g), h = 1 + o.g_b;
  if (o.mahalanobis) {
    return {with_gamma + o.alpha * (distance - 0.5 * log_det), 1 + o.alpha, h};
  }
  if (o.positive && !(with_gamma > 0)) return {with_gamma, 1, h};
  return {(1 + o.alpha) * with_gamma, 1 + o.alpha, (1 + o.alpha) * h};
}

// The largest of a row's e_ik + logPrior_k over k != z, and sum e^(e_ik + logPrior_k - largest).
// A NaN among them makes the sum NaN.
struct SoftmaxPair {
  double max, sum;
};
__device__ inline SoftmaxPair no_classes() { return {-INFINITY, 0}; }

__device__ inline SoftmaxPair merged(SoftmaxPair a, SoftmaxPair b) {
  if (b.max == -INFINITY && b.sum == 0) return a;
  if (a.max == -INFINITY && a.sum == 0) return b;
  const double max = a.max > b.max ? a.max : b.max;
  return {max, a.sum * exp(a.max - max) + b.sum * exp(b.max - max)};
}

// Completes a row's state (base is there) from its pair, e_iz as the distance kernel has it, L_z
// and the prior; returns loss_i. What counts is d_iz as that kernel has it, since then equal
// classes have equal distances to the last bit.
__device__ inline double finish_row(const Options& o, SoftmaxPair pair, double own_gap,
                                    double log_det, double prior, RowState* state) {
  const double own = state->base - own_gap;
  state->offset = target_with_margins(o, own, log_det).distance - state->base - prior;
  const double top = pair.max + state->offset;
  state->max = top > 0 ? top : 0;
  state->others = pair.sum == 0 ? 0 : pair.sum * exp(top - state->max);
  // A base or offset that is not a number has to show, whatever the other classes say.
  state->others += (state->offset - state->offset) + (state->base - state->base);
  return state->max == 0 ? log1p(state->others)
                         : state->max + log(exp(-state->max) + state->others);
}

// The gradient of a row by its distances: g_ik = scale e^(gap - m) for k != z, and that of the
// target as a sum of the others, never 1 - p.
struct RowGradient {
  double scale, target;
};
__device__ inline RowGradient row_gradient(const RowState& state, double upstream) {
  const double total = exp(-state.max) + state.others;
  return {-upstream / total, upstream * (state.others / total)};
}

}  // namespace icu::cuda
