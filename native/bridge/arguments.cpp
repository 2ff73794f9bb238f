#include "arguments.h"

#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>

#include <array>
#include <cmath>
#include <limits>

#include "errors.h"
#include "random.h"

namespace intraclass {

namespace {

constexpr double kMaxSafeInteger = 9007199254740992.0;  // 2^53

struct NamedType {
  const char* name;
  at::ScalarType type;
};

constexpr std::array<NamedType, 17> kDTypes{{
    {"float32", at::kFloat},
    {"float64", at::kDouble},
    {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16},
    {"int64", at::kLong},
    {"int32", at::kInt},
    {"int16", at::kShort},
    {"int8", at::kChar},
    {"uint8", at::kByte},
    {"bool", at::kBool},
    {"complex64", at::kComplexFloat},
    {"complex128", at::kComplexDouble},
    {"uint16", at::kUInt16},
    {"uint32", at::kUInt32},
    {"uint64", at::kUInt64},
    {"float8_e4m3fn", at::kFloat8_e4m3fn},
    {"float8_e5m2", at::kFloat8_e5m2},
}};

[[noreturn]] void reject(napi_env env, napi_value value, const std::string& name,
                         const std::string& expected) {
  throw ArgumentError("argument '" + name + "' expected " + expected + ", got " +
                      describe(env, value));
}

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

uint32_t lengthOf(napi_env env, napi_value value, const char* name, const std::string& expected) {
  bool isArray = false;
  napi_is_array(env, value, &isArray);
  if (!isArray) reject(env, value, name, expected);
  uint32_t length = 0;
  napi_get_array_length(env, value, &length);
  return length;
}

napi_value elementOf(napi_env env, napi_value array, uint32_t index) {
  napi_value element = nullptr;
  check(env, napi_get_element(env, array, index, &element), "a readable array");
  return element;
}

int64_t bigintToInt64(napi_env env, napi_value value, const char* name) {
  int64_t result = 0;
  bool lossless = false;
  napi_get_value_bigint_int64(env, value, &result, &lossless);
  if (!lossless) {
    throw ArgumentError(std::string("argument '") + name +
                        "' expected an integer of 64 bits, got a larger bigint");
  }
  return result;
}

/// A number without a fraction is an integer Scalar, as it is written; anything else a double. -0
/// keeps its sign.
at::Scalar numberToScalar(double number) {
  const bool integral = number == std::trunc(number) && std::abs(number) <= kMaxSafeInteger &&
                        !(number == 0 && std::signbit(number));
  return integral ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
}

/// {re, im}: a complex number.
std::optional<at::Scalar> objectToScalar(napi_env env, napi_value value) {
  double parts[2];
  const char* names[2] = {"re", "im"};
  for (int i = 0; i < 2; ++i) {
    napi_value part = nullptr;
    check(env, napi_get_named_property(env, value, names[i], &part), "a readable object");
    if (napi_get_value_double(env, part, &parts[i]) != napi_ok) return std::nullopt;
  }
  return at::Scalar(c10::complex<double>(parts[0], parts[1]));
}

at::Scalar toScalar(napi_env env, napi_value value, const char* name) {
  switch (typeOf(env, value)) {
    case napi_number: {
      double number = 0;
      napi_get_value_double(env, value, &number);
      return numberToScalar(number);
    }
    case napi_boolean: {
      bool flag = false;
      napi_get_value_bool(env, value, &flag);
      return at::Scalar(flag);
    }
    case napi_bigint:
      return at::Scalar(bigintToInt64(env, value, name));
    case napi_object:
      if (auto scalar = objectToScalar(env, value)) return *scalar;
      [[fallthrough]];
    default:
      reject(env, value, name, "a number, bigint, boolean or {re, im}");
  }
}

int64_t toLayout(napi_env env, napi_value value, const char* name) {
  const std::string text = toString(env, value, name);
  if (text == "strided") return static_cast<int64_t>(c10::kStrided);
  if (text == "sparse_coo") return static_cast<int64_t>(c10::kSparse);
  if (text == "sparse_csr") return static_cast<int64_t>(c10::kSparseCsr);
  reject(env, value, name, "a layout ('strided', 'sparse_coo' or 'sparse_csr')");
}

int64_t toMemoryFormat(napi_env env, napi_value value, const char* name) {
  const std::string text = toString(env, value, name);
  if (text == "contiguous") return static_cast<int64_t>(c10::MemoryFormat::Contiguous);
  if (text == "preserve") return static_cast<int64_t>(c10::MemoryFormat::Preserve);
  if (text == "channels_last") return static_cast<int64_t>(c10::MemoryFormat::ChannelsLast);
  if (text == "channels_last_3d") return static_cast<int64_t>(c10::MemoryFormat::ChannelsLast3d);
  reject(env, value, name,
         "a memory format ('contiguous', 'preserve', 'channels_last' or 'channels_last_3d')");
}

c10::IValue toGenerator(napi_env env, Environment& environment, napi_value value,
                        const char* name) {
  return c10::IValue(findGenerator(environment, toInt64(env, value, name), name));
}

c10::IValue toSingle(napi_env env, Environment& environment, const Parameter& parameter,
                     napi_value value) {
  const char* name = parameter.name.c_str();
  switch (parameter.kind) {
    case Kind::kTensor:
      return c10::IValue(toTensor(env, environment, value, name));
    case Kind::kScalar:
      return c10::IValue(toScalar(env, value, name));
    case Kind::kInt:
      return c10::IValue(toInt64(env, value, name));
    case Kind::kFloat:
      return c10::IValue(toDouble(env, value, name));
    case Kind::kBool:
      return c10::IValue(toBool(env, value, name));
    case Kind::kString:
      return c10::IValue(toString(env, value, name));
    case Kind::kDType:
      return c10::IValue(static_cast<int64_t>(toScalarType(env, value, name)));
    case Kind::kLayout:
      return c10::IValue(toLayout(env, value, name));
    case Kind::kDevice:
      return c10::IValue(toDevice(env, value, name));
    case Kind::kMemoryFormat:
      return c10::IValue(toMemoryFormat(env, value, name));
    case Kind::kGenerator:
      return toGenerator(env, environment, value, name);
    case Kind::kUnsupported:
      break;
  }
  throw ArgumentError("argument '" + parameter.name + "' is of a type that JavaScript cannot give");
}

template <typename Element, typename Convert>
c10::IValue toList(napi_env env, const Parameter& parameter, napi_value value, const char* expected,
                   Convert convert) {
  c10::List<Element> list;
  if (parameter.fixedSize > 0 && typeOf(env, value) != napi_object) {
    const Element element = convert(value);
    for (int32_t i = 0; i < parameter.fixedSize; ++i) list.push_back(element);
    return c10::IValue(std::move(list));
  }
  const char* name = parameter.name.c_str();
  const uint32_t length = lengthOf(env, value, name, expected);
  // Each element is fetched through a handle scope of its own: a hostile length must not exhaust
  // handles.
  for (uint32_t i = 0; i < length; ++i) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    try {
      list.push_back(convert(elementOf(env, value, i)));
    } catch (...) {
      napi_close_handle_scope(env, scope);
      throw;
    }
    napi_close_handle_scope(env, scope);
  }
  return c10::IValue(std::move(list));
}

c10::IValue toListOf(napi_env env, Environment& environment, const Parameter& parameter,
                     napi_value value) {
  const char* name = parameter.name.c_str();
  switch (parameter.kind) {
    case Kind::kTensor:
      if (parameter.nullableElements) {
        return toList<std::optional<at::Tensor>>(
            env, parameter, value, "an array of tensors or null",
            [&](napi_value element) -> std::optional<at::Tensor> {
              const napi_valuetype type = typeOf(env, element);
              if (type == napi_null || type == napi_undefined) return std::nullopt;
              return toTensor(env, environment, element, name);
            });
      }
      return toList<at::Tensor>(
          env, parameter, value, "an array of tensors",
          [&](napi_value element) { return toTensor(env, environment, element, name); });
    case Kind::kInt:
      return toList<int64_t>(env, parameter, value, "an array of integers",
                             [&](napi_value element) { return toInt64(env, element, name); });
    case Kind::kFloat:
      return toList<double>(env, parameter, value, "an array of numbers",
                            [&](napi_value element) { return toDouble(env, element, name); });
    case Kind::kBool:
      return toList<bool>(env, parameter, value, "an array of booleans",
                          [&](napi_value element) { return toBool(env, element, name); });
    case Kind::kString:
      return toList<std::string>(env, parameter, value, "an array of strings",
                                 [&](napi_value element) { return toString(env, element, name); });
    case Kind::kScalar: {
      c10::impl::GenericList list(c10::NumberType::get());
      const uint32_t length = lengthOf(env, value, name, "an array of numbers");
      for (uint32_t i = 0; i < length; ++i) {
        list.push_back(c10::IValue(toScalar(env, elementOf(env, value, i), name)));
      }
      return c10::IValue(std::move(list));
    }
    default:
      throw ArgumentError("argument '" + parameter.name +
                          "' is of a type that JavaScript cannot give");
  }
}

}  // namespace

