// Multiply-adds in float32 that the processor can do in a second, with everything in registers:
// prints GFLOP/s for as many threads as its argument says.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif
typedef float Vector __attribute__((vector_size(bytes)));

constexpr int chains = 12;  // more than a multiply-add's latency times its units

static float work(long rounds) {
  Vector v[chains];
  for (int c = 0; c < chains; c++) v[c] = Vector{} + static_cast<float>(c);
  const Vector factor = Vector{} + 0.999f, summand = Vector{} + 1e-3f;
  for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 12
    for (int c = 0; c < chains; c++) v[c] = v[c] * factor + summand;
  }
  float sum = 0;
  for (int c = 0; c < chains; c++) sum += v[c][0];
  return sum;
}

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const long rounds = 20'000'000;
  double best = 0;
  volatile float keep = 0;
  for (int turn = 0; turn < 5; turn++) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; t++) pool.emplace_back([&] { keep = work(rounds); });
    for (auto& thread : pool) thread.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double done = 2.0 * threads * rounds * chains * (bytes / sizeof(float));
    best = done / seconds.count() > best ? done / seconds.count() : best;
  }
  std::printf("%.1f\n", best / 1e9);
}
