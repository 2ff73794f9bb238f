// Tensors as JavaScript sees them: made from typed arrays, read back, asked for shape, dtype,
// device and gradient.
#include "tensors.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/function.h>

#include <cstring>
#include <memory>
#include <utility>

#include "call.h"

namespace intraclass {

namespace {

struct Bytes {
  const void* data;
  size_t length;
};

Bytes bytesOf(napi_env env, napi_value value) {
  bool isTypedArray = false;
  napi_is_typedarray(env, value, &isTypedArray);
  if (!isTypedArray)
    throw ArgumentError("argument 'data' expected a typed array, got " + describe(env, value));
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  static constexpr size_t kElementSize[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};
  return {data, length * kElementSize[type]};
}

/// fromTypedArray(data, dtype, shape): a new CPU tensor with a copy of the data, which must fill
/// the shape exactly.
napi_value fromTypedArray(const Call& call) {
  const at::ScalarType dtype = toScalarType(call.env, call.info[1], "dtype");
  const std::vector<int64_t> shape = toInt64s(call.env, call.info[2], "shape");
  // Last, since the shape may have getters, which may take the data away.
  const Bytes bytes = bytesOf(call.env, call.info[0]);
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(dtype));
  if (tensor.nbytes() != bytes.length) {
    throw ArgumentError("argument 'shape' asks for " + std::to_string(tensor.nbytes()) +
                        " bytes, data has " + std::to_string(bytes.length));
  }
  if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
  return call.handle(std::move(tensor));
}

/// A new ArrayBuffer by JavaScript's own constructor: it throws a RangeError where there is no
/// memory, at which napi_create_arraybuffer ends the process.
napi_value newArrayBuffer(napi_env env, size_t bytes, void** data) {
  const char* expected = "a tensor that fits into an ArrayBuffer";
  napi_value global = nullptr, constructor = nullptr, length = nullptr, buffer = nullptr;
  check(env, napi_get_global(env, &global), expected);
  check(env, napi_get_named_property(env, global, "ArrayBuffer", &constructor), expected);
  check(env, napi_create_double(env, static_cast<double>(bytes), &length), expected);
  check(env, napi_new_instance(env, constructor, 1, &length, &buffer), expected);
  check(env, napi_get_arraybuffer_info(env, buffer, data, &bytes), expected);
  return buffer;
}

using Memory = std::shared_ptr<at::DataPtr>;

void releaseMemory(void* held) { delete static_cast<Memory*>(held); }

/// A storage's memory, owned by the storage and by whoever has what this returns. Resizing gives a
/// storage other memory, and would free this.
Memory shareMemory(c10::StorageImpl& storage) {
  void* const data = storage.mutable_data();
  // Shared before: wrapped once more each time, it would be freed by as many calls in each other.
  const at::DataPtr& current = storage.data_ptr();
  if (current.get_deleter() == &releaseMemory) return *static_cast<Memory*>(current.get_context());
  auto memory = std::make_shared<at::DataPtr>();
  at::DataPtr shared(data, new Memory(memory), &releaseMemory, storage.device());
  *memory = storage.set_data_ptr(std::move(shared));
  return memory;
}

/// toArrayBuffer(tensor, share): the elements in row-major order. share: the buffer is the tensor's
/// own memory (which must be contiguous and on the CPU) and keeps it alive, so it stays valid
/// whatever happens to the tensor; one that is resized may go on with other memory.
napi_value toArrayBuffer(const Call& call) {
  const at::Tensor& source = call.tensor(0, "tensor");
  const bool share = call.flag(1, "share");
  napi_value buffer = nullptr;
  if (share) {
    if (!source.device().is_cpu() || !source.is_contiguous() || source.layout() != at::kStrided) {
      throw ArgumentError("only a contiguous CPU tensor can share its memory");
    }
    if (source.is_conj() || source.is_neg()) {
      throw ArgumentError(
          "a tensor whose elements are conjugated or negated as they are read cannot share its "
          "memory; resolveConj() or resolveNeg() makes one that can");
    }
    if (source._is_zerotensor()) {
      throw ArgumentError("zeros that have no memory cannot share it; clone() makes some that can");
    }
    if (source.nbytes() > 0) {
      void* const data = source.data_ptr();
      auto* memory = new Memory(shareMemory(*source.storage().unsafeGetStorageImpl()));
      const auto release = [](napi_env, void*, void* hint) { delete static_cast<Memory*>(hint); };
      if (napi_create_external_arraybuffer(call.env, data, source.nbytes(), release, memory,
                                           &buffer) == napi_ok) {
        return buffer;
      }
      delete memory;
      throw std::runtime_error("this runtime does not allow external buffers");
    }
  }
  // LibTorch's zeros without memory get some by a clone only.
  const at::Tensor elements = source._is_zerotensor() ? source.clone() : source;
  const at::Tensor tensor =
      elements.detach().to(at::kCPU).contiguous().resolve_conj().resolve_neg();
  void* data = nullptr;
  buffer = newArrayBuffer(call.env, tensor.nbytes(), &data);
  if (tensor.nbytes() > 0) std::memcpy(data, tensor.data_ptr(), tensor.nbytes());
  return buffer;
}

napi_value shape(const Call& call) { return call.value(call.tensor(0, "tensor").sizes()); }
napi_value strides(const Call& call) { return call.value(call.tensor(0, "tensor").strides()); }
napi_value dtype(const Call& call) {
  return call.value(std::string(nameOf(call.tensor(0, "tensor").scalar_type())));
}
napi_value device(const Call& call) { return call.value(call.tensor(0, "tensor").device().str()); }
napi_value isLeaf(const Call& call) { return call.value(call.tensor(0, "tensor").is_leaf()); }

napi_value requiresGrad(const Call& call) {
  return call.value(call.tensor(0, "tensor").requires_grad());
}

napi_value setRequiresGrad(const Call& call) {
  call.tensor(0, "tensor").set_requires_grad(call.flag(1, "requiresGrad"));
  return call.undefined();
}

napi_value gradient(const Call& call) { return call.handle(call.tensor(0, "tensor").grad()); }

bool isLike(const at::Tensor& tensor, const at::Tensor& other) {
  return other.sizes() == tensor.sizes() && other.scalar_type() == tensor.scalar_type() &&
         other.device() == tensor.device();
}

/// Throws unless the argument `name` is of the shape and type of `tensor`, on its device.
void requireLike(const char* name, const at::Tensor& tensor, const at::Tensor& other) {
  TORCH_CHECK(isLike(tensor, other), "argument '", name, "' expected shape ", tensor.sizes(), " ",
              tensor.scalar_type(), " on ", tensor.device(), ", got ", other.sizes(), " ",
              other.scalar_type(), " on ", other.device());
}

/// setGradient(tensor, gradient | null)
napi_value setGradient(const Call& call) {
  const at::Tensor& tensor = call.tensor(0, "tensor");
  if (call.info[1].IsNull()) {
    tensor.mutable_grad().reset();
    return call.undefined();
  }
  const at::Tensor& gradient = call.tensor(1, "grad");
  // It would hold itself, and never be freed.
  TORCH_CHECK(!gradient.is_same(tensor),
              "argument 'grad' expected another tensor than the one it is of");
  requireLike("grad", tensor, gradient);
  tensor.mutable_grad() = gradient;
  return call.undefined();
}

/// Whether two tensors of the same shape have each element at the same place.
bool sameLayout(const at::Tensor& one, const at::Tensor& other) {
  if (one.layout() != other.layout()) return false;
  for (int64_t d = 0; d < one.dim(); ++d) {
    // The stride of a dimension of one element is never taken.
    if (one.size(d) > 1 && one.stride(d) != other.stride(d)) return false;
  }
  return true;
}

/// gradientFits(parameter, gradient): whether each element of the gradient is where the parameter's
/// is; null where the parameter's do not lie side by side. Throws if it is of another shape or
/// type: the parameter may have been given other data since.
napi_value gradientFits(const Call& call) {
  const at::Tensor& parameter = call.tensor(0, "parameter");
  const at::Tensor& gradient = call.tensor(1, "gradient");
  requireLike("grad", parameter, gradient);
  if (!parameter.is_non_overlapping_and_dense()) return call.info.Env().Null();
  return call.value(sameLayout(parameter, gradient));
}

/// misfit(parameters, kept): the first index at which a kept tensor is not of its parameter's
/// shape, type, device and layout; -1 where all are.
napi_value misfit(const Call& call) {
  const auto parameters = toTensors(call.env, call.environment, call.info[0], "parameters");
  const auto kept = toTensors(call.env, call.environment, call.info[1], "kept");
  TORCH_CHECK(parameters.size() == kept.size(), "argument 'kept' expected ", parameters.size(),
              " tensors, got ", kept.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor &parameter = parameters[i], &other = kept[i];
    if (!isLike(parameter, other) || !sameLayout(parameter, other)) {
      return call.value(static_cast<int64_t>(i));
    }
  }
  return call.value(int64_t{-1});
}

/// gradientFunction(tensor): the name of the node that made it, or null for a leaf.
napi_value gradientFunction(const Call& call) {
  const auto& node = call.tensor(0, "tensor").grad_fn();
  return node == nullptr ? static_cast<napi_value>(call.info.Env().Null())
                         : call.value(node->name());
}

/// setData(tensor, data): the tensor keeps its identity (and its place in optimisers) and takes
/// other data.
napi_value setData(const Call& call) {
  call.tensor(0, "tensor").set_data(call.tensor(1, "data"));
  return call.undefined();
}

/// item(tensor): the only element, as a number, bigint (beyond 2^53), boolean or {re, im}.
napi_value item(const Call& call) {
  const at::Tensor& tensor = call.tensor(0, "tensor");
  TORCH_CHECK(tensor.numel() == 1, "expected a tensor of one element, got shape ", tensor.sizes());
  return toScalarValue(call.env, tensor.item());
}

napi_value release(const Call& call) {
  call.environment.tensors.release(toHandle(call.env, call.info[0], "tensor"));
  return call.undefined();
}

/// releaseMany(handles: Int32Array, count): what a scope leaves behind, in one call.
napi_value releaseMany(const Call& call) {
  const Bytes bytes = bytesOf(call.env, call.info[0]);
  const int64_t count = call.integer(1, "count");
  if (count < 0 || static_cast<size_t>(count) * sizeof(int32_t) > bytes.length) {
    throw ArgumentError("argument 'count' is larger than the array");
  }
  // Freeing can run code that reallocates nothing on the JavaScript heap, so the pointer stays
  // valid.
  const auto* handles = static_cast<const int32_t*>(bytes.data);
  for (int64_t i = 0; i < count; ++i) call.environment.tensors.release(handles[i]);
  return call.undefined();
}

/// track(tensor, object): frees the tensor once `object` has been garbage-collected.
napi_value track(const Call& call) {
  const int32_t handle = toHandle(call.env, call.info[0], "tensor");
  if (!call.info[1].IsObject()) throw ArgumentError("argument 'object' expected an object");
  call.environment.tensors.track(handle, call.info[1]);
  return call.undefined();
}

napi_value sweep(const Call& call) {
  call.environment.generators.sweep();
  call.environment.exceptions.sweep();
  return call.value(call.environment.tensors.sweep());
}

/// memoryUse(): [tensors, bytes of main memory, bytes of GPUs' memory]
napi_value memoryUse(const Call& call) {
  const HandleTable& tensors = call.environment.tensors;
  return call.value(
      at::IntArrayRef({tensors.liveTensors(), tensors.liveBytes(), tensors.deviceBytes()}));
}

}  // namespace

void exportTensors(Napi::Object exports) {
  addExport<fromTypedArray>(exports, "fromTypedArray");
  addExport<toArrayBuffer>(exports, "toArrayBuffer");
  addExport<shape>(exports, "shape");
  addExport<strides>(exports, "strides");
  addExport<dtype>(exports, "dtype");
  addExport<device>(exports, "device");
  addExport<isLeaf>(exports, "isLeaf");
  addExport<requiresGrad>(exports, "requiresGrad");
  addExport<setRequiresGrad>(exports, "setRequiresGrad");
  addExport<gradient>(exports, "gradient");
  addExport<setGradient>(exports, "setGradient");
  addExport<gradientFits>(exports, "gradientFits");
  addExport<misfit>(exports, "misfit");
  addExport<gradientFunction>(exports, "gradientFunction");
  addExport<setData>(exports, "setData");
  addExport<item>(exports, "item");
  addExport<release>(exports, "release");
  addExport<releaseMany>(exports, "releaseMany");
  addExport<track>(exports, "track");
  addExport<sweep>(exports, "sweep");
  addExport<memoryUse>(exports, "memoryUse");
}

}  // namespace intraclass
