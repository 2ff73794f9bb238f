#include "guards.h"

#include <ATen/ATen.h>
#include <ATen/ScalarOps.h>

#include <limits>
#include <string>
#include <unordered_set>

namespace intraclass {

namespace {

/// div(self, other, *, rounding_mode): the processor traps where the least integer is divided by
/// −1, whose quotient is one too large. Rounding down wraps around, and int8 and int16 are divided
/// as int32: only `trunc` of the others is left.
void checkDivision(const torch::jit::Stack& arguments) {
  if (!arguments[2].isString() || arguments[2].toStringRef() != "trunc") return;
  const at::Tensor& dividend = arguments[0].toTensor();
  const at::Tensor divisor = arguments[1].isTensor()
                                 ? arguments[1].toTensor()
                                 : at::native::wrapped_scalar_tensor(arguments[1].toScalar());
  const at::ScalarType type = at::result_type(dividend, divisor);
  if (type != at::kLong && type != at::kInt) return;
  const int64_t least =
      type == at::kLong ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int32_t>::min();
  const auto has = [](const at::Tensor& tensor, int64_t value) {
    const at::Tensor values = tensor.is_sparse() ? tensor._values() : tensor;
    return values.is_cpu() && values.eq(value).any().item<bool>();
  };
  TORCH_CHECK(!(has(divisor, -1) && has(dividend, least)), "the quotient of ", least,
              " and -1 is too large for ", type == at::kLong ? "int64" : "int32");
}

/// As linalg_eig checks; here MKL is handed what it refuses, and LibTorch reads what it has not
/// written.
void checkFinite(const torch::jit::Stack& arguments) {
  const at::Tensor& matrix = arguments[0].toTensor();
  TORCH_CHECK(!matrix.is_cpu() || matrix.isfinite().all().item<bool>(),
              "argument 'self' expected a matrix without infs and NaNs, got one that has some");
}

}  // namespace

Guard guardFor(const c10::FunctionSchema& schema) {
  static const std::unordered_set<std::string> divisions{"aten::div", "aten::div_", "aten::divide",
                                                         "aten::divide_"};
  if (divisions.contains(schema.name())) {
    return schema.argumentIndexWithName("rounding_mode") == 2 ? checkDivision : nullptr;
  }
  return schema.name() == "aten::linalg_eigvals" ? checkFinite : nullptr;
}

}  // namespace intraclass
