// Random number generators: index 0 is the default one of the CPU, others belong to JavaScript
// Generator objects.
#include "random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "call.h"

namespace intraclass {

namespace {

at::Generator& generatorOf(const Call& call) {
  const int64_t index = call.integer(0, "generator");
  auto& generators = call.environment.generators;
  if (index < 0 || static_cast<size_t>(index) >= generators.size() ||
      !generators[index].defined()) {
    throw ArgumentError("argument 'generator' expected a Generator, got " + std::to_string(index));
  }
  return generators[index];
}

uint64_t seedOf(const Call& call, size_t index) {
  return static_cast<uint64_t>(call.integer(index, "seed"));
}

/// manualSeed(seed): seeds the default generator of every device.
napi_value manualSeed(const Call& call) {
  at::manual_seed(seedOf(call, 0));
  return call.undefined();
}

/// createGenerator(device, seed): the number of a new generator.
napi_value createGenerator(const Call& call) {
  const c10::Device device = toDevice(call.env, call.info[0], "device");
  const uint64_t seed = seedOf(call, 1);
  at::Generator generator = device.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                            : at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  auto& generators = call.environment.generators;
  for (size_t i = 1; i < generators.size(); ++i) {
    if (generators[i].defined()) continue;
    generators[i] = std::move(generator);
    return call.value(static_cast<int64_t>(i));
  }
  generators.push_back(std::move(generator));
  return call.value(static_cast<int64_t>(generators.size() - 1));
}

napi_value releaseGenerator(const Call& call) {
  if (call.integer(0, "generator") == 0) throw ArgumentError("the default generator stays");
  generatorOf(call) = at::Generator();
  return call.undefined();
}

napi_value seedGenerator(const Call& call) {
  at::Generator& generator = generatorOf(call);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seedOf(call, 1));
  return call.undefined();
}

/// generatorState(generator): everything needed to continue the sequence, as a uint8 tensor.
napi_value generatorState(const Call& call) {
  at::Generator& generator = generatorOf(call);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return call.handle(generator.get_state());
}

napi_value setGeneratorState(const Call& call) {
  at::Generator& generator = generatorOf(call);
  const at::Tensor& state = call.tensor(1, "state");
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
  return call.undefined();
}

}  // namespace

void exportRandom(Napi::Object exports) {
  addExport<manualSeed>(exports, "manualSeed");
  addExport<createGenerator>(exports, "createGenerator");
  addExport<releaseGenerator>(exports, "releaseGenerator");
  addExport<seedGenerator>(exports, "seedGenerator");
  addExport<generatorState>(exports, "generatorState");
  addExport<setGeneratorState>(exports, "setGeneratorState");
}

}  // namespace intraclass
