// Every C++ exception becomes a JavaScript Error before it reaches the Node-API boundary: an
// exception that crosses it aborts the process. The message is the first line of LibTorch's; the
// rest, with the C++ stack, is `error.nativeStack`, which can be read only. Naming the stack's
// functions takes tens of milliseconds, so that is done for who asks.
#pragma once

#include <napi.h>

#include <string>

namespace intraclass {

/// A bad argument: becomes a JavaScript TypeError with this message.
struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A JavaScript exception is already pending (a getter or proxy trap threw): let it through.
struct PendingException {};

/// Throws PendingException or ArgumentError when a Node-API call did not succeed.
void check(napi_env env, napi_status status, const char* expected);

/// Turns the exception being handled into a pending JavaScript exception. `operation` names the
/// operator.
void throwToJavaScript(napi_env env, const std::string& operation);

/// Runs `body`; whatever it throws becomes a JavaScript exception.
template <typename Body>
napi_value guarded(napi_env env, const char* operation, Body&& body) {
  try {
    return body();
  } catch (...) {
    throwToJavaScript(env, operation);
    return nullptr;
  }
}

/// A short description of a JavaScript value for error messages: `string "abc"`, `number 1.5`, `an
/// array`.
std::string describe(napi_env env, napi_value value);

}  // namespace intraclass
