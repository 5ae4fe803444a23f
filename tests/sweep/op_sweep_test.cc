// Every op, dtype, layout, size and edge through every executor, against an independent oracle and the ledger.
#include <gtest/gtest.h>

#include "runtime/cpu.h"
#include "tests/sweep/cases.h"
#include "tests/sweep/executors.h"
#include "tests/sweep/ledger.h"

namespace duet {
namespace {

Cases CasesFor(Op op, DType dtype) {
  static constexpr Cases (*kCasesOf[kOpCount])(DType) = {
#define DUET_OP(name, ...) CasesOf<Op::name>,
#include <duet/ops.def>
#undef DUET_OP
  };
  return kCasesOf[static_cast<int>(op)](dtype);
}

// Sources name the dtypes that they make.
bool Takes(Op op, DType dtype) {
  if (op == Op::random_bits) return dtype == DType::i32 || dtype == DType::i64;
  return Accepts(info(op).dtypes, dtype);
}

// The cases of one op and dtype as one program: one trace, one compilation.
void Sweep(Op op, DType dtype) {
  const Cases cases = CasesFor(op, dtype);
  if (cases.empty()) return;
  Tensors inputs;
  for (const Case& c : cases) inputs.insert(inputs.end(), c.inputs.begin(), c.inputs.end());
  const Program program = [&](const Tensors& x) {
    Tensors results;
    auto at = x.begin();
    for (const Case& c : cases) {
      const auto end = at + static_cast<std::ptrdiff_t>(c.inputs.size());
      results.push_back(c.f(Tensors(at, end)));
      at = end;
    }
    return results;
  };
  const Tensors results = RunEverywhere(program, inputs, [&](std::size_t i) { return cases[i].label; });
  std::uint64_t hash = 0;
  int shown = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    hash = Hash(results[i], hash);
    const std::string wrong = cases[i].check && shown < 10 ? cases[i].check(cases[i].inputs, results[i]) : "";
    if (wrong.empty()) continue;
    ++shown;
    ADD_FAILURE() << cases[i].label << ": " << wrong;
  }
  EXPECT_EQ(CheckLedger(std::string(name(op)) + " " + name(dtype), hash), "");
}

class OpSweep : public testing::TestWithParam<int> {};

TEST_P(OpSweep, Runs) {
  const Op op = static_cast<Op>(GetParam());
  int dtypes = 0;
  for (DType dtype : kStoredDTypes) {
    if (!Takes(op, dtype)) continue;
    SCOPED_TRACE(std::string(name(op)) + " " + name(dtype) + " " + name(ActiveIsa()));
    Sweep(op, dtype);
    ++dtypes;
  }
  EXPECT_GT(dtypes, 0);
}

INSTANTIATE_TEST_SUITE_P(, OpSweep, testing::Range(0, kOpCount),
                         [](const auto& row) { return std::string(kOpInfo[row.param].name); });

}  // namespace
}  // namespace duet
