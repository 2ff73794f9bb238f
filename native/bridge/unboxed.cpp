#include "unboxed.h"

namespace intraclass {

namespace {

using Tensor = const at::Tensor&;
using Scalar = const at::Scalar&;

at::Tensor callT(const c10::OperatorHandle& op, const UnboxedArguments& a) {
  return op.typed<at::Tensor(Tensor)>().call(*a.tensors[0]);
}
at::Tensor callTT(const c10::OperatorHandle& op, const UnboxedArguments& a) {
  return op.typed<at::Tensor(Tensor, Tensor)>().call(*a.tensors[0], *a.tensors[1]);
}
at::Tensor callTS(const c10::OperatorHandle& op, const UnboxedArguments& a) {
  return op.typed<at::Tensor(Tensor, Scalar)>().call(*a.tensors[0], a.scalars[0]);
}
at::Tensor callTTS(const c10::OperatorHandle& op, const UnboxedArguments& a) {
  return op.typed<at::Tensor(Tensor, Tensor, Scalar)>().call(*a.tensors[0], *a.tensors[1],
                                                             a.scalars[0]);
}
at::Tensor callTSS(const c10::OperatorHandle& op, const UnboxedArguments& a) {
  return op.typed<at::Tensor(Tensor, Scalar, Scalar)>().call(*a.tensors[0], a.scalars[0],
                                                             a.scalars[1]);
}

/// 'T' and 'S' for each parameter; empty if there is any other, or anything is written to.
std::string signatureOf(const c10::FunctionSchema& schema) {
  std::string signature;
  for (const c10::Argument& argument : schema.arguments()) {
    const bool isTensor = argument.type()->kind() == c10::TypeKind::TensorType;
    const bool isScalar = argument.real_type()->kind() == c10::TypeKind::NumberType;
    const bool isWritten = argument.alias_info() != nullptr && argument.alias_info()->isWrite();
    if (isWritten || (!isTensor && !isScalar)) return {};
    signature += isTensor ? 'T' : 'S';
  }
  return signature;
}

bool returnsOneTensor(const c10::FunctionSchema& schema) {
  return schema.returns().size() == 1 &&
         schema.returns()[0].type()->kind() == c10::TypeKind::TensorType;
}

/// typed() throws where the C++ kernel was registered with other types than the schema suggests.
template <typename Signature>
bool isRegisteredAs(const c10::OperatorHandle& handle) {
  try {
    handle.typed<Signature>();
    return true;
  } catch (const c10::Error&) {
    return false;
  }
}

}  // namespace

UnboxedCall unboxedCallFor(const c10::OperatorHandle& handle) {
  if (!returnsOneTensor(handle.schema())) return nullptr;
  const std::string signature = signatureOf(handle.schema());
  if (signature == "T" && isRegisteredAs<at::Tensor(Tensor)>(handle)) return callT;
  if (signature == "TT" && isRegisteredAs<at::Tensor(Tensor, Tensor)>(handle)) return callTT;
  if (signature == "TS" && isRegisteredAs<at::Tensor(Tensor, Scalar)>(handle)) return callTS;
  if (signature == "TTS" && isRegisteredAs<at::Tensor(Tensor, Tensor, Scalar)>(handle))
    return callTTS;
  if (signature == "TSS" && isRegisteredAs<at::Tensor(Tensor, Scalar, Scalar)>(handle))
    return callTSS;
  return nullptr;
}

}  // namespace intraclass
