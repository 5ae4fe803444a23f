// Inference: each row gives an op, the operands' types, its attributes, and the result type or the error's kind and
// text.
#include "runtime/infer.h"

#include <duet/error.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace duet {
namespace {

using Types = std::vector<Type>;

Attributes Axes(Shape axes) {
  Attributes a;
  a.axes = axes;
  return a;
}
Attributes OfShape(Shape shape) {
  Attributes a;
  a.shape = shape;
  return a;
}
Attributes OfDType(DType dtype) {
  Attributes a;
  a.dtype = dtype;
  return a;
}
Attributes Slice(Shape start, Shape shape, Shape step) {
  Attributes a;
  a.start = start, a.shape = shape, a.step = step;
  return a;
}
Attributes Update(Shape start, Shape step) { return Slice(start, {}, step); }
Attributes Pad(Shape low, Shape high) {
  Attributes a;
  a.low = low, a.high = high;
  return a;
}
Attributes Iota(DType dtype, Shape shape, Shape axes) {
  Attributes a;
  a.dtype = dtype, a.shape = shape, a.axes = axes;
  return a;
}

struct Case {
  Op op;
  Types operands;
  Attributes attributes;
  std::string expected;
};

template <class Kind>
std::string Threw(const char* kind, const Kind& error) {
  return std::string(kind) + ": " + error.what();
}

std::string Infer(const Case& c) {
  std::vector<const Type*> operands;
  for (const Type& type : c.operands) operands.push_back(&type);
  try {
    return to_string(InferType(c.op, operands, c.attributes));
  } catch (const ShapeError& e) {
    return Threw("ShapeError", e);
  } catch (const DTypeError& e) {
    return Threw("DTypeError", e);
  } catch (const IndexError& e) {
    return Threw("IndexError", e);
  } catch (const ValueError& e) {
    return Threw("ValueError", e);
  } catch (const OutOfMemoryError& e) {
    return Threw("OutOfMemoryError", e);
  } catch (const TraceError& e) {
    return Threw("TraceError", e);
  }
}

const Dim s0 = Dim::Symbol(0), s1 = Dim::Symbol(1);
const std::int64_t kHuge = std::int64_t{1} << 40;

const Case kCases[] = {
    // elementwise
    {Op::exp, {{f32, {3, 4}}}, {}, "f32[3,4]"},
    {Op::exp, {{i32, {3}}}, {}, "DTypeError: does not take i32"},
    {Op::exp, {}, {}, "ValueError: takes 1 operand, not 0"},
    {Op::neg, {{bool_, {}}}, {}, "DTypeError: does not take bool"},
    {Op::bitwise_not, {{bool_, {2}}}, {}, "bool[2]"},
    {Op::logical_not, {{f64, {0, 3}}}, {}, "bool[0,3]"},
    {Op::isnan, {{f64, {s0}}}, {}, "bool[s0]"},
    {Op::add, {{f32, {s0, 2}}, {f32, {s0, 2}}}, {}, "f32[s0,2]"},
    {Op::add, {{f32, {s0}}, {f32, {s1}}}, {}, "ShapeError: operands differ in shape: [s0] and [s1]"},
    {Op::add, {{f32, {3, 4}}, {f32, {4}}}, {}, "ShapeError: operands differ in shape: [3,4] and [4]"},
    {Op::add, {{f32, {3}}, {f64, {3}}}, {}, "DTypeError: operands differ in dtype: f32 and f64"},
    {Op::add, {{bool_, {3}}, {bool_, {3}}}, {}, "DTypeError: does not take bool"},
    {Op::add, {{f32, {3}}}, {}, "ValueError: takes 2 operands, not 1"},
    {Op::divide, {{i32, {}}, {i32, {}}}, {}, "DTypeError: does not take i32"},
    {Op::left_shift, {{i64, {}}, {i64, {}}}, {}, "i64[]"},
    {Op::less, {{i32, {5}}, {i32, {5}}}, {}, "bool[5]"},
    {Op::logical_and, {{f32, {5}}, {f32, {5}}}, {}, "DTypeError: does not take f32"},
    {Op::where, {{bool_, {2}}, {i64, {2}}, {i64, {2}}}, {}, "i64[2]"},
    {Op::where, {{i32, {2}}, {i64, {2}}, {i64, {2}}}, {}, "DTypeError: the condition must be bool, not i32"},
    {Op::where, {{bool_, {}}, {f32, {2}}, {f32, {2}}}, {}, "ShapeError: operands differ in shape: [] and [2]"},
    {Op::where, {{bool_, {2}}, {f32, {2}}, {f64, {2}}}, {}, "DTypeError: operands differ in dtype: f32 and f64"},
    {Op::cast, {{bool_, {2}}}, OfDType(f64), "f64[2]"},
    {Op::cast, {{f32, {2}}}, OfDType(u8), "DTypeError: u8 tensors cannot be made yet"},
    // reductions
    {Op::sum, {{f32, {3, 4}}}, Axes({1}), "f32[3]"},
    {Op::sum, {{i32, {3, 4}}}, Axes({0, 1}), "i64[]"},
    {Op::sum, {{bool_, {0}}}, Axes({0}), "i64[]"},
    {Op::prod, {{f64, {2, 0}}}, Axes({1}), "f64[2]"},
    {Op::sum, {{f32, {3, 4}}}, Axes({}), "f32[3,4]"},
    {Op::sum, {{f32, {3, 4}}}, Axes({2}), "IndexError: axis 2 is out of range for rank 2"},
    {Op::sum, {{f32, {3, 4}}}, Axes({-1}), "IndexError: axis -1 is out of range for rank 2"},
    {Op::sum, {{f32, {3, 4}}}, Axes({1, 0}), "ValueError: axes must ascend: [1,0]"},
    {Op::sum, {{f32, {3, 4}}}, Axes({0, 0}), "ValueError: axes must ascend: [0,0]"},
    {Op::max, {{i32, {3, 4}}}, Axes({0}), "i32[4]"},
    {Op::max, {{f32, {3, 0}}}, Axes({1}), "ValueError: has no identity: axis 1 is empty"},
    {Op::max, {{f32, {3, 0}}}, Axes({0}), "f32[0]"},
    {Op::max, {{bool_, {3}}}, Axes({0}), "DTypeError: does not take bool"},
    {Op::any, {{bool_, {3, 2}}}, Axes({0}), "bool[2]"},
    {Op::all, {{f32, {3}}}, Axes({0}), "DTypeError: does not take f32"},
    {Op::argmax, {{f32, {3, 4}}}, Axes({0}), "i64[4]"},
    {Op::argmin, {{f32, {0}}}, Axes({0}), "ValueError: has no identity: axis 0 is empty"},
    {Op::argmin, {{f32, {2, 2}}}, Axes({0, 1}), "ValueError: needs one axis, not 2"},
    {Op::sort, {{f32, {2, 3}}}, Axes({1}), "f32[2,3]"},
    {Op::argsort, {{i32, {2, 3}}}, Axes({1}), "i64[2,3]"},
    {Op::sort, {{f32, {}}}, Axes({0}), "IndexError: axis 0 is out of range for rank 0"},
    // views
    {Op::reshape, {{f32, {3, 4}}}, OfShape({2, 6}), "f32[2,6]"},
    {Op::reshape, {{f32, {3, 4}}}, OfShape({5, 2}), "ShapeError: [3,4] and [5,2] differ in elements"},
    {Op::reshape, {{f32, {s0, 4}}}, OfShape({2, s0, 2}), "f32[2,s0,2]"},
    {Op::reshape, {{f32, {s0, 4}}}, OfShape({s1, 4}), "ShapeError: [s0,4] and [s1,4] differ in elements"},
    {Op::reshape, {{f32, {0, s0}}}, OfShape({0}), "f32[0]"},
    {Op::reshape, {{f32, {4}}}, OfShape({-2, -2}), "ShapeError: sizes must not be negative: [-2,-2]"},
    {Op::transpose, {{f32, {2, 3, 4}}}, Axes({2, 0, 1}), "f32[4,2,3]"},
    {Op::transpose, {{f32, {2, 3}}}, Axes({0, 0}), "ValueError: axis 0 is given twice"},
    {Op::transpose, {{f32, {2, 3}}}, Axes({0}), "ShapeError: axes needs 2 entries, not 1"},
    {Op::transpose, {{f32, {2, 3}}}, Axes({0, 2}), "IndexError: axis 2 is out of range for rank 2"},
    {Op::broadcast_to, {{f32, {3, 1}}}, OfShape({2, 3, 4}), "f32[2,3,4]"},
    {Op::broadcast_to, {{f32, {3}}}, OfShape({3, 4}), "ShapeError: [3] does not broadcast to [3,4]"},
    {Op::broadcast_to, {{f32, {2, 3}}}, OfShape({3}), "ShapeError: [2,3] does not broadcast to [3]"},
    {Op::broadcast_to, {{f32, {1}}}, OfShape({0}), "f32[0]"},
    {Op::broadcast_to, {{f32, {}}}, OfShape({s0}), "f32[s0]"},
    {Op::broadcast_to,
     {{i64, {}}},
     OfShape({kHuge, kHuge}),
     "OutOfMemoryError: size of i64[1099511627776,1099511627776] exceeds memory"},
    {Op::broadcast_to, {{i64, {}}}, OfShape({kHuge, 0, kHuge}), "i64[1099511627776,0,1099511627776]"},
    {Op::slice, {{f32, {10}}}, Slice({2}, {3}, {3}), "f32[3]"},
    {Op::slice, {{f32, {10}}}, Slice({9}, {10}, {-1}), "f32[10]"},
    {Op::slice, {{f32, {10}}}, Slice({2}, {4}, {3}), "IndexError: 4 elements from 2 by 3 leave axis 0 of size 10"},
    {Op::slice, {{f32, {10}}}, Slice({2}, {4}, {-1}), "IndexError: 4 elements from 2 by -1 leave axis 0 of size 10"},
    {Op::slice, {{f32, {10}}}, Slice({-1}, {1}, {1}), "IndexError: 1 elements from -1 by 1 leave axis 0 of size 10"},
    {Op::slice, {{f32, {10}}}, Slice({10}, {0}, {1}), "f32[0]"},
    {Op::slice, {{f32, {10}}}, Slice({0}, {2}, {0}), "ValueError: step of axis 0 is 0"},
    {Op::slice, {{f32, {10}}}, Slice({0}, {-2}, {1}), "ShapeError: sizes must not be negative: [-2]"},
    {Op::slice, {{f32, {10}}}, Slice({0, 0}, {2}, {1}), "ShapeError: start needs 1 entries, not 2"},
    {Op::slice,
     {{f32, {10}}},
     Slice({5}, {3}, {INT64_MAX}),
     "IndexError: 3 elements from 5 by 9223372036854775807 leave axis 0 of size 10"},
    {Op::slice, {{f32, {s0, 4}}}, Slice({0, 1}, {s0, 2}, {1, 1}), "f32[s0,2]"},
    {Op::slice, {{f32, {s0}}}, Slice({1}, {3}, {1}), "TraceError: the size s0 is not known while tracing"},
    {Op::flip, {{f32, {2, 3}}}, Axes({0, 1}), "f32[2,3]"},
    {Op::flip, {{f32, {2, 3}}}, Axes({1, 0}), "ValueError: axes must ascend: [1,0]"},
    // assembling
    {Op::update_slice, {{f32, {9}}, {f32, {3}}}, Update({0}, {4}), "f32[9]"},
    {Op::update_slice, {{f32, {9}}, {f32, {3}}}, Update({8}, {-4}), "ValueError: step of axis 0 is negative"},
    {Op::update_slice, {{f32, {9}}, {f32, {3, 1}}}, Update({0}, {1}), "ShapeError: shape needs 1 entries, not 2"},
    {Op::update_slice, {{f32, {9}}, {f64, {3}}}, Update({0}, {1}), "DTypeError: operands differ in dtype: f32 and f64"},
    {Op::pad, {{f32, {2, 3}}, {f32, {}}}, Pad({1, 0}, {2, 5}), "f32[5,8]"},
    {Op::pad, {{f32, {2}}, {f32, {1}}}, Pad({1}, {2}), "ShapeError: the filling value must be 0-d, not [1]"},
    {Op::pad, {{f32, {2}}, {f32, {}}}, Pad({-1}, {2}), "ValueError: axis 0 is padded by a negative size"},
    {Op::pad, {{f32, {2}}, {f32, {}}}, Pad({INT64_MAX}, {0}), "OutOfMemoryError: a size exceeds memory"},
    {Op::concatenate, {{f32, {2, 3}}, {f32, {4, 3}}}, Axes({0}), "f32[6,3]"},
    {Op::concatenate,
     {{f32, {2, 3}}, {f32, {4, 2}}},
     Axes({0}),
     "ShapeError: shapes differ beside axis 0: [2,3] and [4,2]"},
    {Op::concatenate, {{f32, {2}}, {i32, {4}}}, Axes({0}), "DTypeError: operands differ in dtype: f32 and i32"},
    {Op::concatenate, {}, Axes({0}), "ValueError: needs at least one operand"},
    {Op::concatenate, {{f32, {}}}, Axes({0}), "IndexError: axis 0 is out of range for rank 0"},
    // gather, scatter, sources
    {Op::take, {{f32, {5, 7}}, {i64, {2, 3}}}, Axes({0}), "f32[2,3,7]"},
    {Op::take, {{bool_, {5}}, {i32, {}}}, Axes({0}), "bool[]"},
    {Op::take, {{f32, {5}}, {f32, {2}}}, Axes({0}), "DTypeError: indices must be i32 or i64, not f32"},
    {Op::take,
     {{f32, Shape::Filled(8, 2)}, {i32, {1, 1}}},
     Axes({0}),
     "ShapeError: the result would have 9 axes, at most 8 are allowed"},
    {Op::index_add, {{f32, {5, 7}}, {i64, {3}}, {f32, {3, 7}}}, Axes({0}), "f32[5,7]"},
    {Op::index_add,
     {{f32, {5, 7}}, {i64, {3}}, {f32, {2, 7}}},
     Axes({0}),
     "ShapeError: what is added must have shape [3,7], not [2,7]"},
    {Op::index_add, {{bool_, {5}}, {i64, {3}}, {bool_, {3}}}, Axes({0}), "DTypeError: does not take bool"},
    {Op::index_update, {{bool_, {5, 7}}, {i32, {}}, {bool_, {7}}}, Axes({0}), "bool[5,7]"},
    {Op::index_update,
     {{f32, {5, 7}}, {i64, {3}}, {f32, {2, 7}}},
     Axes({0}),
     "ShapeError: what is put in must have shape [3,7], not [2,7]"},
    {Op::iota, {}, Iota(i32, {3, 4}, {1}), "i32[3,4]"},
    {Op::iota, {}, Iota(bool_, {3}, {0}), "DTypeError: does not make bool"},
    {Op::iota, {}, Iota(i32, {}, {0}), "IndexError: axis 0 is out of range for rank 0"},
    {Op::iota,
     {},
     Iota(i64, {kHuge, kHuge}, {0}),
     "OutOfMemoryError: size of i64[1099511627776,1099511627776] exceeds memory"},
    {Op::constant, {}, {}, "ValueError: has no data"},
    {Op::random_bits, {{i64, {}}}, Iota(i64, {8}, {}), "i64[8]"},
    {Op::random_bits, {{i32, {}}}, Iota(i64, {8}, {}), "DTypeError: the key must be i64[], not i32[]"},
    {Op::random_bits, {{i64, {}}}, Iota(f32, {8}, {}), "DTypeError: makes i32 or i64, not f32"},
    // contraction
    {Op::matmul, {{f32, {3, 4}}, {f32, {4, 5}}}, {}, "f32[3,5]"},
    {Op::matmul, {{i64, {2, 3, 0}}, {i64, {2, 0, 5}}}, {}, "i64[2,3,5]"},
    {Op::matmul, {{f32, {s0, 4}}, {f32, {4, s1}}}, {}, "f32[s0,s1]"},
    {Op::matmul, {{f32, {3, 4}}, {f32, {5, 6}}}, {}, "ShapeError: inner sizes differ: 4 and 5"},
    {Op::matmul, {{f32, {4}}, {f32, {4, 6}}}, {}, "ShapeError: operands need at least 2 axes"},
    {Op::matmul, {{f32, {1, 3, 4}}, {f32, {4, 6}}}, {}, "ShapeError: operands differ in rank: 3 and 2"},
    {Op::matmul, {{f32, {2, 3, 4}}, {f32, {1, 4, 6}}}, {}, "ShapeError: leading sizes differ: [2,3,4] and [1,4,6]"},
    {Op::matmul, {{f32, {3, 4}}, {f64, {4, 5}}}, {}, "DTypeError: operands differ in dtype: f32 and f64"},
    {Op::matmul, {{bool_, {3, 4}}, {bool_, {4, 5}}}, {}, "DTypeError: does not take bool"},
};

TEST(Infer, Table) {
  for (const Case& c : kCases) {
    std::string operands;
    for (const Type& type : c.operands) operands += to_string(type) + " ";
    EXPECT_EQ(Infer(c), c.expected) << name(c.op) << " " << operands;
  }
}

TEST(Infer, ResultDTypesOfEveryElementwiseOp) {
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (!IsElementwise(op) || op == Op::where) continue;
    for (DType dtype : {bool_, i32, i64, f32, f64}) {
      const Type type{dtype, {3, 0, 2}};
      const std::vector<const Type*> operands(static_cast<std::size_t>(info(op).arity), &type);
      if (!Accepts(info(op).dtypes, dtype)) {
        EXPECT_THROW(InferType(op, operands, {}), DTypeError) << name(op);
        continue;
      }
      const bool to_bool = info(op).op_class == OpClass::Predicate || info(op).op_class == OpClass::Comparison;
      const DType result = op == Op::cast ? f32 : to_bool ? bool_ : dtype;
      EXPECT_EQ(InferType(op, operands, {}), (Type{result, {3, 0, 2}})) << name(op);
    }
  }
}

