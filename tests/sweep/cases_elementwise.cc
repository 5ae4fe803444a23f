// Elementwise ops: every operand in every layout and size, checked element by element.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sweep/cases.h"

namespace duet {
namespace {

// The public function of an op of one or two operands.
using One = Tensor (*)(const Arg&);
using Two = Tensor (*)(const Arg&, const Arg&);

Tensor CallPublic(Op op, DType result, const Tensors& x) {
  switch (op) {
#define DUET_OP(name, op_class, ...) DUET_CALL_##op_class(name)
#define DUET_CALL_Unary(name) \
  case Op::name:              \
    return static_cast<One>(duet::name)(x[0]);
#define DUET_CALL_Predicate(name) DUET_CALL_Unary(name)
#define DUET_CALL_Binary(name) \
  case Op::name:               \
    return static_cast<Two>(duet::name)(x[0], x[1]);
#define DUET_CALL_Comparison(name) DUET_CALL_Binary(name)
#define DUET_CALL_Select(name) \
  case Op::name:               \
    return duet::name(x[0], x[1], x[2]);
#define DUET_CALL_Cast(name) \
  case Op::name:             \
    return duet::name(x[0], result);
#define DUET_CALL_Reduce(name)
#define DUET_CALL_ArgReduce(name)
#define DUET_CALL_View(name)
#define DUET_CALL_Assemble(name)
#define DUET_CALL_Index(name)
#define DUET_CALL_Sort(name)
#define DUET_CALL_Source(name)
#define DUET_CALL_Contract(name)
#define DUET_CALL_Effect(name)
#define DUET_CALL_Region(name)
#define DUET_CALL_Host(name)
#include <duet/ops.def>
#undef DUET_OP
    default:
      std::abort();
  }
}

DType ResultOf(Op op, DType operand) {
  const OpClass op_class = info(op).op_class;
  return op_class == OpClass::Predicate || op_class == OpClass::Comparison ? DType::bool_ : operand;
}

class Maker {
 public:
  Maker(Op op, DType dtype, DType result) : meaning_{op, dtype, result}, values_(Seed(op, dtype)) {
    if (op == Op::where) dtypes_.push_back(DType::bool_);
    while (static_cast<int>(dtypes_.size()) < info(op).arity) dtypes_.push_back(dtype);
  }

  // All operands in one layout, or operand `odd` in it and the others plain.
  void Add(const Shape& shape, Layout layout, int odd = -1) {
    std::vector<Layout> layouts(dtypes_.size(), odd < 0 ? layout : Layout::kPlain);
    if (odd >= 0) layouts[static_cast<std::size_t>(odd)] = layout;
    Case c;
    c.label = to_string(shape) + " " + Name(layout) + (odd < 0 ? "" : " operand " + std::to_string(odd));
    for (std::size_t k = 0; k < dtypes_.size(); ++k)
      c.inputs.push_back(values_.AnyTensor(dtypes_[k], BaseShape(layouts[k], shape)));
    AddCase(std::move(c), layouts, shape);
  }

  // Every edge with every other, or every edge of one operand; and random ones.
  void AddEdges() {
    Case c;
    c.label = "edges";
    if (dtypes_.size() == 1) {
      const std::vector<Element> edges = EdgeValues(dtypes_[0]);
      const auto count = static_cast<std::int64_t>(edges.size()) + 1000;
      c.inputs.push_back(TensorOf(Make(dtypes_[0], {count}, [&](const Position& at) {
        const auto i = static_cast<std::size_t>(at[0]);
        return i < edges.size() ? edges[i] : values_.Any(dtypes_[0]);
      })));
    } else {
      const auto [x, y] = EdgePairs(meaning_.operand);
      if (dtypes_.size() == 3) c.inputs.push_back(values_.AnyTensor(DType::bool_, x.shape()));
      c.inputs.push_back(x);
      c.inputs.push_back(y);
    }
    const Shape shape = c.inputs[0].shape();
    AddCase(std::move(c), std::vector<Layout>(dtypes_.size(), Layout::kPlain), shape);
  }

  // Inside a sum over rows, over columns, and of a result that a reduction made: what is masked off must not matter.
  void AddAroundReductions() {
    for (int axis : {0, 1}) {
      Case c;
      c.label = "summed over axis " + std::to_string(axis);
      for (DType dtype : dtypes_) c.inputs.push_back(values_.ModerateTensor(dtype, {67, 19}));
      c.f = [m = meaning_, axis](const Tensors& x) { return sum(CallPublic(m.op, m.result, x), axis); };
      cases_.push_back(std::move(c));
    }
    if (meaning_.operand == DType::bool_) return;
    Case c;
    c.label = "of a maximum";
    for (DType dtype : dtypes_) c.inputs.push_back(values_.ModerateTensor(dtype, {7, 33}));
    c.f = [m = meaning_](const Tensors& x) {
      Tensors y = x;
      y.back() = max(y.back(), 1, keepdims);
      return CallPublic(m.op, m.result, y);
    };
    cases_.push_back(std::move(c));
  }

