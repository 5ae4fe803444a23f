#include "tools/trace/input_spec.h"

#include <duet/ops.h>
#include <duet/random.h>
#include <fmt/format.h>

#include <cstdlib>

#include "runtime/infer.h"

namespace duet::trace_tool {
namespace {

[[noreturn]] void FailSpec(const std::string& text, const std::string& expected) {
  throw ParseError(fmt::format("--input {}: expected {}, as in x=f32[4,8]:normal:42", text, expected));
}

Type ParseType(const std::string& text, const std::string& whole) {
  const std::size_t open = text.find('[');
  if (open == std::string::npos || text.back() != ']') FailSpec(whole, "a type DTYPE[SIZE,...]");
  Type type;
  bool known = false;
  for (int i = 0; i < kDTypeCount; ++i) {
    if (text.substr(0, open) != kDTypeInfo[i].name) continue;
    type.dtype = static_cast<DType>(i);
    known = true;
  }
  if (!known) FailSpec(whole, "a dtype such as f32");
  const std::string sizes = text.substr(open + 1, text.size() - open - 2);
  for (std::size_t at = 0; at < sizes.size();) {
    char* end = nullptr;
    const long long size = std::strtoll(sizes.c_str() + at, &end, 10);
    const auto next = static_cast<std::size_t>(end - sizes.c_str());
    if (next == at || size < 0 || (next < sizes.size() && sizes[next] != ','))
      FailSpec(whole, "sizes like 4,8, numbers also where the graph has symbols");
    type.shape.push_back(size);
    at = next + 1;
  }
  CheckedBytes(type);
  return type;
}

}  // namespace

InputSpec ParseInputSpec(const std::string& text) {
  InputSpec spec;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) FailSpec(text, "NAME=TYPE");
  spec.name = text.substr(0, equals);
  const std::size_t kind = text.find(':', equals);
  spec.type = ParseType(text.substr(equals + 1, kind == std::string::npos ? kind : kind - equals - 1), text);
  if (kind == std::string::npos) return spec;
  const std::size_t number = text.find(':', kind + 1);
  spec.kind = text.substr(kind + 1, number == std::string::npos ? number : number - kind - 1);
  if (number == std::string::npos) return spec;
  char* end = nullptr;
  spec.number = std::strtod(text.c_str() + number + 1, &end);
  if (*end || end == text.c_str() + number + 1) FailSpec(text, "a number at the end");
  return spec;
}

Tensor MakeInput(const InputSpec& spec) {
  const DType dtype = spec.type.dtype;
  const Shape& shape = spec.type.shape;
  const random::Key key(static_cast<std::int64_t>(spec.number));
  const DType drawn = dtype == f64 ? f64 : f32;
  if (spec.kind == "zeros") return zeros(shape, dtype);
  if (spec.kind == "ones") return ones(shape, dtype);
  if (spec.kind == "full") return cast(full(shape, spec.number), dtype);
  if (spec.kind == "iota") return cast(reshape(arange(shape.elements()), shape), dtype);
  if (spec.kind == "uniform" || (spec.kind == "normal" && !is_float(dtype))) {
    const Tensor uniform = random::uniform(key, shape, 0, is_float(dtype) ? 1 : dtype == bool_ ? 2 : 100, drawn);
    return cast(is_float(dtype) ? uniform : floor(uniform), dtype);
  }
  if (spec.kind == "normal") return random::normal(key, shape, drawn);
  throw ParseError("--input " + spec.name + ": no kind " + spec.kind +
                   "; there are zeros, ones, full, iota, uniform, normal");
}

}  // namespace duet::trace_tool
