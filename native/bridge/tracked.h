// Native values that belong to JavaScript objects: each is freed once its object has been
// collected.
//
// A finaliser would be called by the event loop only, and a loop that never returns to it would
// keep all it made. So dead objects are looked for here, whenever there are twice as many values as
// the last search left. Tensors, of which there are far more, have a table of their own
// (handles.h).
#pragma once

#include <node_api.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace intraclass {

template <typename Value>
class Tracked {
 public:
  static constexpr size_t kFirstSweep = 1024;

  /// `bytesEach`: what a value takes, as told to V8.
  Tracked(napi_env env, int64_t bytesEach) : env_(env), bytesEach_(bytesEach) {}
  ~Tracked() {
    for (const auto& [number, entry] : entries_) forget(entry);
  }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;

  /// Keeps `value` while `object` lives. Returns its number, from 1 on and never used again; 0
  /// where the object cannot be watched, as in a worker that is being terminated.
  int64_t add(Value value, napi_value object) {
    napi_ref reference = nullptr;
    if (napi_create_reference(env_, object, 0, &reference) != napi_ok) return 0;
    entries_.emplace(++last_, Entry{std::move(value), reference});
    tellV8(bytesEach_);
    if (entries_.size() >= sweepAt_) {
      sweep();
      sweepAt_ = std::max(kFirstSweep, 2 * entries_.size());
    }
    return last_;
  }

  /// nullptr where it is gone.
  Value* find(int64_t number) {
    const auto found = entries_.find(number);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  /// Frees the values whose objects V8 has collected.
  void sweep() {
    std::erase_if(entries_, [this](const auto& numbered) {
      const bool isDead = objectOf(numbered.second) == nullptr;
      if (isDead) forget(numbered.second);
      return isDead;
    });
  }

 private:
  struct Entry {
    Value value;
    napi_ref object;  // weak
  };

  /// Good for comparing with nullptr only: its handle is closed.
  napi_value objectOf(const Entry& entry) {
    napi_handle_scope scope = nullptr;
    napi_value object = nullptr;
    napi_open_handle_scope(env_, &scope);
    napi_get_reference_value(env_, entry.object, &object);
    napi_close_handle_scope(env_, scope);
    return object;
  }

  void forget(const Entry& entry) {
    napi_delete_reference(env_, entry.object);
    tellV8(-bytesEach_);
  }

  void tellV8(int64_t bytes) {
    int64_t total = 0;
    napi_adjust_external_memory(env_, bytes, &total);
  }

  napi_env env_;
  int64_t bytesEach_;
  int64_t last_ = 0;
  size_t sweepAt_ = kFirstSweep;
  std::unordered_map<int64_t, Entry> entries_;
};

}  // namespace intraclass
