// What the addon keeps for one JavaScript environment (the main thread or one worker).
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/stack.h>
#include <napi.h>

#include <exception>

#include "handles.h"
#include "operators.h"
#include "tracked.h"

namespace intraclass {

struct Environment {
  explicit Environment(napi_env env);

  static Environment& of(napi_env env);

  HandleTable tensors;
  OperatorTable operators;
  /// Those of JavaScript's Generator objects.
  Tracked<at::Generator> generators;
  /// What JavaScript's Error objects came of: their nativeStack, which takes long to write.
  Tracked<std::exception_ptr> exceptions;
  /// The operators' arguments and results; kept between calls so that a call allocates nothing for
  /// it.
  torch::jit::Stack stack;
};

}  // namespace intraclass
