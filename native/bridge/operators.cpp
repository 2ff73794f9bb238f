#include "operators.h"

#include <algorithm>

#include "call.h"

namespace intraclass {

namespace {

Kind kindOf(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType:
      return Kind::kTensor;
    case c10::TypeKind::NumberType:
      return Kind::kScalar;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return Kind::kInt;
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType:
      return Kind::kFloat;
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      return Kind::kBool;
    case c10::TypeKind::StringType:
      return Kind::kString;
    case c10::TypeKind::ScalarTypeType:
      return Kind::kDType;
    case c10::TypeKind::LayoutType:
      return Kind::kLayout;
    case c10::TypeKind::DeviceObjType:
      return Kind::kDevice;
    case c10::TypeKind::MemoryFormatType:
      return Kind::kMemoryFormat;
    case c10::TypeKind::GeneratorType:
      return Kind::kGenerator;
    default:
      return Kind::kUnsupported;
  }
}

/// The type without its Optional, and whether it had one.
c10::TypePtr unwrapOptional(const c10::TypePtr& type, bool& optional) {
  optional = type->kind() == c10::TypeKind::OptionalType;
  return optional ? type->expectRef<c10::OptionalType>().getElementType() : type;
}

Parameter toParameter(const c10::Argument& argument) {
  Parameter parameter;
  parameter.name = argument.name();
  parameter.keywordOnly = argument.kwarg_only();
  parameter.written = argument.alias_info() != nullptr && argument.alias_info()->isWrite();
  // real_type tells a dtype, layout or memory format from a plain int.
  c10::TypePtr type = unwrapOptional(argument.real_type(), parameter.nullable);
  if (type->kind() == c10::TypeKind::ListType) {
    parameter.list = true;
    parameter.fixedSize = argument.N().value_or(0);
    type = unwrapOptional(type->expectRef<c10::ListType>().getElementType(),
                          parameter.nullableElements);
  }
  parameter.kind = kindOf(*type);
  if (argument.default_value().has_value()) {
    parameter.hasDefault = true;
    parameter.defaultValue = *argument.default_value();
  }
  return parameter;
}

const char* nameOf(Kind kind) {
  switch (kind) {
    case Kind::kTensor:
      return "Tensor";
    case Kind::kScalar:
      return "Scalar";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kBool:
      return "bool";
    case Kind::kString:
      return "str";
    case Kind::kDType:
      return "ScalarType";
    case Kind::kLayout:
      return "Layout";
    case Kind::kDevice:
      return "Device";
    case Kind::kMemoryFormat:
      return "MemoryFormat";
    case Kind::kGenerator:
      return "Generator";
    case Kind::kUnsupported:
      break;
  }
  return "unsupported";
}

/// One overload as the TypeScript layer needs it.
Napi::Object describe(Napi::Env env, int32_t id, const Operator& op) {
  Napi::Array parameters = Napi::Array::New(env);
  for (const Parameter& parameter : op.parameters) {
    Napi::Object object = Napi::Object::New(env);
    object["name"] = parameter.name;
    object["kind"] = nameOf(parameter.kind);
    object["list"] = parameter.list;
    object["nullable"] = parameter.nullable;
    object["nullableElements"] = parameter.nullableElements;
    object["fixedSize"] = parameter.fixedSize;
    object["keywordOnly"] = parameter.keywordOnly;
    object["written"] = parameter.written;
    object["hasDefault"] = parameter.hasDefault;
    parameters[parameters.Length()] = object;
  }
  Napi::Array aliases = Napi::Array::New(env);
  for (const int32_t alias : op.aliases) aliases[aliases.Length()] = Napi::Number::New(env, alias);
  Napi::Array returns = Napi::Array::New(env);
  for (const c10::Argument& result : op.handle.schema().returns()) {
    returns[returns.Length()] = Napi::String::New(env, result.real_type()->str());
  }
  Napi::Object entry = Napi::Object::New(env);
  entry["id"] = id;
  entry["overload"] = op.handle.schema().overload_name();
  entry["supported"] = op.supported;
  entry["parameters"] = parameters;
  entry["aliases"] = aliases;
  entry["returns"] = returns;
  entry["schema"] = c10::toString(op.handle.schema());
  return entry;
}

/// describeOperator(name): every overload of `namespace::name`, in the order of their names.
napi_value describeOperator(const Call& call) {
  const std::string name = toString(call.env, call.info[0], "name");
  std::vector<std::string> overloads;
  for (const auto& candidate : c10::Dispatcher::singleton().getAllOpNames()) {
    if (candidate.name == name && c10::Dispatcher::singleton().findSchema(candidate).has_value()) {
      overloads.push_back(candidate.overload_name);
    }
  }
  std::sort(overloads.begin(), overloads.end());
  Napi::Array result = Napi::Array::New(call.env);
  for (const std::string& overload : overloads) {
    const int32_t id = call.environment.operators.resolve(name, overload);
    result[result.Length()] = describe(call.env, id, call.environment.operators.at(id));
  }
  return result;
}

/// Where a schema has a Tensor called self, or -1.
int32_t positionOfSelf(const c10::FunctionSchema& schema) {
  const std::vector<c10::Argument>& arguments = schema.arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name() == "self" && arguments[i].type()->kind() == c10::TypeKind::TensorType) {
      return static_cast<int32_t>(i);
    }
  }
  return -1;
}

