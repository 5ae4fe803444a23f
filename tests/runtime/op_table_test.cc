// The op table as data, and how errors and lines are put into words.
#include <duet/error.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "runtime/fail.h"
#include "runtime/op.h"

namespace duet {
namespace {

TEST(OpTable, EveryRowIsFoundByItsName) {
  std::set<std::string> names;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    EXPECT_TRUE(names.insert(name(op)).second) << name(op);
    Op found;
    ASSERT_TRUE(FindOp(name(op), &found)) << name(op);
    EXPECT_EQ(found, op);
    EXPECT_STRNE(info(op).doc, "");
  }
  Op unused;
  for (const char* none : {"", "ad", "addd", "zzz", "Add"}) EXPECT_FALSE(FindOp(none, &unused)) << none;
}

TEST(OpTable, RowsAgreeWithTheirClasses) {
  for (int i = 0; i < kOpCount; ++i) {
    const OpInfo& row = kOpInfo[i];
    SCOPED_TRACE(row.name);
    const bool commutes = row.traits & OpTrait::Commutes;
    EXPECT_TRUE(!commutes || row.arity == 2);
    EXPECT_GE(row.ulp32, 0);
    EXPECT_LE(row.ulp32, 1);
    EXPECT_LE(row.ulp64, 1);
    if (row.op_class == OpClass::Reduce || row.op_class == OpClass::ArgReduce || row.op_class == OpClass::Sort) {
      EXPECT_EQ(row.attributes, kAxes);
    }
  }
}

template <class Kind>
void ExpectRethrown(const Kind& error) {
  const Type types[] = {{f32, {3, 4}}, {bool_, {}}};
  try {
    try {
      throw error;
    } catch (const Error&) {
      RethrowWithContext("matmul", types, Line("train.cpp", 12));
    }
  } catch (const Kind& rethrown) {
    EXPECT_STREQ(rethrown.what(), "matmul: what is wrong\n  operands: f32[3,4], bool[]\n  at train.cpp:12");
    return;
  }
  FAIL() << "the kind changed";
}

TEST(Errors, KeepTheirKindAndGainContext) {
  ExpectRethrown(ShapeError("what is wrong"));
  ExpectRethrown(DTypeError("what is wrong"));
  ExpectRethrown(IndexError("what is wrong"));
  ExpectRethrown(ValueError("what is wrong"));
  ExpectRethrown(TraceError("what is wrong"));
  ExpectRethrown(OutOfMemoryError("what is wrong"));
  ExpectRethrown(Error("what is wrong"));
}

TEST(Errors, TheOutermostLineCounts) {
  EXPECT_EQ(ErrorText("add", "no", {}, Line()), "add: no");
  {
    LineScope outer(Line("user.cpp", 3));
    LineScope inner(Line("composite.cc", 99));
    EXPECT_EQ(to_string(LineScope::Current(Line("op.cc", 1))), "user.cpp:3");
  }
  EXPECT_EQ(to_string(LineScope::Current(Line("op.cc", 1))), "op.cc:1");
}

}  // namespace
}  // namespace duet
