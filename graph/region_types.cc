#include "graph/region_types.h"

#include <duet/error.h>
#include <fmt/format.h>

#include "eager/region.h"
#include "runtime/host_callee.h"

namespace duet {
namespace {

[[noreturn]] void ThrowDiffer(const std::string& what, const Type& wanted, const Type& given) {
  const std::string text = fmt::format("{} is {}, not {}", what, to_string(given), to_string(wanted));
  if (wanted.dtype != given.dtype) throw DTypeError(text);
  throw ShapeError(text);
}

std::vector<Type> OutputTypes(const Graph& region) {
  std::vector<Type> types;
  for (ValueId output : region.outputs()) types.push_back(region.type(output));
  return types;
}

// Every region takes these operands.
void CheckInputs(std::span<const Graph> regions, std::span<const Type* const> operands) {
  for (const Graph& region : regions) {
    if (region.inputs().size() != operands.size())
      throw ValueError(
          fmt::format("region @{} takes {} values, not {}", region.name(), region.inputs().size(), operands.size()));
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Input& input = region.inputs()[i];
      if (input.kind != Input::Kind::kArgument)
        throw ValueError(fmt::format("input %{} of region @{} must be an argument", input.name, region.name()));
      if (input.type != *operands[i])
        ThrowDiffer(fmt::format("operand {} of region @{}", i, region.name()), input.type, *operands[i]);
    }
  }
}

void CheckRegionCount(std::span<const Graph> regions, std::size_t count) {
  if (regions.size() != count) throw ValueError(fmt::format("has {} regions, not {}", count, regions.size()));
}

std::vector<Type> CondTypes(std::span<const Type* const> operands, std::span<const Graph> regions) {
  if (operands.empty()) throw ValueError("takes at least 1 operand, not 0");
  const Type& chosen = *operands[0];
  CheckChoice(chosen);
  if (chosen.dtype == bool_) CheckRegionCount(regions, 2);
  if (regions.empty()) throw ValueError("has at least 1 region, not 0");
  CheckInputs(regions, operands.subspan(1));
  const std::vector<Type> results = OutputTypes(regions[0]);
  for (std::size_t k = 1; k < regions.size(); ++k) {
    const std::vector<Type> others = OutputTypes(regions[k]);
    if (others.size() != results.size())
      throw ValueError(fmt::format("branch {} returns {} values, branch 0 {}", k, others.size(), results.size()));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (others[i] != results[i]) ThrowDiffer(fmt::format("result {} of branch {}", i, k), results[i], others[i]);
  }
  return results;
}

std::vector<Type> Copies(std::span<const Type* const> operands, std::size_t count) {
  if (operands.size() < count)
    throw ValueError(fmt::format("takes at least {} operands, not {}", count, operands.size()));
  std::vector<Type> types;
  for (std::size_t i = 0; i < count; ++i) types.push_back(*operands[i]);
  return types;
}

std::vector<Type> WhileTypes(std::span<const Type* const> operands, std::span<const Graph> regions) {
  CheckRegionCount(regions, 2);
  CheckInputs(regions, operands);
  CheckCondition(OutputTypes(regions[0]));
  std::vector<Type> results = OutputTypes(regions[1]);
  CheckCarries(Copies(operands, results.size()), results);
  return results;
}

// The state of the last sweep comes first among the operands, that of the first last.
std::vector<Type> WhileGradientTypes(std::span<const Type* const> operands, std::span<const Graph> regions) {
  if (regions.size() < 3 || regions.size() % 2 == 0)
    throw ValueError(fmt::format("has {} regions, not a condition and 2, 4, ... sweeps", regions.size()));
  std::vector<Type> results;
  for (std::size_t i = regions.size(); i-- > 2;) {
    const std::vector<Type> state = OutputTypes(regions[i]);
    CheckCarries(Copies(operands, state.size()), state);
    CheckInputs(regions.subspan(i, 1), operands);
    results.insert(results.end(), state.begin(), state.end());
    operands = operands.subspan(state.size());
  }
  const std::vector<Type> first = WhileTypes(operands, regions.first(2));
  results.insert(results.end(), first.begin(), first.end());
  return results;
}

std::vector<Type> ScanTypes(std::span<const Type* const> operands, const Attributes& attributes,
                            std::span<const Graph> regions) {
  CheckRegionCount(regions, 1);
  const Graph& body = regions[0];
  if (body.inputs().size() != operands.size())
    throw ValueError(fmt::format("the body takes {} values, not {}", body.inputs().size(), operands.size()));
  if (!attributes.length.is_symbol() && attributes.length < 0)
    throw ValueError(fmt::format("length {} is negative", to_string(attributes.length)));
  std::vector<Type> slices;
  slices.reserve(operands.size());
  std::vector<const Type*> pointers;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool scanned =
        static_cast<int>(i) >= attributes.carries && IsScanned(body, static_cast<int>(i), *operands[i]);
    if (scanned && !operands[i]->shape[0].same(attributes.length))
      throw ShapeError(fmt::format("operand {} is {}: its leading axis must have size {}", i, to_string(*operands[i]),
                                   to_string(attributes.length)));
    slices.push_back(scanned ? Slice0(*operands[i]) : *operands[i]);
  }
  for (const Type& slice : slices) pointers.push_back(&slice);
  CheckInputs(regions, pointers);
  std::vector<Type> results = OutputTypes(body);
  const auto carries = static_cast<std::size_t>(attributes.carries);
  CheckCarries(Copies(operands, carries), results);
  for (std::size_t i = carries; i < results.size(); ++i) results[i] = Stacked(results[i], attributes.length);
  return results;
}

}  // namespace

bool IsScanned(const Graph& body, int operand, const Type& type) {
  return type.shape.rank() == body.inputs()[static_cast<std::size_t>(operand)].type.shape.rank() + 1;
}

Type Stacked(const Type& type, Dim length) {
  Type stacked = type;
  stacked.shape.insert(0, length);
  return stacked;
}

Type Slice0(const Type& type) {
  Type slice = type;
  slice.shape.erase(0);
  return slice;
}

std::vector<Type> RegionResultTypes(Op op, std::span<const Type* const> operands, const Attributes& attributes,
                                    std::span<const Graph> regions) {
  if (op == Op::host_call) {
    if (!regions.empty()) throw ValueError("takes no regions");
    return attributes.host->results;
  }
  if (op == Op::cond) return CondTypes(operands, regions);
  if (op == Op::while_loop) return WhileTypes(operands, regions);
  if (op == Op::while_gradient) return WhileGradientTypes(operands, regions);
  return ScanTypes(operands, attributes, regions);
}

}  // namespace duet
