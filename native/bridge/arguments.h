// JavaScript values to IValues, as a parameter of a schema asks.
#pragma once

#include <ATen/core/ivalue.h>

#include "environment.h"

namespace intraclass {

/// Converts `value` for `parameter`; `undefined` gives the default. Throws ArgumentError naming the
/// argument.
c10::IValue toIValue(napi_env env, Environment& environment, const Parameter& parameter,
                     napi_value value);

/// What a parameter takes that was not given at all: its default, or None. Throws ArgumentError if
/// it has neither.
c10::IValue absentValue(const Parameter& parameter);

/// Whether a value is one that may have getters, which run as it is read.
bool isObject(napi_env env, napi_value value);

/// A Scalar for `parameter`; `undefined` gives the default.
at::Scalar toScalarArgument(napi_env env, const Parameter& parameter, napi_value value);

/// A handle from JavaScript: an int32. `name` is the argument's name for messages.
int32_t toHandle(napi_env env, napi_value value, const char* name);
/// The tensor behind a handle argument.
const at::Tensor& toTensor(napi_env env, Environment& environment, napi_value value,
                           const char* name);

at::ScalarType toScalarType(napi_env env, napi_value value, const char* name);
c10::Device toDevice(napi_env env, napi_value value, const char* name);
std::string toString(napi_env env, napi_value value, const char* name);
int64_t toInt64(napi_env env, napi_value value, const char* name);
bool toBool(napi_env env, napi_value value, const char* name);
double toDouble(napi_env env, napi_value value, const char* name);
std::vector<int64_t> toInt64s(napi_env env, napi_value value, const char* name);
std::vector<at::Tensor> toTensors(napi_env env, Environment& environment, napi_value value,
                                  const char* name);

const char* nameOf(at::ScalarType type);

}  // namespace intraclass
