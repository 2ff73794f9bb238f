#include "emulator.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

// A fiber's other half: where it goes on. Going from one to another is a few instructions where
// they are written below, and a system call's worth of time with ucontext.
#if defined(__x86_64__) && defined(__linux__)
extern "C" void emulator_switch(void** from, void* to);
asm(R"(
.text
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch, .-emulator_switch
)");
struct Context {
  void* stack = nullptr;
  void start(char* memory, size_t bytes, void (*body)()) {
    auto** top = reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(memory) + bytes) & ~15ull);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(body);  // where ret goes; the stack is aligned as after a call
    for (int i = 0; i < 6; i++) *--top = nullptr;
    stack = top;
  }
  void go(Context& to) { emulator_switch(&stack, to.stack); }
};
#else
#include <ucontext.h>
struct Context {
  ucontext_t context;
  void start(char* memory, size_t bytes, void (*body)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    makecontext(&context, body, 0);
  }
  void go(Context& to) { swapcontext(&context, &to.context); }
};
#endif

namespace emulator {

Index3 thread_index, block_index;
unsigned grid_size, block_size;
bool descending = false;
int64_t launches = 0;
int64_t exchanges = 0;

namespace {

constexpr size_t stack_bytes = 64 << 10;

struct Barrier {
  unsigned waiting = 0;
  uint64_t generation = 0;
};

struct Fiber {
  Context context;
  std::unique_ptr<char[]> stack{new char[stack_bytes]};
  bool done = false;
  void* fake_stack = nullptr;  // of the address sanitizer
};

std::vector<std::unique_ptr<Fiber>> fibers;
Context scheduler;
void* scheduler_fake_stack = nullptr;
const void* scheduler_stack = nullptr;
size_t scheduler_stack_bytes = 0;

const std::function<void()>* kernel = nullptr;
Barrier block_barrier;
std::vector<Barrier> warp_barriers;
std::vector<uint64_t> lanes;  // what each thread gives to its warp
std::vector<float> sixes;     // likewise
std::map<int, std::unique_ptr<char[]>> memories;
std::unique_ptr<char[]> dynamic_memory;
uint64_t progress = 0;  // barriers passed and fibers ended

std::unique_ptr<char[]> poisoned(size_t bytes) {
  std::unique_ptr<char[]> memory(new char[bytes]);
  std::memset(memory.get(), 0xff, bytes);  // NaN in every floating-point type
  return memory;
}

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "emulator: %s (block %u of %u, %u threads)\n", why, block_index.x, grid_size,
               block_size);
  std::abort();
}

void start_switch(void** fake_stack, const void* bottom, size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
#endif
}
void finish_switch(void* fake_stack, const void** bottom, size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, bottom, bytes);
#endif
}

void yield() {
  const unsigned thread = thread_index.x;
  Fiber& fiber = *fibers[thread];
  start_switch(&fiber.fake_stack, scheduler_stack, scheduler_stack_bytes);
  fiber.context.go(scheduler);
  finish_switch(fiber.fake_stack, &scheduler_stack, &scheduler_stack_bytes);
  thread_index.x = thread;
}

void body() {
  finish_switch(nullptr, &scheduler_stack, &scheduler_stack_bytes);
  const unsigned thread = thread_index.x;
  (*kernel)();
  Fiber& fiber = *fibers[thread];
  fiber.done = true;
  progress++;
  start_switch(nullptr, scheduler_stack, scheduler_stack_bytes);
  fiber.context.go(scheduler);
}

void wait(Barrier& barrier, unsigned members) {
  if (++barrier.waiting == members) {
    barrier.waiting = 0;
    barrier.generation++;
    progress++;
    return;
  }
  const uint64_t generation = barrier.generation;
  while (barrier.generation == generation) yield();
}

unsigned warp_members(unsigned warp) {
  const unsigned first = warp * 32;
  return block_size - first < 32 ? block_size - first : 32;
}

void run_block() {
  block_barrier = {};
  warp_barriers.assign((block_size + 31) / 32, {});
  memories.clear();
  for (unsigned t = 0; t < block_size; t++) {
    Fiber& fiber = *fibers[t];
    fiber.done = false;
    fiber.fake_stack = nullptr;
    fiber.context.start(fiber.stack.get(), stack_bytes, body);
  }
  for (unsigned left = block_size; left > 0;) {
    const uint64_t before = progress;
    left = 0;
    for (unsigned at = 0; at < block_size; at++) {
      const unsigned t = descending ? block_size - 1 - at : at;
      Fiber& fiber = *fibers[t];
      if (fiber.done) continue;
      thread_index.x = t;
      start_switch(&scheduler_fake_stack, fiber.stack.get(), stack_bytes);
      scheduler.go(fiber.context);
      finish_switch(scheduler_fake_stack, nullptr, nullptr);
      left += !fiber.done;
    }
    if (left > 0 && progress == before) fail("a barrier is not reached by every thread");
  }
}

}  // namespace

void launch(int64_t blocks, int threads, int64_t shared_bytes,
            const std::function<void()>& function) {
  if (blocks < 1 || blocks > 0x7fffffff || threads < 1 || threads > 1024) {
    fail("a launch outside CUDA's limits");
  }
  launches++;
  kernel = &function;
  grid_size = static_cast<unsigned>(blocks);
  block_size = static_cast<unsigned>(threads);
  lanes.assign(block_size, 0);
  sixes.assign(6 * block_size, 0);
  while (fibers.size() < block_size) fibers.push_back(std::make_unique<Fiber>());
  for (unsigned at = 0; at < grid_size; at++) {
    block_index.x = descending ? grid_size - 1 - at : at;
    dynamic_memory = poisoned(static_cast<size_t>(shared_bytes));
    run_block();
  }
}

void* shared(int key, size_t bytes) {
  auto& memory = memories[key];
  if (!memory) memory = poisoned(bytes);
  return memory.get();
}
void* dynamic_shared() { return dynamic_memory.get(); }

void wait_block() { wait(block_barrier, block_size); }

const float* exchange_six(const float (&a)[4], const float (&b)[2]) {
  const unsigned thread = thread_index.x, warp = thread / 32;
  float* own = sixes.data() + 6 * thread;
  std::copy(a, a + 4, own);
  std::copy(b, b + 2, own + 4);
  wait(warp_barriers[warp], warp_members(warp));
  return sixes.data() + 6 * 32 * warp;
}
void end_exchange() {
  const unsigned warp = thread_index.x / 32;
  wait(warp_barriers[warp], warp_members(warp));
}

uint64_t exchange(uint64_t value, int from) {
  const unsigned thread = thread_index.x, warp = thread / 32;
  exchanges++;
  lanes[thread] = value;
  wait(warp_barriers[warp], warp_members(warp));
  const uint64_t result = lanes[warp * 32 + static_cast<unsigned>(from)];
  wait(warp_barriers[warp], warp_members(warp));
  return result;
}

}  // namespace emulator
