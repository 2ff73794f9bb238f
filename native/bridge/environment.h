// What the addon keeps for one JavaScript environment (the main thread or one worker).
#pragma once

#include <ATen/core/Generator.h>
#include <napi.h>

#include <unordered_map>
#include <vector>

#include "handles.h"
#include "operators.h"

namespace intraclass {

struct Environment {
  explicit Environment(napi_env env);

  static Environment& of(napi_env env);

  HandleTable tensors;
  OperatorTable operators;
  std::vector<at::Generator> generators;
};

}  // namespace intraclass