  // Enough elements for several threads.
  void AddLarge() {
    Case c;
    c.label = "large";
    for (DType dtype : dtypes_) c.inputs.push_back(values_.ModerateTensor(dtype, {70, 1001}));
    c.f = [m = meaning_](const Tensors& x) { return CallPublic(m.op, m.result, x); };
    cases_.push_back(std::move(c));
  }

  int operand_count() const { return static_cast<int>(dtypes_.size()); }
  Cases Take() { return std::move(cases_); }

 private:
  void AddCase(Case c, const std::vector<Layout>& layouts, const Shape& shape) {
    const auto viewed = [layouts, shape](const Tensors& x) {
      Tensors views;
      for (std::size_t k = 0; k < x.size(); ++k) views.push_back(View(layouts[k], x[k], shape));
      return views;
    };
    c.f = [m = meaning_, viewed](const Tensors& x) { return CallPublic(m.op, m.result, viewed(x)); };
    c.check = [m = meaning_, viewed, shape](const Tensors& x, const Tensor& got) {
      std::vector<Array> operands;
      for (const Tensor& view : viewed(x)) operands.push_back(Broadcast(ArrayOf(view), shape));
      return CheckElements(m, operands, shape, ArrayOf(got));
    };
    cases_.push_back(std::move(c));
  }

  static std::string CheckElements(const MeaningCase& meaning, const std::vector<Array>& operands, const Shape& shape,
                                   const Array& got) {
    if (got.dtype != meaning.result || !(got.shape == shape)) return name(got.dtype) + to_string(got.shape);
    for (std::size_t i = 0; i < got.elements.size(); ++i) {
      Element x[3];
      for (std::size_t k = 0; k < operands.size(); ++k) x[k] = operands[k].elements[i];
      const std::string wanted = CheckMeaning(meaning, std::span(x, operands.size()), got.elements[i]);
      if (wanted.empty()) continue;
      std::string text = "of";
      for (std::size_t k = 0; k < operands.size(); ++k) text += " " + ToText(x[k], operands[k].dtype);
      return text + " is " + ToText(got.elements[i], got.dtype) + ", expected " + wanted;
    }
    return "";
  }

  MeaningCase meaning_;
  Values values_;
  std::vector<DType> dtypes_;
  Cases cases_;
};

Cases CasesFor(Op op, DType dtype, DType result) {
  Maker maker(op, dtype, result);
  for (std::int64_t n : {1, 3, 7, 15, 17, 31, 33, 63, 65, 1000}) maker.Add({n}, Layout::kPlain);
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{0, 3}, Shape{3, 0}, Shape{2, 3, 4}})
    maker.Add(shape, Layout::kPlain);
  for (const Shape& shape : {Shape{33}, Shape{5, 17}, Shape{2, 3, 18}})
    for (Layout layout : kWholeLayouts) maker.Add(shape, layout);
  for (int k = 0; k < maker.operand_count() && maker.operand_count() > 1; ++k) {
    for (Layout layout : kWholeLayouts) maker.Add({5, 17}, layout, k);
    for (Layout layout : {Layout::kScalar, Layout::kRow, Layout::kColumn}) maker.Add({5, 17}, layout, k);
    maker.Add({2, 3, 33}, Layout::kColumn, k);
    maker.Add({65}, Layout::kScalar, k);
  }
  maker.AddEdges();
  maker.AddAroundReductions();
  maker.AddLarge();
  return maker.Take();
}

}  // namespace

Cases ElementwiseCases(Op op, DType dtype) {
  if (op != Op::cast) return CasesFor(op, dtype, ResultOf(op, dtype));
  Cases all;
  for (DType to : kStoredDTypes)
    for (Case& c : CasesFor(op, dtype, to)) {
      c.label = std::string("to ") + name(to) + " " + c.label;
      all.push_back(std::move(c));
    }
  return all;
}

#define DUET_OP(name, op_class, ...) DUET_CASES_##op_class(name)
#define DUET_CASES_Unary(name)                \
  template <>                                 \
  Cases CasesOf<Op::name>(DType dtype) {      \
    return ElementwiseCases(Op::name, dtype); \
  }
#define DUET_CASES_Predicate(name) DUET_CASES_Unary(name)
#define DUET_CASES_Binary(name) DUET_CASES_Unary(name)
#define DUET_CASES_Comparison(name) DUET_CASES_Unary(name)
#define DUET_CASES_Select(name) DUET_CASES_Unary(name)
#define DUET_CASES_Cast(name) DUET_CASES_Unary(name)
#define DUET_CASES_Reduce(name)
#define DUET_CASES_ArgReduce(name)
#define DUET_CASES_View(name)
#define DUET_CASES_Assemble(name)
#define DUET_CASES_Index(name)
#define DUET_CASES_Sort(name)
#define DUET_CASES_Source(name)
#define DUET_CASES_Contract(name)
#define DUET_CASES_Effect(name)
#define DUET_CASES_Region(name)
#define DUET_CASES_Host(name)
#include <duet/ops.def>
#undef DUET_OP

}  // namespace duet
