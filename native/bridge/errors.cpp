#include "errors.h"

#include <c10/util/Exception.h>

#include "environment.h"

namespace intraclass {

namespace {

std::string firstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

/// `message` with the operation before it, unless it begins with that already.
std::string prefixed(const std::string& prefix, const std::string& message) {
  return message.starts_with(prefix) ? message : prefix + message;
}

/// All that the exception of a number says; undefined where it is gone.
napi_value nativeStack(napi_env env, napi_callback_info info) {
  void* number = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &number);
  const std::exception_ptr* exception =
      Environment::of(env).exceptions.find(reinterpret_cast<intptr_t>(number));
  napi_value text = nullptr;
  try {
    if (exception != nullptr) std::rethrow_exception(*exception);
  } catch (const std::exception& error) {
    napi_create_string_utf8(env, error.what(), NAPI_AUTO_LENGTH, &text);
  }
  return text;
}

/// Gives an Error object the property nativeStack, of the exception being handled.
void addNativeStack(napi_env env, napi_value error) {
  const int64_t number = Environment::of(env).exceptions.add(std::current_exception(), error);
  if (number == 0) return;
  napi_property_descriptor property{};
  property.utf8name = "nativeStack";
  property.getter = nativeStack;
  property.attributes = static_cast<napi_property_attributes>(napi_enumerable | napi_configurable);
  property.data = reinterpret_cast<void*>(static_cast<intptr_t>(number));
  napi_define_properties(env, error, 1, &property);
}

/// `hasStack`: the exception being handled comes from LibTorch.
void throwError(napi_env env, const std::string& message, bool isTypeError, bool hasStack) {
  napi_value text = nullptr, error = nullptr;
  if (napi_create_string_utf8(env, message.c_str(), message.size(), &text) != napi_ok) return;
  auto create = isTypeError ? napi_create_type_error : napi_create_error;
  if (create(env, nullptr, text, &error) != napi_ok) return;
  if (hasStack) addNativeStack(env, error);
  napi_throw(env, error);
}

}  // namespace

void check(napi_env env, napi_status status, const char* expected) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException{};
  throw ArgumentError(std::string("expected ") + expected);
}

void throwToJavaScript(napi_env env, const std::string& operation) {
  const std::string prefix = operation + ": ";
  try {
    throw;
  } catch (const PendingException&) {
    // The JavaScript exception is already on its way.
  } catch (const Napi::Error& error) {
    // Fails in a worker that is being terminated, where nothing can be thrown any more;
    // ThrowAsJavaScriptException would throw a C++ exception then, and end the process.
    napi_throw(env, error.Value());
  } catch (const ArgumentError& error) {
    throwError(env, prefixed(prefix, error.what()), /*isTypeError=*/true, /*hasStack=*/false);
  } catch (const c10::Error& error) {
    throwError(env, prefixed(prefix, firstLine(error.what_without_backtrace())), false, true);
  } catch (const std::exception& error) {
    throwError(env, prefixed(prefix, firstLine(error.what())), false, true);
  } catch (...) {
    throwError(env, prefix + "unknown C++ exception", false, false);
  }
}

std::string describe(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok) return "an unreadable value";
  switch (type) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean: {
      bool flag = false;
      napi_get_value_bool(env, value, &flag);
      return flag ? "true" : "false";
    }
    case napi_number: {
      double number = 0;
      napi_get_value_double(env, value, &number);
      char text[32];
      snprintf(text, sizeof text, "%.15g", number);
      return std::string("number ") + text;
    }
    case napi_string: {
      char text[48];
      size_t length = 0;
      napi_get_value_string_utf8(env, value, text, sizeof text, &length);
      return "string \"" + std::string(text, length) + (length == sizeof text - 1 ? "…\"" : "\"");
    }
    case napi_bigint:
      return "a bigint";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_object: {
      bool isArray = false;
      napi_is_array(env, value, &isArray);
      return isArray ? "an array" : "an object";
    }
    default:
      return "an external value";
  }
}

}  // namespace intraclass