c10::IValue absentValue(const Parameter& parameter) {
  if (parameter.hasDefault) return parameter.defaultValue;
  if (parameter.nullable) return c10::IValue();
  throw ArgumentError("argument '" + parameter.name + "' is missing");
}

c10::IValue toIValue(napi_env env, Environment& environment, const Parameter& parameter,
                     napi_value value) {
  if (parameter.hasDefault || parameter.nullable) {
    const napi_valuetype type = typeOf(env, value);
    if (type == napi_undefined) return absentValue(parameter);
    if (type == napi_null && parameter.nullable) return c10::IValue();
  }
  return parameter.list ? toListOf(env, environment, parameter, value)
                        : toSingle(env, environment, parameter, value);
}

bool isObject(napi_env env, napi_value value) { return typeOf(env, value) == napi_object; }

at::Scalar toScalarArgument(napi_env env, const Parameter& parameter, napi_value value) {
  if (typeOf(env, value) == napi_undefined) return absentValue(parameter).toScalar();
  return toScalar(env, value, parameter.name.c_str());
}

int32_t toHandle(napi_env env, napi_value value, const char* name) {
  int32_t handle = -1;
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok || number != std::trunc(number) ||
      std::abs(number) > std::numeric_limits<int32_t>::max()) {
    reject(env, value, name, "a Tensor");
  }
  handle = static_cast<int32_t>(number);
  return handle;
}