/// operatorNames(): {qualified name: position of self}, which all overloads that have a Tensor
/// called self have at the same place; -1 where none has.
napi_value operatorNames(const Call& call) {
  std::unordered_map<std::string, int32_t> names;
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const auto& overload : dispatcher.getAllOpNames()) {
    const auto handle = dispatcher.findSchema(overload);
    if (!handle.has_value()) continue;
    int32_t& position = names.try_emplace(overload.name, -1).first->second;
    position = std::max(position, positionOfSelf(handle->schema()));
  }
  Napi::Object result = Napi::Object::New(call.env);
  for (const auto& [name, position] : names) result[name] = Napi::Number::New(call.env, position);
  return result;
}

}  // namespace

Operator::Operator(c10::OperatorHandle operatorHandle) : handle(std::move(operatorHandle)) {
  const c10::FunctionSchema& schema = handle.schema();
  name = schema.name();
  for (const c10::Argument& argument : schema.arguments()) {
    parameters.push_back(toParameter(argument));
    const Parameter& parameter = parameters.back();
    // A parameter that JavaScript cannot give is tolerable only while its default does.
    if (parameter.kind == Kind::kUnsupported && !parameter.hasDefault) supported = false;
  }
  for (const c10::Argument& result : schema.returns()) {
    int32_t alias = -1;
    if (result.alias_info() != nullptr && result.alias_info()->isWrite()) {
      for (size_t i = 0; i < parameters.size(); ++i) {
        const c10::AliasInfo* info = schema.arguments()[i].alias_info();
        if (parameters[i].written && !parameters[i].list &&
            info->beforeSets() == result.alias_info()->beforeSets()) {
          alias = static_cast<int32_t>(i);
        }
      }
    }
    aliases.push_back(alias);
    dtypes.push_back(result.real_type()->kind() == c10::TypeKind::ScalarTypeType);
  }
  guard = guardFor(schema);
  if (guard == nullptr) unboxed = unboxedCallFor(handle);
}

int32_t OperatorTable::resolve(const std::string& name, const std::string& overload) {
  const std::string key = name + "." + overload;
  if (auto found = ids_.find(key); found != ids_.end()) return found->second;
  operators_.emplace_back(
      c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), overload.c_str()));
  const int32_t id = static_cast<int32_t>(operators_.size() - 1);
  ids_.emplace(key, id);
  return id;
}

const Operator& OperatorTable::at(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= operators_.size()) {
    throw ArgumentError("argument 'operator' expected the id of a resolved operator, got " +
                        std::to_string(id));
  }
  return operators_[id];
}

