#include "handles.h"

#include <string>
#include <utility>

#include "errors.h"

namespace intraclass {

int32_t HandleTable::add(at::Tensor tensor) {
  int32_t index;
  if (freeSlots_.empty()) {
    if (slots_.size() > static_cast<size_t>(kSlotMask)) {
      throw std::runtime_error("too many live tensors (16,777,216): dispose some, or use scope()");
    }
    index = static_cast<int32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = freeSlots_.back();
    freeSlots_.pop_back();
  }
  slots_[index].device = device_.add(tensor);
  slots_[index].tensor = std::move(tensor);
  ++live_;
  return tag_ << kSlotBits | index;
}

const at::Tensor& HandleTable::get(int32_t handle) const {
  const int32_t index = handle & kSlotMask;
  if (handle < 0) throw ArgumentError("the tensor has been disposed");
  if (handle >> kSlotBits != tag_) {
    throw ArgumentError("the tensor belongs to another worker thread; send its data instead");
  }
  if (static_cast<size_t>(index) >= slots_.size() || !slots_[index].tensor.defined()) {
    throw ArgumentError("the tensor has been disposed");
  }
  return slots_[index].tensor;
}

HandleTable::Slot& HandleTable::slotOf(int32_t handle) {
  get(handle);
  return slots_[handle & kSlotMask];
}

void HandleTable::release(int32_t handle) {
  const int32_t index = handle & kSlotMask;
  if (handle < 0 || handle >> kSlotBits != tag_ || static_cast<size_t>(index) >= slots_.size())
    return;
  if (slots_[index].tensor.defined()) free(index);
}

void HandleTable::free(int32_t index) {
  Slot& slot = slots_[index];
  if (slot.object != nullptr) {
    napi_delete_reference(env_, slot.object);
    slot.object = nullptr;
    --tracked_;
  }
  // Destroying a tensor may free a whole autograd graph: take it out of the table first.
  at::Tensor last = std::move(slot.tensor);
  slot.tensor = at::Tensor();
  device_.remove(std::exchange(slot.device, nullptr));
  freeSlots_.push_back(index);
  --live_;
  last.reset();
  if (allBytes() < told_) tellV8();
}

void HandleTable::clear() {
  for (size_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].tensor.defined()) free(static_cast<int32_t>(index));
  }
}

void HandleTable::track(int32_t handle, napi_value object) {
  Slot& slot = slotOf(handle);
  if (slot.object != nullptr) {  // the tensor has moved to another object
    napi_delete_reference(env_, slot.object);
    slot.object = nullptr;
    --tracked_;
  }
  check(env_, napi_create_reference(env_, object, 0, &slot.object), "a Tensor object to track");
  ++tracked_;
  // Only here: what a scope frees V8 cannot, and it would collect again and again on the threads
  // that the step needs.
  tellV8();
  // A loop that never returns to the event loop gets no finaliser calls, so dead objects are looked
  // for here, each time the tracked tensors, or the bytes of all, have doubled since what the last
  // sweep left.
  if (tracked_ >= sweepAtCount_ || allBytes() >= sweepAtBytes_) {
    sweep();
    sweepAtCount_ = std::max(kFirstSweepCount, 2 * tracked_);
    sweepAtBytes_ = std::max(kFirstSweepBytes, 2 * allBytes());
  }
}

int64_t HandleTable::sweep() {
  int64_t freed = 0;
  for (size_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].object == nullptr) continue;
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    napi_value object = nullptr;
    napi_get_reference_value(env_, slots_[index].object, &object);
    napi_close_handle_scope(env_, scope);
    if (object == nullptr) {
      free(static_cast<int32_t>(index));
      ++freed;
    }
  }
  return freed;
}

void HandleTable::tellV8() {
  const int64_t change = allBytes() - told_;
  if (change > -kTellBytes && change < kTellBytes) return;
  told_ += change;
  int64_t total = 0;
  napi_adjust_external_memory(env_, change, &total);
}

}  // namespace intraclass
