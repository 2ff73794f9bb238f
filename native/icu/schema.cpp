// The operators of the ICU loss: names, arguments and defaults.
//
// "Intra-Class Uncertainty Loss Function for Classification", He Zhu and Shan Yu, ICME 2021;
// equation numbers are the paper's. N rows, K classes, D dimensions; x (N, D) features, y (N)
// labels, mu (K, D) means, s = ln sigma^2 the log-variances, v = e^-s. With isotropic covariance
// |Sigma_k| = sigma_k^(2D), with scalar sigma_k^2:
//
//   Q_ik = sum_d v_k (x_id - mu_kd)^2        diagonal: v_kd
//   L_k  = kappa s_k, kappa = D | 1          diagonal: sum_d s_kd
//   d_ik = (Q_ik + L_k) / 2                                                   (Eqs. 9, 19)
//
// `icu::distances` returns d. `icu::loss` returns the cross-entropy of the logits -d with the
// margins alpha and gamma on the target's distance (Eqs. 17, 18), the regulariser (Eq. 14) and
// three figures to watch. Their derivatives are operators too (`_loss_backward`,
// `_distances_backward`), so that graph compilers see plain calls:
//
//   options.h     the options as enumerations
//   checks.h      shapes, dtypes and devices
//   autograd.cpp  icu::loss and icu::distances over the inner operators
//   meta.cpp      the inner operators' shapes alone
//   cpu/, cuda/   the inner operators on the CPU and the GPU
//   simd/         the CPU's inner loops, once for each instruction set
#include <torch/library.h>

TORCH_LIBRARY(icu, m) {
  // classification: scalar, or (N) with reduction none, 0 in ignored rows. regularizer: scalar, and
  // in it lambda_likelihood times the mean over the valid rows of d_iz (gaussian) or
  // |x_i - mu_z|^2 / 2 (euclidean), L-GM's likelihood term. diagnostics, float64, a constant: valid
  // rows V; share of them with d_iz < 0; their mean |x|. total: the sum of classification and
  // regularizer. Without log_determinant L_k = 0. memory says whether the forward pass keeps an
  // (N, K) array for the backward pass: 'store', 'recompute', or 'auto' up to 64 MiB or a quarter
  // of the means. precision 'split-tf32' lets a GPU make the distances on its tensor cores, a logit
  // to 1e-3; a CPU is exact either way.
  m.def(
      "loss(Tensor features, Tensor labels, Tensor means, Tensor log_variances, "
      "Tensor? log_prior=None, *, "
      "str covariance='isotropic', float alpha=1e-4, float gamma=1e-3, "
      "str gamma_mode='covariance', str alpha_mode='distance', "
      "float lambda_mean=0.1, float lambda_var=0.1, str reg_reduction='sum', "
      "str moment_center='learned', bool moment_gradient=True, "
      "str reduction='mean', int ignore_index=-100, "
      "float min_log_variance=-10, float max_log_variance=10, "
      "bool log_determinant=True, float lambda_likelihood=0, str likelihood='gaussian', "
      "str memory='auto', str precision='exact') "
      "-> (Tensor classification, Tensor regularizer, Tensor diagnostics, Tensor total)");
  // d, (N, K), in the dtype of means.
  m.def(
      "distances(Tensor features, Tensor means, Tensor log_variances, *, "
      "str covariance='isotropic', float min_log_variance=-10, float max_log_variance=10, "
      "bool log_determinant=True) -> Tensor");
  // The instruction set that the CPU's inner loops use: AVX-512, AVX2 or baseline.
  m.def("simd() -> str");

  // Modes and constants are LossOptions::modes() and constants(). gaps, (N, K) or (0, K) where they
  // are made again, and rows (N, 4) are what the backward pass starts from: memory whose order is
  // the device's own affair.
  m.def(
      "_loss_forward(Tensor features, Tensor labels, Tensor means, Tensor log_variances, "
      "Tensor? log_prior, int[] modes, float[] constants) "
      "-> (Tensor classification, Tensor regularizer, Tensor diagnostics, Tensor total, "
      "Tensor gaps, Tensor rows)");
  // A gradient that is not needed (mask: features, means, log_variances) is an undefined tensor.
  m.def(
      "_loss_backward(Tensor? grad_classification, Tensor? grad_regularizer, Tensor? grad_total, "
      "Tensor features, Tensor labels, Tensor means, Tensor log_variances, Tensor? log_prior, "
      "Tensor gaps, Tensor rows, int[] modes, float[] constants, bool[3] mask) "
      "-> (Tensor features, Tensor means, Tensor log_variances)");
  // Forward and backward pass in one for small problems on the CPU: the last three outputs are the
  // gradients of total, as _loss_backward gives them.
  m.def(
      "_loss_and_gradients(Tensor features, Tensor labels, Tensor means, Tensor log_variances, "
      "Tensor? log_prior, int[] modes, float[] constants, bool[3] mask) "
      "-> (Tensor classification, Tensor regularizer, Tensor diagnostics, Tensor total, "
      "Tensor features, Tensor means, Tensor log_variances)");
  m.def(
      "_distances(Tensor features, Tensor means, Tensor log_variances, int covariance, "
      "float min_log_variance, float max_log_variance, bool log_determinant) -> Tensor");
  m.def(
      "_distances_backward(Tensor grad, Tensor features, Tensor means, Tensor log_variances, "
      "int covariance, float min_log_variance, float max_log_variance, bool log_determinant, "
      "bool[3] mask) "
      "-> (Tensor features, Tensor means, Tensor log_variances)");
}