namespace {

/// The environment's stack for the time of one call. Arguments may have getters that call another
/// operator in the middle of this one: that call then finds an empty stack, and has its own.
class BorrowedStack {
 public:
  explicit BorrowedStack(torch::jit::Stack& home) : home_(home), stack_(std::move(home)) {}
  ~BorrowedStack() {
    stack_.clear();
    home_ = std::move(stack_);
  }
  BorrowedStack(const BorrowedStack&) = delete;
  BorrowedStack& operator=(const BorrowedStack&) = delete;
  torch::jit::Stack& get() { return stack_; }

 private:
  torch::jit::Stack& home_;
  torch::jit::Stack stack_;
};

/// Reads the arguments of an unboxed call; false where one is an object, a complex number: reading
/// that runs JavaScript, which may free tensors or move the table that the pointers are into.
bool readUnboxed(napi_env env, Environment& environment, const Operator& op,
                 const napi_value* arguments, size_t given, UnboxedArguments& unboxed) {
  size_t tensors = 0, scalars = 0;
  for (size_t i = 0; i < op.parameters.size(); ++i) {
    const Parameter& parameter = op.parameters[i];
    if (i >= given) {
      // Throws for a tensor, which has no default.
      unboxed.scalars[scalars++] = absentValue(parameter).toScalar();
    } else if (parameter.kind == Kind::kTensor) {
      unboxed.tensors[tensors++] =
          &toTensor(env, environment, arguments[i], parameter.name.c_str());
    } else if (isObject(env, arguments[i])) {
      return false;
    } else {
      unboxed.scalars[scalars++] = toScalarArgument(env, parameter, arguments[i]);
    }
  }
  return true;
}

/// Puts the arguments on the stack. Tensors come first, and are held there: reading the others may
/// run JavaScript, which may free a tensor and give its handle to another.
void readBoxed(napi_env env, Environment& environment, const Operator& op,
               const napi_value* arguments, size_t given, torch::jit::Stack& stack) {
  stack.resize(op.parameters.size());
  for (const bool tensors : {true, false}) {
    for (size_t i = 0; i < op.parameters.size(); ++i) {
      const Parameter& parameter = op.parameters[i];
      if ((parameter.kind == Kind::kTensor) != tensors) continue;
      stack[i] =
          i < given ? toIValue(env, environment, parameter, arguments[i]) : absentValue(parameter);
    }
  }
}

}  // namespace

napi_value callOperator(napi_env env, napi_callback_info info) {
  // Few operators are given more than seven arguments; those that are fetch them a second time.
  constexpr size_t kUsual = 8;
  napi_value usual[kUsual];
  size_t count = kUsual;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, usual, nullptr, &data);
  Environment& environment = *static_cast<Environment*>(data);
  const Operator* op = nullptr;
  const DenormalGuard denormals;
  try {
    if (count == 0) throw ArgumentError("argument 'operator' is missing");
    op = &environment.operators.at(toHandle(env, usual[0], "operator"));
    const std::vector<Parameter>& parameters = op->parameters;
    const size_t given = count - 1;
    if (given > parameters.size()) {
      throw ArgumentError("expected at most " + std::to_string(parameters.size()) +
                          " arguments, got " + std::to_string(given));
    }
    std::vector<napi_value> all;
    const napi_value* arguments = usual + 1;
    if (count > kUsual) {
      all.resize(count);
      napi_get_cb_info(env, info, &count, all.data(), nullptr, nullptr);
      arguments = all.data() + 1;
    }
    UnboxedArguments unboxed;
    if (op->unboxed != nullptr && readUnboxed(env, environment, *op, arguments, given, unboxed)) {
      return toHandleValue(env, environment, op->unboxed(op->handle, unboxed));
    }
    BorrowedStack borrowed(environment.stack);
    torch::jit::Stack& stack = borrowed.get();
    readBoxed(env, environment, *op, arguments, given, stack);
    if (op->guard != nullptr) op->guard(stack);
    op->handle.callBoxed(stack);
    return toResult(env, environment, *op, stack);
  } catch (...) {
    throwToJavaScript(env, op == nullptr ? "call" : op->name);
    return nullptr;
  }
}

void exportOperators(Napi::Object exports) {
  addExport<describeOperator>(exports, "describeOperator");
  addExport<operatorNames>(exports, "operatorNames");
}

}  // namespace intraclass