const at::Tensor& toTensor(napi_env env, Environment& environment, napi_value value,
                           const char* name) {
  const int32_t handle = toHandle(env, value, name);
  try {
    return environment.tensors.get(handle);
  } catch (const ArgumentError& error) {
    throw ArgumentError(std::string("argument '") + name + "': " + error.what());
  }
}

at::ScalarType toScalarType(napi_env env, napi_value value, const char* name) {
  if (typeOf(env, value) == napi_string) {
    const std::string text = toString(env, value, name);
    for (const NamedType& entry : kDTypes) {
      if (text == entry.name) return entry.type;
    }
  }
  reject(env, value, name, "a dtype such as 'float32', 'int64' or 'bool'");
}

c10::Device toDevice(napi_env env, napi_value value, const char* name) {
  return c10::Device(toString(env, value, name));
}

std::string toString(napi_env env, napi_value value, const char* name) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    reject(env, value, name, "a string");
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

int64_t toInt64(napi_env env, napi_value value, const char* name) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    if (number == std::trunc(number) && std::abs(number) <= kMaxSafeInteger) {
      return static_cast<int64_t>(number);
    }
  } else if (typeOf(env, value) == napi_bigint) {
    return bigintToInt64(env, value, name);
  }
  reject(env, value, name, "an integer");
}

bool toBool(napi_env env, napi_value value, const char* name) {
  bool flag = false;
  if (napi_get_value_bool(env, value, &flag) != napi_ok) reject(env, value, name, "a boolean");
  return flag;
}

double toDouble(napi_env env, napi_value value, const char* name) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) return number;
  if (typeOf(env, value) == napi_bigint)
    return static_cast<double>(bigintToInt64(env, value, name));
  reject(env, value, name, "a number");
}

std::vector<int64_t> toInt64s(napi_env env, napi_value value, const char* name) {
  const uint32_t length = lengthOf(env, value, name, "an array of integers");
  std::vector<int64_t> result;
  for (uint32_t i = 0; i < length; ++i)
    result.push_back(toInt64(env, elementOf(env, value, i), name));
  return result;
}

std::vector<at::Tensor> toTensors(napi_env env, Environment& environment, napi_value value,
                                  const char* name) {
  const uint32_t length = lengthOf(env, value, name, "an array of tensors");
  std::vector<at::Tensor> result;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = elementOf(env, value, i);
    const napi_valuetype type = typeOf(env, element);
    if (type == napi_null) {
      result.emplace_back();
    } else {
      result.push_back(toTensor(env, environment, element, name));
    }
  }
  return result;
}

const char* nameOf(at::ScalarType type) {
  for (const NamedType& entry : kDTypes) {
    if (entry.type == type) return entry.name;
  }
  return c10::toString(type);
}

}  // namespace intraclass
