// The memory of GPUs that JavaScript's tensors hold, for V8, which has to know that dropping a
// small object frees much. Main memory is counted where it is allocated (allocator.h); LibTorch's
// own allocators for GPUs count theirs for all threads at once and in more detail than a call per
// tensor could pay for. So it is counted here, by the storages of the tensors in the handle table,
// without what autograd alone has saved.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <unordered_map>

namespace intraclass {

class DeviceBytes {
 public:
  /// What a tensor of the table is counted by; null for one without memory on a GPU.
  using Key = const void*;

  Key add(const at::Tensor& tensor) {
    if (tensor.is_cpu() || tensor.is_meta() || !tensor.has_storage()) return nullptr;
    const Key key = tensor.storage().unsafeGetStorageImpl();
    Entry& entry = storages_[key];
    if (entry.tensors++ == 0) {
      entry.bytes = static_cast<int64_t>(tensor.storage().nbytes());
      total_ += entry.bytes;
    }
    return key;
  }

  void remove(Key key) {
    if (key == nullptr) return;
    const auto found = storages_.find(key);
    if (--found->second.tensors > 0) return;
    total_ -= found->second.bytes;
    storages_.erase(found);
  }

  int64_t total() const { return total_; }

 private:
  struct Entry {
    int64_t tensors = 0;
    int64_t bytes = 0;  // when its first tensor came
  };

  std::unordered_map<Key, Entry> storages_;
  int64_t total_ = 0;
};

}  // namespace intraclass
