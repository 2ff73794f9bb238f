// Runs problems through the kernels' own source on the CPU: reads them from a file, writes what
// came out to another. cases.ts has the format.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "backward.cuh"
#include "forward.cuh"

namespace {

using namespace icu::cuda;

std::FILE* input;
std::FILE* output;

template <typename T>
T read() {
  T value;
  if (std::fread(&value, sizeof(T), 1, input) != 1) {
    std::fprintf(stderr, "run: the file of cases ends too early\n");
    std::exit(2);
  }
  return value;
}
template <typename T>
void write(T value) {
  std::fwrite(&value, sizeof(T), 1, output);
}

// Memory of exactly its size, filled with NaN (bytes 0xff), for the address sanitizer to guard.
template <typename T>
struct Array {
  std::unique_ptr<char[]> memory;
  int64_t count = 0;
  explicit Array(int64_t size) : memory(new char[size * sizeof(T)]), count(size) {
    std::memset(memory.get(), 0xff, size * sizeof(T));
  }
  T* data() { return reinterpret_cast<T*>(memory.get()); }
};

struct Device {
  Limits limits;
  int64_t processor_count = 1;
  std::vector<std::unique_ptr<char[]>> memories;
  int64_t allocated = 0;

  int64_t processors() const { return processor_count; }
  template <typename T>
  T* allocate(int64_t count) {
    allocated += count * static_cast<int64_t>(sizeof(T));
    Array<T> array(count);
    memories.push_back(std::move(array.memory));
    return reinterpret_cast<T*>(memories.back().get());
  }
  template <typename A>
  void launch(void (*kernel)(A), int64_t blocks, int threads, int64_t shared_bytes, const A& a) {
    emulator::launch(blocks, threads, shared_bytes, [&] { kernel(a); });
  }
  SortedLabels sort(const Labels& labels, int64_t rows) {
    auto* sorted = allocate<int64_t>(rows);
    auto* order = allocate<int64_t>(rows);
    for (int64_t i = 0; i < rows; i++) order[i] = i;
    std::stable_sort(order, order + rows, [&](int64_t a, int64_t b) {
      return label_at(labels, a) < label_at(labels, b);
    });
    for (int64_t i = 0; i < rows; i++) sorted[i] = label_at(labels, order[i]);
    return {sorted, order};
  }
};

// A case as it stands in the file.
struct Case {
  bool once, distances, diagonal, wide_labels, store, has_prior;
  int64_t rows, classes, dims;
  int64_t x_stride, mu_stride, s_stride, label_stride;
  int64_t ignore_index;
  bool mask[3];
  bool has_classification, has_regularizer, has_total;
  Limits limits;
  int64_t processors;
  double min, max, kappa;
  Options options;
  std::vector<double> x, mu, s, prior, upstream, regularizer, total;
  std::vector<int64_t> labels;
};

std::vector<double> read_numbers(int64_t count) {
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = read<double>();
  return values;
}

Case read_case() {
  const auto integer = [] { return static_cast<int64_t>(read<double>()); };
  const auto flag = [&] { return integer() != 0; };
  Case c;
  c.once = flag();
  c.distances = flag();
  c.rows = integer();
  c.classes = integer();
  c.dims = integer();
  c.diagonal = flag();
  c.x_stride = integer();
  c.mu_stride = integer();
  c.s_stride = integer();
  c.wide_labels = flag();
  c.label_stride = integer();
  c.ignore_index = integer();
  c.store = flag();
  for (bool& wanted : c.mask) wanted = flag();
  c.limits.tiny = flag();
  c.limits.chunk_bytes = integer();
  c.limits.classes_of_a_row = integer();
  c.processors = integer();
  c.min = read<double>();
  c.max = read<double>();
  c.kappa = read<double>();
  Options& o = c.options;
  o.alpha = read<double>();
  o.g_b = read<double>();
  o.c_g = read<double>();
  o.mahalanobis = flag();
  o.positive = flag();
  o.per_row = flag();
  o.mean = flag();
  o.lambda_mean = read<double>();
  o.lambda_var = read<double>();
  o.lambda_likelihood = read<double>();
  o.euclidean = flag();
  o.weighting = static_cast<Weighting>(integer());
  o.batch_center = flag();
  o.moment_gradient = flag();
  o.moment_factor = read<double>();
  o.split_tf32 = flag();
  c.has_prior = flag();
  c.has_classification = flag();
  c.has_regularizer = flag();
  c.has_total = flag();
  c.x = read_numbers(c.rows * c.dims);
  c.mu = read_numbers(c.classes * c.dims);
  c.s = read_numbers(c.classes * (c.diagonal ? c.dims : 1));
  if (c.has_prior) c.prior = read_numbers(c.classes);
  if (c.distances) {
    c.upstream = read_numbers(c.rows * c.classes);
    return c;
  }
  for (const double label : read_numbers(c.rows)) c.labels.push_back(static_cast<int64_t>(label));
  if (c.has_classification) c.upstream = read_numbers(o.per_row ? c.rows : 1);
  if (c.has_regularizer) c.regularizer = read_numbers(1);
  if (c.has_total) c.total = read_numbers(1);
  return c;
}

// Rows of `width` values, `stride` apart, NaN between them; no more memory than they reach.
template <typename T>
Array<T> strided(const std::vector<double>& values, int64_t width, int64_t stride) {
  const int64_t rows = width == 0 ? 0 : static_cast<int64_t>(values.size()) / width;
  Array<T> array(rows == 0 ? 0 : (rows - 1) * stride + width);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < width; j++) {
      const double value = values[static_cast<size_t>(i * width + j)];
      if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
        array.data()[i * stride + j] = static_cast<T>(value);
      } else if constexpr (std::is_same_v<T, double>) {
        array.data()[i * stride + j] = value;
      } else {
        assign(array.data()[i * stride + j], static_cast<float>(value));
      }
    }
  }
  return array;
}

