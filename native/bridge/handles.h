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

namespace intraclass {

class HandleTable {
 public:
  static constexpr int32_t kSlotBits = 24;
  static constexpr int32_t kSlotMask = (1 << kSlotBits) - 1;
  /// What one small tensor costs natively beyond its data (TensorImpl, StorageImpl, slot), as told
  /// to V8.
  static constexpr int64_t kTensorOverhead = 512;

  static constexpr int64_t kFirstSweepCount = 8192;
  static constexpr int64_t kFirstSweepBytes = 64 << 20;

  HandleTable(napi_env env, int32_t tag) : env_(env), tag_(tag) {}

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
  int64_t liveBytes() const { return bytes_; }
  int32_t tag() const { return tag_; }

 private:
  struct Slot {
    at::Tensor tensor;
    napi_ref object = nullptr;  // weak; only for tensors that no scope owns
    int64_t bytes = 0;
  };

  Slot& slotOf(int32_t handle);
  void free(int32_t index);
  void account(int64_t bytes);

  napi_env env_;
  int32_t tag_;
  std::vector<Slot> slots_;
  std::vector<int32_t> freeSlots_;
  int64_t live_ = 0;
  int64_t bytes_ = 0;
  int64_t unreported_ = 0;
  int64_t tracked_ = 0;
  int64_t sweepAtCount_ = kFirstSweepCount;
  int64_t sweepAtBytes_ = kFirstSweepBytes;
};

}  // namespace intraclass
