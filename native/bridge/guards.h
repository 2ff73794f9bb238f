// What LibTorch does not check before a library or the processor ends the process over it.
#pragma once

#include <ATen/core/stack.h>

#include <string>

namespace intraclass {

/// Looks at the arguments of a call; throws where they would end the process.
using Guard = void (*)(const torch::jit::Stack& arguments);

/// For an operator of this name, "aten::div", whatever its overload; nullptr where LibTorch checks
/// for itself.
Guard guardFor(const std::string& name);

}  // namespace intraclass
