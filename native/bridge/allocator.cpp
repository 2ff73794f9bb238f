#include "allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace intraclass {

namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
constexpr size_t kSmallest = 64;
/// Size classes are quarters of powers of two (64, 80, 96, 112, 128, 160, …): at most a quarter is
/// wasted.
constexpr size_t kClasses = 4 * 24;
constexpr size_t kLargest = kSmallest
                            << (kClasses / 4 - 1);  // 512 MiB; anything above goes to the system
/// Up to here (1 KiB) blocks wait in lists of their thread.
constexpr size_t kSmallClasses = 4 * 4 + 1;
constexpr size_t kSmallPerClass = 128;
/// No more than this waits in the process's lists.
constexpr size_t kMostCached = size_t{1} << 30;

constexpr uint32_t kUncached = UINT32_MAX;

/// What stands before each block's data. A whole alignment unit, so that the data stay aligned.
struct alignas(kAlignment) Header {
  uint32_t sizeClass;
  /// While it is in use: what was asked for, and where that is counted, if anywhere.
  int64_t bytes;
  ThreadBytes* owner;
};

thread_local ThreadBytes* threadBytes = nullptr;

void* use(Header* block, size_t bytes) {
  block->bytes = static_cast<int64_t>(bytes);
  block->owner = threadBytes;
  if (block->owner != nullptr) block->owner->add(block->bytes);
  return block + 1;
}

size_t bytesOf(size_t sizeClass) {
  return (kSmallest << (sizeClass / 4)) / 4 * (4 + sizeClass % 4);
}

/// The smallest class that holds `bytes`.
size_t classOf(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  const size_t power = std::bit_width(bytes - 1) - 1;  // 2^power < bytes <= 2^(power + 1)
  const size_t quarter = (bytes - 1 - (size_t{1} << power)) >> (power - 2);
  return 4 * (power - 6) + quarter + 1;
}

Header* allocateBlock(size_t bytes, uint32_t sizeClass) {
  void* memory = nullptr;
  const int error = posix_memalign(&memory, kAlignment, sizeof(Header) + bytes);
  TORCH_CHECK(error == 0, "not enough memory: you tried to allocate ", bytes, " bytes");
  auto* header = static_cast<Header*>(memory);
  header->sizeClass = sizeClass;
  return header;
}

/// This thread's small blocks. The flag outlives the lists: tensors may be freed while the thread
/// is ending.
thread_local bool threadListsEnded = false;
struct ThreadLists {
  std::array<std::array<Header*, kSmallPerClass>, kSmallClasses> blocks;
  std::array<size_t, kSmallClasses> counts{};

  void clear() {
    for (size_t c = 0; c < kSmallClasses; ++c) {
      while (counts[c] > 0) std::free(blocks[c][--counts[c]]);
    }
  }
  ~ThreadLists() {
    threadListsEnded = true;
    clear();
  }
};
thread_local ThreadLists threadLists;

/// The process's large blocks. Never destroyed: the last tensors may be freed after static
/// destructors have run.
struct SharedLists {
  std::mutex mutex;
  std::array<std::vector<Header*>, kClasses> blocks;
  size_t bytes = 0;
};
SharedLists& sharedLists() {
  static auto* lists = new SharedLists;
  return *lists;
}

Header* takeShared(size_t sizeClass) {
  SharedLists& lists = sharedLists();
  const std::lock_guard<std::mutex> lock(lists.mutex);
  auto& blocks = lists.blocks[sizeClass];
  if (blocks.empty()) return nullptr;
  Header* block = blocks.back();
  blocks.pop_back();
  lists.bytes -= bytesOf(sizeClass);
  return block;
}

/// False where no more may wait.
bool giveShared(Header* block) {
  SharedLists& lists = sharedLists();
  const size_t bytes = bytesOf(block->sizeClass);
  const std::lock_guard<std::mutex> lock(lists.mutex);
  if (lists.bytes + bytes > kMostCached) return false;
  lists.blocks[block->sizeClass].push_back(block);
  lists.bytes += bytes;
  return true;
}

void release(void* data) {
  if (data == nullptr) return;
  Header* block = static_cast<Header*>(data) - 1;
  if (block->owner != nullptr) block->owner->add(-block->bytes);
  const uint32_t sizeClass = block->sizeClass;
  if (sizeClass < kSmallClasses) {
    if (!threadListsEnded && threadLists.counts[sizeClass] < kSmallPerClass) {
      threadLists.blocks[sizeClass][threadLists.counts[sizeClass]++] = block;
      return;
    }
  } else if (sizeClass != kUncached && giveShared(block)) {
    return;
  }
  std::free(block);
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::kCPU)};
    void* data = use(take(bytes), bytes);
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* destination, const void* source, size_t bytes) const override {
    default_copy_data(destination, source, bytes);
  }

 private:
  static Header* take(size_t bytes) {
    if (bytes > kLargest) return allocateBlock(bytes, kUncached);
    const size_t sizeClass = classOf(bytes);
    if (sizeClass < kSmallClasses) {
      if (!threadListsEnded && threadLists.counts[sizeClass] > 0) {
        return threadLists.blocks[sizeClass][--threadLists.counts[sizeClass]];
      }
    } else if (Header* block = takeShared(sizeClass)) {
      return block;
    }
    return allocateBlock(bytesOf(sizeClass), static_cast<uint32_t>(sizeClass));
  }
};

}  // namespace

ThreadBytes& ThreadBytes::here() {
  if (threadBytes == nullptr) threadBytes = new ThreadBytes;
  return *threadBytes;
}

void ThreadBytes::add(int64_t bytes) {
  if (this == threadBytes) {
    own_ += bytes;
  } else {
    others_.fetch_add(bytes, std::memory_order_relaxed);
  }
}

void installCachingAllocator() {
  static std::once_flag once;
  std::call_once(once, [] { c10::SetCPUAllocator(new CachingAllocator, /*priority=*/1); });
}

void emptyCpuCache() {
  threadLists.clear();
  SharedLists& lists = sharedLists();
  const std::lock_guard<std::mutex> lock(lists.mutex);
  for (auto& blocks : lists.blocks) {
    for (Header* block : blocks) std::free(block);
    blocks.clear();
  }
  lists.bytes = 0;
}

int64_t cachedCpuBytes() {
  SharedLists& lists = sharedLists();
  const std::lock_guard<std::mutex> lock(lists.mutex);
  return static_cast<int64_t>(lists.bytes);
}

}  // namespace intraclass