TEST(Infer, Sizes) {
  EXPECT_EQ(CheckedElements({}), 1);
  EXPECT_EQ(CheckedElements({3, 0, kHuge, kHuge, kHuge}), 0);
  EXPECT_EQ(CheckedBytes({f64, {kHuge, 16}}), kMaxBytes);
  EXPECT_THROW(CheckedBytes({f64, {kHuge, 17}}), OutOfMemoryError);
  EXPECT_THROW(CheckedElements({kHuge, kHuge}), OutOfMemoryError);
  EXPECT_THROW(CheckedElements({0, -1}), ShapeError);
}

TEST(Infer, Broadcasting) {
  EXPECT_EQ(to_string(BroadcastShapes({3, 1}, {2, 1, 4})), "[2,3,4]");
  EXPECT_EQ(to_string(BroadcastShapes({}, {0, 1})), "[0,1]");
  EXPECT_EQ(to_string(BroadcastShapes({0}, {1})), "[0]");
  EXPECT_EQ(to_string(BroadcastShapes({1, s0}, {5, 1})), "[5,s0]");
  EXPECT_THROW(BroadcastShapes({3, 4}, {5, 6}), ShapeError);
  EXPECT_THROW(BroadcastShapes({s0}, {s1}), ShapeError);
  EXPECT_THROW(BroadcastShapes({0}, {2}), ShapeError);
}

