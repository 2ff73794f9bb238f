#include "results.h"

#include "arguments.h"
#include "errors.h"

namespace intraclass {

namespace {

napi_value nothing(napi_env env) {
  napi_value value = nullptr;
  napi_get_null(env, &value);
  return value;
}

napi_value toText(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

napi_value toInteger(napi_env env, int64_t number) {
  napi_value value = nullptr;
  // Beyond 2^53 a JavaScript number cannot hold it: a bigint can.
  constexpr int64_t most = int64_t{1} << 53;
  if (number > most || number < -most) {
    napi_create_bigint_int64(env, number, &value);
  } else {
    napi_create_int64(env, number, &value);
  }
  return value;
}

/// Handles and plain numbers look alike in JavaScript: the schema's return types tell TypeScript
/// which is which.
napi_value toValue(napi_env env, Environment& environment, const c10::IValue& value) {
  napi_value result = nullptr;
  if (value.isNone()) return nothing(env);
  if (value.isTensor()) return toHandleValue(env, environment, value.toTensor());
  if (value.isBool()) {
    napi_get_boolean(env, value.toBool(), &result);
    return result;
  }
  if (value.isInt() || value.isSymInt()) {
    return toInteger(env, value.isInt() ? value.toInt() : value.toSymInt().expect_int());
  }
  if (value.isDouble()) {
    napi_create_double(env, value.toDouble(), &result);
    return result;
  }
  if (value.isScalar()) return toScalarValue(env, value.toScalar());
  if (value.isString()) return toText(env, value.toStringRef());
  if (value.isDevice()) return toText(env, value.toDevice().str());
  if (value.isList()) {
    const c10::List<c10::IValue> list = value.toList();
    napi_create_array_with_length(env, list.size(), &result);
    for (size_t i = 0; i < list.size(); ++i) {
      napi_set_element(env, result, i, toValue(env, environment, list.get(i)));
    }
    return result;
  }
  throw std::runtime_error("a result of type " + value.tagKind() +
                           " cannot be given to JavaScript");
}

}  // namespace

napi_value toHandleValue(napi_env env, Environment& environment, at::Tensor tensor) {
  if (!tensor.defined()) return nothing(env);
  napi_value value = nullptr;
  napi_create_int32(env, environment.tensors.add(std::move(tensor)), &value);
  return value;
}

napi_value toScalarValue(napi_env env, const at::Scalar& scalar) {
  napi_value value = nullptr;
  if (scalar.isBoolean()) {
    napi_get_boolean(env, scalar.toBool(), &value);
  } else if (scalar.type() == at::kUInt64) {  // what int64 does not hold
    napi_create_bigint_uint64(env, scalar.toUInt64(), &value);
  } else if (scalar.isIntegral(false)) {
    return toInteger(env, scalar.toLong());
  } else if (scalar.isComplex()) {
    const auto complex = scalar.toComplexDouble();
    napi_value part = nullptr;
    napi_create_object(env, &value);
    napi_create_double(env, complex.real(), &part);
    napi_set_named_property(env, value, "re", part);
    napi_create_double(env, complex.imag(), &part);
    napi_set_named_property(env, value, "im", part);
  } else {
    napi_create_double(env, scalar.toDouble(), &value);
  }
  return value;
}

napi_value toResult(napi_env env, Environment& environment, const Operator& op,
                    torch::jit::Stack& stack) {
  const size_t count = op.aliases.size();
  if (count == 0) return nullptr;
  auto single = [&](size_t i) {
    c10::IValue& value = stack[stack.size() - count + i];
    if (op.aliases[i] >= 0) return nothing(env);
    if (value.isTensor()) return toHandleValue(env, environment, std::move(value).toTensor());
    if (op.dtypes[i]) return toText(env, nameOf(value.toScalarType()));
    return toValue(env, environment, value);
  };
  if (count == 1) return single(0);
  napi_value result = nullptr;
  napi_create_array_with_length(env, count, &result);
  for (size_t i = 0; i < count; ++i) napi_set_element(env, result, i, single(i));
  return result;
}

}  // namespace intraclass
