#include "checks.h"

#include <c10/core/ScalarType.h>

namespace icu {
namespace {

std::string name_of(at::ScalarType dtype) { return std::string(c10::getDtypeNames(dtype).first); }

void check_dense(std::string_view op, const char* name, const at::Tensor& tensor) {
  TORCH_CHECK(tensor.defined(), op, ": ", name, ": expected a tensor, got none");
  TORCH_CHECK(tensor.layout() == at::kStrided, op, ": ", name, ": expected a strided tensor, got ",
              tensor.layout());
}

void check_device(std::string_view op, const char* name, const at::Tensor& tensor,
                  const at::Tensor& features) {
  TORCH_CHECK(tensor.device() == features.device(), op, ": ", name, ": expected it on ",
              features.device(), " like features, got ", tensor.device());
}

void check_shape(std::string_view op, const char* name, const at::Tensor& tensor,
                 const char* symbols, at::IntArrayRef shape) {
  TORCH_CHECK_VALUE(tensor.sizes() == shape, op, ": ", name, ": expected shape ", symbols, " = ",
                    shape, ", got ", tensor.sizes());
}

// What an operator has made, or the gradient of it.
void check_made(std::string_view op, const char* name, const at::Tensor& tensor,
                const at::Tensor& features, at::ScalarType dtype, const char* symbols,
                at::IntArrayRef shape) {
  check_dense(op, name, tensor);
  check_device(op, name, tensor, features);
  TORCH_CHECK_TYPE(tensor.scalar_type() == dtype, op, ": ", name, ": expected ", name_of(dtype),
                   ", got ", name_of(tensor.scalar_type()));
  check_shape(op, name, tensor, symbols, shape);
}

}  // namespace

void check_distance_inputs(std::string_view op, const at::Tensor& features, const at::Tensor& means,
                           const at::Tensor& log_variances, const DistanceOptions& options) {
  check_dense(op, "features", features);
  check_dense(op, "means", means);
  check_dense(op, "log_variances", log_variances);
  check_device(op, "means", means, features);
  check_device(op, "log_variances", log_variances, features);

  const auto dtype = means.scalar_type();
  TORCH_CHECK_TYPE(dtype == at::kFloat || dtype == at::kDouble, op,
                   ": means: expected float32 or float64, got ", name_of(dtype));
  TORCH_CHECK_TYPE(log_variances.scalar_type() == dtype, op, ": log_variances: expected ",
                   name_of(dtype), " like means, got ", name_of(log_variances.scalar_type()));
  const auto given = features.scalar_type();
  const bool half = given == at::kHalf || given == at::kBFloat16;
  TORCH_CHECK_TYPE(given == dtype || (half && dtype == at::kFloat), op, ": features: expected ",
                   name_of(dtype), " like means",
                   dtype == at::kFloat ? ", or float16 or bfloat16" : "", ", got ", name_of(given));

  TORCH_CHECK_VALUE(features.dim() == 2, op, ": features: expected shape (N, D), got ",
                    features.sizes());
  TORCH_CHECK_VALUE(means.dim() == 2, op, ": means: expected shape (K, D), got ", means.sizes());
  const int64_t dims = means.size(1), classes = means.size(0);
  TORCH_CHECK_VALUE(dims > 0, op, ": means: expected at least one dimension, got shape ",
                    means.sizes());
  TORCH_CHECK_VALUE(classes > 0, op, ": means: expected at least one class, got shape ",
                    means.sizes());
  TORCH_CHECK_VALUE(features.size(1) == dims, op, ": features: expected shape (N, ", dims,
                    ") with the D of means, got ", features.sizes());
  if (options.diagonal()) {
    check_shape(op, "log_variances", log_variances, "(K, D)", {classes, dims});
  } else {
    check_shape(op, "log_variances", log_variances, "(K)", {classes});
  }
}

void check_loss_inputs(std::string_view op, const at::Tensor& features, const at::Tensor& labels,
                       const at::Tensor& means, const at::Tensor& log_variances,
                       const std::optional<at::Tensor>& log_prior, const LossOptions& options) {
  check_distance_inputs(op, features, means, log_variances, options);

  check_dense(op, "labels", labels);
  check_device(op, "labels", labels, features);
  TORCH_CHECK_TYPE(labels.scalar_type() == at::kLong || labels.scalar_type() == at::kInt, op,
                   ": labels: expected int64 or int32, got ", name_of(labels.scalar_type()));
  check_shape(op, "labels", labels, "(N)", {features.size(0)});

  if (!log_prior || !log_prior->defined()) return;
  check_dense(op, "log_prior", *log_prior);
  check_device(op, "log_prior", *log_prior, features);
  TORCH_CHECK_TYPE(
      log_prior->scalar_type() == at::kFloat || log_prior->scalar_type() == at::kDouble, op,
      ": log_prior: expected float32 or float64, got ", name_of(log_prior->scalar_type()));
  check_shape(op, "log_prior", *log_prior, "(K)", {means.size(0)});
  TORCH_CHECK(!log_prior->requires_grad(), op,
              ": log_prior: expected a constant, got a tensor that requires a gradient");
}

void check_loss_backward(const std::optional<at::Tensor>& grad_classification,
                         const std::optional<at::Tensor>& grad_regularizer,
                         const std::optional<at::Tensor>& grad_total, const at::Tensor& features,
                         const at::Tensor& labels, const at::Tensor& means,
                         const at::Tensor& log_variances,
                         const std::optional<at::Tensor>& log_prior, const at::Tensor& gaps,
                         const at::Tensor& rows, const LossOptions& options) {
  constexpr std::string_view op = "icu::_loss_backward";
  check_loss_inputs(op, features, labels, means, log_variances, log_prior, options);
  const int64_t count = features.size(0), classes = means.size(0);
  const auto dtype = means.scalar_type();
  const auto check = [&](const char* name, const std::optional<at::Tensor>& gradient,
                         bool each_row) {
    if (!gradient || !gradient->defined()) return;
    if (each_row) {
      check_made(op, name, *gradient, features, dtype, "(N)", {count});
    } else {
      check_made(op, name, *gradient, features, dtype, "()", {});
    }
  };
  check("grad_classification", grad_classification, options.reduction == Reduction::none);
  check("grad_regularizer", grad_regularizer, false);
  check("grad_total", grad_total, false);
  const bool stored = gaps.dim() == 2 && gaps.size(0) > 0;
  check_made(op, "gaps", gaps, features, dtype, stored ? "(N, K)" : "(0, K)",
             {stored ? count : 0, classes});
  check_made(op, "rows", rows, features, at::kDouble, "(N, 4)", {count, 4});
}

void check_distances_backward(const at::Tensor& grad, const at::Tensor& features,
                              const at::Tensor& means, const at::Tensor& log_variances,
                              const DistanceOptions& options) {
  constexpr std::string_view op = "icu::_distances_backward";
  check_distance_inputs(op, features, means, log_variances, options);
  check_made(op, "grad", grad, features, means.scalar_type(), "(N, K)",
             {features.size(0), means.size(0)});
}

}  // namespace icu
