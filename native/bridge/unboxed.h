// Calls without boxing, for the signatures that most operators have: about 60 ns of a small
// operator's 850 saved.
//
//   (Tensor) (Tensor, Tensor) (Tensor, Scalar) (Tensor, Tensor, Scalar) (Tensor, Scalar, Scalar) ->
//   Tensor
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

namespace intraclass {

/// The tensors and scalars of one call, in order; which of them count is the signature's business.
struct UnboxedArguments {
  const at::Tensor* tensors[2];
  at::Scalar scalars[2];
};

using UnboxedCall = at::Tensor (*)(const c10::OperatorHandle&, const UnboxedArguments&);

/// The unboxed call for an operator, or nullptr if its signature is none of the above.
UnboxedCall unboxedCallFor(const c10::OperatorHandle& handle);

}  // namespace intraclass
