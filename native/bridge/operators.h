// Any operator of PyTorch's dispatcher, called by number. A schema is converted once, when the
// operator is resolved, into what a call needs: one kind per parameter, and what to do with each
// result.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <napi.h>

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "guards.h"
#include "unboxed.h"

namespace intraclass {

struct Environment;

/// What a parameter of a schema takes.
enum class Kind : uint8_t {
  kTensor,
  kScalar,
  kInt,
  kFloat,
  kBool,
  kString,
  kDType,
  kLayout,
  kDevice,
  kMemoryFormat,
  kGenerator,
  kUnsupported,
};

struct Parameter {
  std::string name;
  Kind kind = Kind::kUnsupported;
  bool nullable = false;          // `T?`
  bool list = false;              // `T[]`
  bool nullableElements = false;  // `T?[]`
  int32_t fixedSize = 0;          // N of `T[N]`: one value stands for N equal ones
  bool keywordOnly = false;
  bool written = false;  // `Tensor(a!)`
  bool hasDefault = false;
  c10::IValue defaultValue;
};

struct Operator {
  explicit Operator(c10::OperatorHandle handle);

  c10::OperatorHandle handle;
  std::string name;  // "aten::add.Tensor"
  std::vector<Parameter> parameters;
  /// For each return: the index of the argument that it is (in-place and out= operators), else -1.
  std::vector<int32_t> aliases;
  /// For each return, whether it is a dtype, which LibTorch has as a plain int.
  std::vector<bool> dtypes;
  bool supported = true;
  /// For the commonest signatures, a call that needs no boxing; else nullptr.
  UnboxedCall unboxed = nullptr;
  /// For the few whose arguments LibTorch does not check enough, a check; else nullptr.
  Guard guard = nullptr;
};

/// Operators resolved so far, numbered in order of resolution.
class OperatorTable {
 public:
  int32_t resolve(const std::string& name, const std::string& overload);
  const Operator& at(int32_t id) const;

 private:
  std::deque<Operator> operators_;
  std::unordered_map<std::string, int32_t> ids_;
};

/// call(id, ...arguments): runs operator `id`; tensors are handles, `undefined` stands for a
/// default.
napi_value callOperator(napi_env env, napi_callback_info info);

/// Adds the functions that describe operators to the addon's exports.
void exportOperators(Napi::Object exports);

}  // namespace intraclass