template <typename T>
void collect(std::vector<double>& results, Array<T>& array) {
  for (int64_t i = 0; i < array.count; i++) {
    results.push_back(static_cast<double>(number(array.data()[i])));
  }
}

template <typename X, typename T>
std::vector<double> run(const Case& c) {
  Device device{c.limits, c.processors, {}, 0};
  auto x = strided<X>(c.x, c.dims, c.x_stride);
  auto mu = strided<T>(c.mu, c.dims, c.mu_stride);
  auto s = strided<T>(c.s, c.diagonal ? c.dims : 1, c.s_stride);
  const Problem<X, T> p{x.data(),  mu.data(), s.data(), c.x_stride, c.mu_stride, c.s_stride, c.rows,
                        c.classes, c.dims,    c.min,    c.max,      c.kappa,     c.diagonal};
  Array<X> dx(c.mask[0] ? c.rows * c.dims : 0);
  Array<T> dmu(c.mask[1] ? c.classes * c.dims : 0);
  Array<T> ds(c.mask[2] ? static_cast<int64_t>(c.s.size()) : 0);
  const Gradients<X, T> gradients{c.mask[0] ? dx.data() : nullptr, c.mask[1] ? dmu.data() : nullptr,
                                  c.mask[2] ? ds.data() : nullptr};
  std::vector<double> results;
  const int64_t before = emulator::launches, exchanges_before = emulator::exchanges;

  if (c.distances) {
    Array<T> d(c.rows * c.classes);
    auto grad = strided<T>(c.upstream, c.classes, c.classes + 3);
    distances_forward(device, p, d.data());
    results.push_back(static_cast<double>(emulator::launches - before));
    const int64_t forward_bytes = device.allocated;
    distances_backward(device, p, grad.data(), c.classes + 3, 1, gradients);
    results.push_back(static_cast<double>(emulator::launches - before) - results[0]);
    results.push_back(static_cast<double>(device.allocated - forward_bytes));
    collect(results, d);
  } else {
    std::vector<double> label_values(c.labels.begin(), c.labels.end());
    auto wide = strided<int64_t>(label_values, 1, c.label_stride);
    auto narrow = strided<int32_t>(label_values, 1, c.label_stride);
    const Labels labels{c.wide_labels ? static_cast<const void*>(wide.data()) : narrow.data(),
                        c.label_stride, c.wide_labels, c.ignore_index};
    auto prior = strided<double>(c.prior, 1, 1);
    BadLabel bad{0, 0, 0, 0};
    const LossInputs<X, T> in{p, labels, c.has_prior ? prior.data() : nullptr, c.options, &bad};
    Array<T> classification(c.options.per_row ? c.rows : 1), regularizer(1), total(1);
    Array<double> diagnostics(3);
    Array<T> gaps(c.store ? c.rows * c.classes : 0);
    Array<RowState> states(c.rows);
    T* const stored = c.store ? gaps.data() : nullptr;
    loss_forward(device, in,
                 LossOutputs<T>{classification.data(), regularizer.data(), total.data(),
                                diagnostics.data(), stored, states.data()});
    const int64_t forward = emulator::launches - before, forward_bytes = device.allocated;
    auto of_rows = strided<T>(c.upstream, 1, 2);
    auto of_regularizer = strided<T>(c.regularizer, 1, 1);
    auto of_total = strided<T>(c.total, 1, 1);
    const Upstream<T> upstream{c.has_classification ? of_rows.data() : nullptr, 2,
                               c.has_regularizer ? of_regularizer.data() : nullptr,
                               c.has_total ? of_total.data() : nullptr};
    loss_backward(device, in, static_cast<const T*>(stored), states.data(), upstream, gradients);
    results.push_back(static_cast<double>(forward));
    results.push_back(static_cast<double>(emulator::launches - before - forward));
    results.push_back(static_cast<double>(device.allocated - forward_bytes));
    for (const int64_t value : {bad.seen, bad.label, bad.row, bad.classes}) {
      results.push_back(static_cast<double>(value));
    }
    collect(results, classification);
    collect(results, regularizer);
    collect(results, total);
    collect(results, diagnostics);
  }
  results.push_back(static_cast<double>(emulator::exchanges - exchanges_before));
  collect(results, dx);
  collect(results, dmu);
  collect(results, ds);
  return results;
}

template <typename X, typename T>
void run_case(const Case& c) {
  emulator::descending = false;
  const auto results = run<X, T>(c);
  emulator::descending = true;
  const auto again = c.once ? results : run<X, T>(c);
  // Bits, so that NaNs are compared too.
  const bool same = results.size() == again.size() &&
                    std::memcmp(results.data(), again.data(), 8 * results.size()) == 0;
  write(static_cast<double>(results.size()));
  write(same ? 1.0 : 0.0);
  std::fwrite(results.data(), 8, results.size(), output);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  input = std::fopen(arguments[1], "rb");
  output = std::fopen(arguments[2], "wb");
  if (!input || !output) return 2;
  for (auto left = static_cast<int64_t>(read<double>()); left > 0; left--) {
    const std::string type(1, static_cast<char>(read<double>()));
    const Case c = read_case();
    if (type == "f") run_case<float, float>(c);
    if (type == "d") run_case<double, double>(c);
    if (type == "h") run_case<Half, float>(c);
    if (type == "b") run_case<BFloat16, float>(c);
  }
  return std::fclose(output) == 0 ? 0 : 2;
}
