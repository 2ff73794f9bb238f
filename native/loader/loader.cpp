// Opens shared libraries by absolute path and keeps them open for the life of the process.
//
// Node's process.dlopen refuses a library that is no addon, and an addon whose dependencies the
// system's search path does not have cannot be loaded at all. This addon depends on nothing but
// libc: it opens LibTorch first, and the addons opened after it find LibTorch by name among what is
// already loaded.
#include <dlfcn.h>
#include <node_api.h>

#include <string>

namespace {

// RTLD_NODELETE: LibTorch and its operator registrations cannot be unloaded and loaded again, yet
// Node closes an addon when the worker that loaded it ends. RTLD_LOCAL: no symbol is offered to
// unrelated addons.
constexpr int kFlags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;

// open(path: string): string | null — null, or the dynamic linker's message.
napi_value Open(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count < 1 ||
      napi_get_value_string_utf8(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "open(path): path must be a string");
    return nullptr;
  }
  std::string path(length, '\0');
  napi_get_value_string_utf8(env, argument, path.data(), length + 1, &length);

  napi_value result = nullptr;
  if (dlopen(path.c_str(), kFlags) != nullptr) {
    napi_get_null(env, &result);
  } else {
    const char* message = dlerror();
    napi_create_string_utf8(env, message ? message : "unknown error", NAPI_AUTO_LENGTH, &result);
  }
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value open;
  if (napi_create_function(env, "open", NAPI_AUTO_LENGTH, Open, nullptr, &open) != napi_ok ||
      napi_set_named_property(env, exports, "open", open) != napi_ok) {
    return nullptr;
  }
  return exports;
}