TEST(Infer, Axes) {
  EXPECT_EQ(NormalizeAxis(-1, 3), 2);
  EXPECT_THROW(NormalizeAxis(3, 3), IndexError);
  EXPECT_THROW(NormalizeAxis(0, 0), IndexError);
  EXPECT_EQ(to_string(NormalizeAxes({-1, 0}, 3)), "[0,2]");
  EXPECT_THROW(NormalizeAxes({2, -1}, 3), ValueError);
  EXPECT_EQ(to_string(ReducedShape({2, 3, 4}, {0, 2})), "[3]");
  EXPECT_EQ(to_string(ReducedShape({2, 3, 4}, {0, 2}, KeepDims::yes)), "[1,3,1]");
}

TEST(Infer, Reshape) {
  EXPECT_EQ(to_string(ResolveReshape({3, 4}, {-1, 2})), "[6,2]");
  EXPECT_THROW(ResolveReshape({3, 4}, {-1, 5}), ShapeError);
  EXPECT_THROW(ResolveReshape({3, 4}, {-1, -1}), ShapeError);
  EXPECT_THROW(ResolveReshape({0, 4}, {-1, 0}), ShapeError);
}

TEST(Promotion, Lattice) {
  struct Row {
    DType a, b, result;
  };
  const Row rows[] = {{bool_, bool_, bool_}, {bool_, i32, i32}, {bool_, f64, f64}, {i8, u8, i16},   {i32, u32, i64},
                      {i64, u32, i64},       {i16, u8, i16},    {i8, u16, i32},    {u8, u64, u64},  {i64, f32, f32},
                      {i64, f16, f16},       {f16, bf16, f32},  {f32, bf16, f32},  {f32, f64, f64}, {i32, i64, i64}};
  for (const Row& row : rows) {
    EXPECT_EQ(promote_types(row.a, row.b), row.result) << name(row.a) << " " << name(row.b);
    EXPECT_EQ(promote_types(row.b, row.a), row.result) << name(row.b) << " " << name(row.a);
  }
  EXPECT_THROW(promote_types(u64, i8), DTypeError);
  EXPECT_THROW(promote_types(i64, u64), DTypeError);
}

TEST(Ops, FoundByName) {
  for (int i = 0; i < kOpCount; ++i) {
    Op op;
    ASSERT_TRUE(FindOp(kOpInfo[i].name, &op));
    EXPECT_EQ(static_cast<int>(op), i);
  }
  Op op;
  EXPECT_FALSE(FindOp("", &op));
  EXPECT_FALSE(FindOp("exq", &op));
}

TEST(Shapes, RankIsLimited) {
  Shape shape = Shape::Filled(kMaxRank, 1);
  EXPECT_THROW(shape.push_back(1), ShapeError);
  EXPECT_THROW(shape.insert(0, 1), ShapeError);
  shape.erase(3);
  shape.insert(2, 7);
  EXPECT_EQ(to_string(shape), "[1,1,7,1,1,1,1,1]");
}

}  // namespace
}  // namespace duet
