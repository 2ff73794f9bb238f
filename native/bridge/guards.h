// What LibTorch does not check before a library or the processor ends the process over it.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>

namespace intraclass {

/// Looks at the arguments of a call; throws where they would end the process.
using Guard = void (*)(const torch::jit::Stack& arguments);

/// nullptr for an operator that checks for itself, as nearly all do.
Guard guardFor(const c10::FunctionSchema& schema);

}  // namespace intraclass
