// The handle table: tensors cross to JavaScript as small integers into it, which costs nanoseconds
// where a wrapped object costs microseconds. One table per environment (main thread or worker).
//
// A handle is  tag << 24 | slot : the tag belongs to the environment, so a tensor of another worker
// is recognised.
#pragma once

#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <cstdint>
#include <vector>

#include "allocator.h"
#include "device_bytes.h"

namespace intraclass {

class HandleTable {
 public:
  static constexpr int32_t kSlotBits = 24;
  static constexpr int32_t kSlotMask = (1 << kSlotBits) - 1;
  /// What one small tensor costs natively beyond its data (TensorImpl, StorageImpl, slot), as told
  /// to V8.
  static constexpr int64_t kTensorOverhead = 512;

  /// V8 is told in steps of this: one call per tensor would cost more than the tensor.
  static constexpr int64_t kTellBytes = 1 << 20;

  static constexpr int64_t kFirstSweepCount = 8192;
  static constexpr int64_t kFirstSweepBytes = 64 << 20;

  /// For the environment of the calling thread.
  HandleTable(napi_env env, int32_t tag) : env_(env), tag_(tag), data_(ThreadBytes::here()) {}

  int32_t add(at::Tensor tensor);
  /// The tensor of a handle. Throws ArgumentError for a disposed tensor or another worker's.
  const at::Tensor& get(int32_t handle) const;
  /// Frees the slot; a handle that is already free is ignored, so that disposing twice is harmless.
  void release(int32_t handle);
  void clear();

  /// Watches the JavaScript object of a handle: once it has been collected, sweep() frees the slot.
  void track(int32_t handle, napi_value object);
  /// Frees every tracked slot whose object V8 has collected; returns how many.
  int64_t sweep();

  int64_t liveTensors() const { return live_; }
  /// What the tensors cost and the data of this thread take, be they a tensor's, shared with
  /// JavaScript, or saved by autograd.
  int64_t liveBytes() const { return live_ * kTensorOverhead + data_.total(); }
  /// What the tensors hold of the memory of GPUs.
  int64_t deviceBytes() const { return device_.total(); }
  int32_t tag() const { return tag_; }

 private:
  struct Slot {
    at::Tensor tensor;
    napi_ref object = nullptr;  // weak; only for tensors that no scope owns
    DeviceBytes::Key device = nullptr;
  };

  Slot& slotOf(int32_t handle);
  void free(int32_t index);
  int64_t allBytes() const { return liveBytes() + deviceBytes(); }
  void tellV8();

  napi_env env_;
  int32_t tag_;
  const ThreadBytes& data_;
  DeviceBytes device_;
  std::vector<Slot> slots_;
  std::vector<int32_t> freeSlots_;
  int64_t live_ = 0;
  int64_t told_ = 0;
  int64_t tracked_ = 0;
  int64_t sweepAtCount_ = kFirstSweepCount;
  int64_t sweepAtBytes_ = kFirstSweepBytes;
};

}  // namespace intraclass
