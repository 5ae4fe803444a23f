// Every meaning, at every width and for both instruction sets, against the oracle and against each other bit for bit.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "tests/jit/meaning_kernels.h"
#include "tests/jit/meaning_oracle.h"

namespace duet {
namespace {

struct Configuration {
  Isa isa;
  int width;
};
constexpr Configuration kConfigurations[] = {{Isa::kV3, 8}, {Isa::kV3, 4}, {Isa::kV3, 16},
                                             {Isa::kV4, 4}, {Isa::kV4, 8}, {Isa::kV4, 16}};

bool CanRun(Isa isa) { return isa == Isa::kV3 || CpuIsa() == Isa::kV4; }
std::string Name(const Configuration& c) { return std::string(name(c.isa)) + " width " + std::to_string(c.width); }
std::string Name(const MeaningCase& c) {
  return std::string(name(c.op)) + " of " + name(c.operand) + " to " + name(c.result);
}

class Random {
 public:
  std::uint64_t Next() {  // splitmix64
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 42;
};

Element RandomElement(Random& random, DType dtype) {
  const std::uint64_t bits = random.Next();
  // Half of the floats from a range where functions have something to do, half of any bits; small ints as often.
  const bool moderate = random.Next() % 2 == 0;
  const double uniform = static_cast<double>(static_cast<std::int64_t>(random.Next())) * 0x1p-63;
  const double scale = std::ldexp(1.0, static_cast<int>(random.Next() % 24) - 12);
  switch (dtype) {
    case DType::bool_:
      return bits & 1;
    case DType::i32:
      return ToElement(static_cast<std::int32_t>(moderate ? bits % 41 - 20 : bits));
    case DType::i64:
      return ToElement(static_cast<std::int64_t>(moderate ? bits % 41 - 20 : bits));
    case DType::f32:
      return moderate ? ToElement(static_cast<float>(uniform * scale)) : bits & 0xffffffff;
    default:
      return moderate ? ToElement(uniform * scale) : bits;
  }
}

/// Operands as tensors store them, and the same as elements.
struct Operands {
  std::vector<std::vector<Element>> elements;  // [element][operand]
  std::vector<std::vector<std::byte>> stored;  // [operand]
  std::vector<const void*> pointers;

