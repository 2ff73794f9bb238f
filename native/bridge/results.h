// What an operator returns, as JavaScript values: a tensor is a new handle, a list or tuple an
// array.
#pragma once

#include <ATen/core/stack.h>

#include "environment.h"

namespace intraclass {

/// The results left on the stack: undefined for none, the value for one, an array for several. A
/// result that is one of the arguments (in-place, out=) gets no handle: it comes back as `null` and
/// the caller knows which it is.
napi_value toResult(napi_env env, Environment& environment, const Operator& op,
                    torch::jit::Stack& stack);

napi_value toHandleValue(napi_env env, Environment& environment, at::Tensor tensor);
napi_value toScalarValue(napi_env env, const at::Scalar& scalar);

}  // namespace intraclass
