// What an exported function works with: its arguments, the environment they belong to, and the
// values it returns.
#pragma once

#include <napi.h>

#include "arguments.h"
#include "denormals.h"
#include "environment.h"
#include "errors.h"
#include "results.h"

namespace intraclass {

struct Call {
  napi_env env;
  Environment& environment;
  const Napi::CallbackInfo& info;

  const at::Tensor& tensor(size_t index, const char* name) const {
    return toTensor(env, environment, info[index], name);
  }
  bool flag(size_t index, const char* name) const { return toBool(env, info[index], name); }
  int64_t integer(size_t index, const char* name) const { return toInt64(env, info[index], name); }

  napi_value handle(at::Tensor tensor) const {
    return toHandleValue(env, environment, std::move(tensor));
  }
  napi_value undefined() const { return info.Env().Undefined(); }
  napi_value value(bool flag) const { return Napi::Boolean::New(env, flag); }
  napi_value value(int64_t number) const {
    return Napi::Number::New(env, static_cast<double>(number));
  }
  napi_value value(const std::string& text) const { return Napi::String::New(env, text); }
  napi_value value(at::IntArrayRef numbers) const {
    Napi::Array array = Napi::Array::New(env, numbers.size());
    for (uint32_t i = 0; i < numbers.size(); ++i) array[i] = value(numbers[i]);
    return array;
  }
};

template <napi_value (*function)(const Call&)>
Napi::Value exported(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  return Napi::Value(env, guarded(env, static_cast<const char*>(info.Data()), [&] {
                       const DenormalGuard denormals;
                       return function(Call{env, Environment::of(env), info});
                     }));
}

/// Adds `function` to the addon's exports under `name`, which also opens its error messages.
template <napi_value (*function)(const Call&)>
void addExport(Napi::Object exports, const char* name) {
  exports[name] =
      Napi::Function::New(exports.Env(), exported<function>, name, const_cast<char*>(name));
}

}  // namespace intraclass
