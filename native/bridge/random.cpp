// Random number generators: number 0 is the default one of the CPU, others belong to JavaScript
// Generator objects.
#include "random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "call.h"

namespace intraclass {

namespace {

at::Generator generatorOf(const Call& call) {
  return findGenerator(call.environment, call.integer(0, "generator"), "generator");
}

uint64_t seedOf(const Call& call, size_t index) {
  return static_cast<uint64_t>(call.integer(index, "seed"));
}

/// manualSeed(seed): seeds the default generator of every device.
napi_value manualSeed(const Call& call) {
  at::manual_seed(seedOf(call, 0));
  return call.undefined();
}

/// createGenerator(device, seed, object): the number of a new generator, which lives as long as
/// `object`.
napi_value createGenerator(const Call& call) {
  const c10::Device device = toDevice(call.env, call.info[0], "device");
  const uint64_t seed = seedOf(call, 1);
  if (!call.info[2].IsObject()) throw ArgumentError("argument 'object' expected an object");
  at::Generator generator = device.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                            : at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  const int64_t number = call.environment.generators.add(std::move(generator), call.info[2]);
  if (number == 0) throw std::runtime_error("the worker is ending");
  return call.value(number);
}

napi_value seedGenerator(const Call& call) {
  at::Generator generator = generatorOf(call);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seedOf(call, 1));
  return call.undefined();
}

/// generatorState(generator): everything needed to continue the sequence, as a uint8 tensor.
napi_value generatorState(const Call& call) {
  at::Generator generator = generatorOf(call);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return call.handle(generator.get_state());
}

napi_value setGeneratorState(const Call& call) {
  at::Generator generator = generatorOf(call);
  const at::Tensor& state = call.tensor(1, "state");
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
  return call.undefined();
}

}  // namespace

at::Generator findGenerator(Environment& environment, int64_t number, const std::string& name) {
  if (number == 0) return at::detail::getDefaultCPUGenerator();
  const at::Generator* generator = environment.generators.find(number);
  if (generator == nullptr) {
    throw ArgumentError("argument '" + name + "' expected a Generator, got " +
                        std::to_string(number));
  }
  return *generator;
}

void exportRandom(Napi::Object exports) {
  addExport<manualSeed>(exports, "manualSeed");
  addExport<createGenerator>(exports, "createGenerator");
  addExport<seedGenerator>(exports, "seedGenerator");
  addExport<generatorState>(exports, "generatorState");
  addExport<setGeneratorState>(exports, "setGeneratorState");
}

}  // namespace intraclass