  void Store(const std::vector<DType>& dtypes) {
    while (elements.size() % 16 != 0) elements.push_back(elements.back());
    stored.clear();
    pointers.clear();
    for (std::size_t k = 0; k < dtypes.size(); ++k) {
      const auto bytes = static_cast<std::size_t>(bytes_of(dtypes[k]));
      std::vector<std::byte> column(elements.size() * bytes);
      for (std::size_t i = 0; i < elements.size(); ++i) std::memcpy(&column[i * bytes], &elements[i][k], bytes);
      stored.push_back(std::move(column));
    }
    for (const auto& column : stored) pointers.push_back(column.data());
  }
};

std::vector<DType> OperandDTypes(const MeaningCase& c) {
  if (info(c.op).op_class == OpClass::Reduce) return {c.operand, c.operand};
  if (info(c.op).op_class == OpClass::ArgReduce) return {c.operand, c.operand, DType::i64, DType::i64};
  if (c.op == Op::where) return {DType::bool_, c.operand, c.operand};
  if (c.op == Op::iota) return {DType::i64};
  return std::vector<DType>(static_cast<std::size_t>(info(c.op).arity), c.operand);
}

/// All pairs of edge values and random elements.
Operands MakeOperands(const MeaningCase& c) {
  const std::vector<DType> dtypes = OperandDTypes(c);
  Operands operands;
  Random random;
  auto complete = [&](std::vector<Element> row) {
    while (row.size() < dtypes.size()) row.push_back(RandomElement(random, dtypes[row.size()]));
    operands.elements.push_back(std::move(row));
  };
  if (dtypes.size() == 1) {
    for (Element x : EdgeValues(dtypes[0])) complete({x});
  } else {
    for (Element x : EdgeValues(dtypes[0])) {
      for (Element y : EdgeValues(dtypes[1])) complete({x, y});
    }
  }
  for (int i = 0; i < 6000; ++i) complete({});
  operands.Store(dtypes);
  return operands;
}

std::vector<Element> Run(const MeaningKernels& kernels, std::size_t index, const MeaningCase& c,
                         const Operands& operands) {
  const auto bytes = static_cast<std::size_t>(bytes_of(c.result));
  std::vector<std::byte> result(operands.elements.size() * bytes);
  kernels[index](operands.pointers.data(), result.data(), static_cast<std::int64_t>(operands.elements.size()));
  std::vector<Element> elements(operands.elements.size(), 0);
  for (std::size_t i = 0; i < elements.size(); ++i) std::memcpy(&elements[i], &result[i * bytes], bytes);
  return elements;
}

bool SameElement(Element a, Element b, DType dtype) {
  if (dtype == DType::f32 && std::isnan(FromElement<float>(a)) && std::isnan(FromElement<float>(b))) return true;
  if (dtype == DType::f64 && std::isnan(FromElement<double>(a)) && std::isnan(FromElement<double>(b))) return true;
  return a == b;
}

std::string Show(const Operands& operands, std::size_t i, const MeaningCase& c) {
  const std::vector<DType> dtypes = OperandDTypes(c);
  std::string text = Name(c) + " at";
  for (std::size_t k = 0; k < dtypes.size(); ++k) text += " " + ToText(operands.elements[i][k], dtypes[k]);
  return text;
}

/// Runs all cases in all configurations; `check` judges the results of the first one, the others must have its bits.
template <class CheckResults>
void RunEverywhere(const std::vector<MeaningCase>& cases, const CheckResults& check) {
  std::vector<Operands> operands;
  for (const MeaningCase& c : cases) operands.push_back(MakeOperands(c));
  std::vector<std::vector<Element>> first(cases.size());
  for (const Configuration& configuration : kConfigurations) {
    if (!CanRun(configuration.isa)) {
      std::printf("not run: %s, this CPU has no AVX-512\n", Name(configuration).c_str());
      continue;
    }
    const MeaningKernels kernels(configuration.isa, configuration.width, cases);
    for (std::size_t k = 0; k < cases.size(); ++k) {
      const std::vector<Element> results = Run(kernels, k, cases[k], operands[k]);
      int shown = 0;
      if (first[k].empty()) {
        first[k] = results;
        for (std::size_t i = 0; i < results.size() && shown < 5; ++i) {
          const std::string wrong = check(cases[k], operands[k], i, results[i]);
          if (wrong.empty()) continue;
          ++shown;
          ADD_FAILURE() << Show(operands[k], i, cases[k]) << " gives " << ToText(results[i], cases[k].result)
                        << ", expected " << wrong;
        }
        continue;
      }
      for (std::size_t i = 0; i < results.size() && shown < 5; ++i) {
        if (SameElement(results[i], first[k][i], cases[k].result)) continue;
        ++shown;
        ADD_FAILURE() << Name(configuration) << ": " << Show(operands[k], i, cases[k]) << " gives "
                      << ToText(results[i], cases[k].result) << ", elsewhere " << ToText(first[k][i], cases[k].result);
      }
    }
  }
}

TEST(Meaning, ElementwiseOpsMatchTheOracleAndEachOther) {
  RunEverywhere(AllMeaningCases(), [](const MeaningCase& c, const Operands& operands, std::size_t i, Element result) {
    return CheckMeaning(c, operands.elements[i], result);
  });
}

// Philox4x32-10 as its authors define it.
std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0], b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

TEST(Meaning, PhiloxHasItsPublishedAnswers) {
  // The first and last known answers of the Random123 distribution.
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Meaning, SourcesCountAndDraw) {
  RunEverywhere(
      SourceMeaningCases(), [](const MeaningCase& c, const Operands& operands, std::size_t i, Element result) {
        const auto index = static_cast<std::uint32_t>(i);
        if (c.op == Op::iota) {
          const MeaningCase cast{Op::cast, DType::i64, c.result};
          const Element at[] = {Element{index}};
          return CheckMeaning(cast, at, result);
        }
        const Element key = operands.elements[i][0];
        const auto words =
            Philox({index, 0, 0, 0}, {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
        const Element wanted = c.result == DType::i32 ? words[0] : words[0] | Element{words[1]} << 32;
        return wanted == result ? std::string() : ToText(wanted, c.result);
      });
}

template <class T>
std::int64_t ArgWinner(bool is_max, T a, T b, std::int64_t a_index, std::int64_t b_index) {
  const bool a_is_nan = a != a, b_is_nan = b != b;
  const bool tie = a_is_nan || b_is_nan ? a_is_nan && b_is_nan : a == b;
  if (tie) return std::min(a_index, b_index);
  if (a_is_nan || b_is_nan) return a_is_nan ? a_index : b_index;
  return (is_max ? a > b : a < b) ? a_index : b_index;
}

std::string CheckReduction(const MeaningCase& c, std::span<const Element> x, Element result) {
  switch (c.op) {
    case Op::sum:
      return CheckMeaning({Op::add, c.operand, c.operand}, x, result);
    case Op::prod:
      return CheckMeaning({Op::multiply, c.operand, c.operand}, x, result);
    case Op::max:
      return CheckMeaning({Op::maximum, c.operand, c.operand}, x, result);
    case Op::min:
      return CheckMeaning({Op::minimum, c.operand, c.operand}, x, result);
    case Op::any:
      return CheckMeaning({Op::logical_or, c.operand, c.operand}, x, result);
    case Op::all:
      return CheckMeaning({Op::logical_and, c.operand, c.operand}, x, result);
    default:
      break;
  }
  const bool is_max = c.op == Op::argmax;
  const auto a = FromElement<std::int64_t>(x[2]), b = FromElement<std::int64_t>(x[3]);
  std::int64_t wanted = 0;
  switch (c.operand) {
    case DType::i32:
      wanted = ArgWinner(is_max, FromElement<std::int32_t>(x[0]), FromElement<std::int32_t>(x[1]), a, b);
      break;
    case DType::i64:
      wanted = ArgWinner(is_max, FromElement<std::int64_t>(x[0]), FromElement<std::int64_t>(x[1]), a, b);
      break;
    case DType::f32:
      wanted = ArgWinner(is_max, FromElement<float>(x[0]), FromElement<float>(x[1]), a, b);
      break;
    default:
      wanted = ArgWinner(is_max, FromElement<double>(x[0]), FromElement<double>(x[1]), a, b);
  }
  return ToElement(wanted) == result ? "" : ToText(ToElement(wanted), DType::i64);
}

// Two elements combined from the identity on: it must leave every bit of the first one alone.
TEST(Meaning, ReductionStepsAreTheirOps) {
  RunEverywhere(ReductionMeaningCases(), [](const MeaningCase& c, const Operands& operands, std::size_t i, Element r) {
    return CheckReduction(c, operands.elements[i], r);
  });
}

}  // namespace
}  // namespace duet
