// Every batching rule against a loop over the examples, bit for bit, with each choice of batched operands; axes,
// nesting, errors.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "eager/batching_rules.h"
#include "tests/eager/message_of.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;
using ::testing::AllOf;
using ::testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

constexpr int kExamples = 3;

// Numbers of both signs, some equal, for any dtype.
Tensor Numbers(const Shape& shape, DType dtype, int seed) {
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  double at = 0.37 + 0.11 * seed;
  for (double& value : values) {
    at += 0.6180339887498949;
    at -= at >= 1 ? 1 : 0;
    value = dtype == f32 || dtype == f64 ? 4 * at - 1.7 : std::floor(7 * at) - 2;
  }
  return cast(tensor(values, shape), dtype);
}

struct VmapCase {
  std::string name;
  std::function<Tensor(const Tensors&)> f;
  Tensors examples;  ///< each with the examples along axis 0
};

void AddElementwise(std::vector<VmapCase>& cases) {
  for (int i = 0; i < kOpCount; ++i) {
    const auto op = static_cast<Op>(i);
    const OpClass c = info(op).op_class;
    if (c != OpClass::Unary && c != OpClass::Predicate && c != OpClass::Binary && c != OpClass::Comparison) continue;
    for (DType dtype : {bool_, i32, i64, f32, f64}) {
      if (!Accepts(info(op).dtypes, dtype)) continue;
      Tensors inputs;
      for (int k = 0; k < info(op).arity; ++k) inputs.push_back(Numbers({kExamples, 2, 5}, dtype, k));
      cases.push_back({name(op),
                       [op](const Tensors& in) {
                         std::vector<const Tensor*> operands;
                         for (const Tensor& t : in) operands.push_back(&t);
                         return Bind(op, operands, {}, {});
                       },
                       inputs});
    }
  }
  cases.push_back(
      {"where",
       [](const Tensors& in) { return where(in[0], in[1], in[2]); },
       {Numbers({kExamples, 4}, bool_, 0), Numbers({kExamples, 4}, f32, 1), Numbers({kExamples, 4}, f32, 2)}});
  cases.push_back({"cast", [](const Tensors& in) { return cast(in[0], i32); }, {Numbers({kExamples, 4}, f32, 0)}});
  cases.push_back({"add",
                   [](const Tensors& in) { return in[0] + in[1] * 2; },
                   {Numbers({kExamples, 4, 3}, f32, 0), Numbers({kExamples, 3}, f64, 1)}});
}

void AddReductions(std::vector<VmapCase>& cases) {
  using T = const Tensor&;
  const auto one = [&](const char* name, auto f, DType dtype) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {Numbers({kExamples, 4, 70, 3}, dtype, 1)}});
  };
  for (DType dtype : {i32, f32, f64}) {
    one("sum", [](T x) { return sum(x); }, dtype);
    one("sum", [](T x) { return sum(x, 1); }, dtype);
    one("sum", [](T x) { return sum(x, {0, 2}, keepdims); }, dtype);
    one("sum", [](T x) { return sum(x, Axes(std::initializer_list<int>{})); }, dtype);
    one("prod", [](T x) { return prod(x, -1); }, dtype);
    one("max", [](T x) { return max(x, {1, 2}); }, dtype);
    one("min", [](T x) { return min(x, 0); }, dtype);
    one("argmax", [](T x) { return argmax(x, 1); }, dtype);
    one("argmin", [](T x) { return argmin(x); }, dtype);
    one("sort", [](T x) { return sort(x, 1); }, dtype);
    one("argsort", [](T x) { return argsort(x); }, dtype);
  }
  one("any", [](T x) { return any(x, 1); }, bool_);
  one("all", [](T x) { return all(x, {0, 1}); }, bool_);
  one("softmax", [](T x) { return softmax(x, 1); }, f32);
  one("logsumexp", [](T x) { return logsumexp(x, -2); }, f32);
  one("var", [](T x) { return var(x); }, f32);
  cases.push_back({"sum", [](const Tensors& in) { return sum(in[0]); }, {Numbers({kExamples, 70000}, f32, 1)}});
}

void AddMovement(std::vector<VmapCase>& cases) {
  using T = const Tensor&;
  const auto one = [&](const char* name, auto f) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {Numbers({kExamples, 4, 1, 5}, f32, 1)}});
  };
  one("reshape", [](T x) { return reshape(x, {5, -1}); });
  one("transpose", [](T x) { return transpose(x, {2, 0, 1}); });
  one("transpose", [](T x) { return reshape(x.T(), {20}); });
  one("broadcast_to", [](T x) { return broadcast_to(x, {2, 4, 3, 5}); });
  one("slice", [](T x) { return slice(x, {3, 0, 1}, {2, 1, 2}, {-2, 1, 2}); });
  one("slice", [](T x) { return x(1, ellipsis, range(4, 0, -2)); });
  one("flip", [](T x) { return flip(x, {0, 2}); });
  one("squeeze", [](T x) { return expand_dims(squeeze(x), 0); });
  one("stack", [](T x) { return stack({x, x * 2, ones(x.shape())}, 1); });
  const auto two = [&](const char* name, auto f, const Shape& a, const Shape& b, DType dtype = f32) {
    Shape all_a = a, all_b = b;
    all_a.insert(0, kExamples);
    all_b.insert(0, kExamples);
    cases.push_back({name,
                     [f](const Tensors& in) { return f(in[0], in[1]); },
                     {Numbers(all_a, dtype, 1), Numbers(all_b, dtype, 2)}});
  };
  two("update_slice", [](T x, T y) { return update_slice(x, y, {1, 0}, {2, 1}); }, {5, 3}, {2, 2});
  two("update_slice", [](T x, T y) { return x.at(range(3, 0, -1), 0).add(y); }, {5, 3}, {3});
  two("pad", [](T x, T y) { return pad(x, {1, 0}, {0, 2}, y); }, {2, 3}, {});
  two("pad", [](T x, T y) { return pad(x, {}, {}, y); }, {}, {});
  two("concatenate", [](T x, T y) { return concatenate({x, y, x}, 1); }, {2, 3}, {2, 1});
  for (DType dtype : {f32, f64, i32}) {
    two("matmul", [](T x, T y) { return matmul(x, y); }, {7, 33}, {33, 5}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {7, 33}, {33}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {33}, {33, 5}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {33}, {33}, dtype);
  }
  two("matmul", [](T x, T y) { return matmul(x, y); }, {2, 1, 7, 9}, {4, 9, 5});
  two("matmul", [](T x, T y) { return matmul(x.T(), y.T()); }, {9, 7}, {5, 9});
}

void AddIndexing(std::vector<VmapCase>& cases) {
  const Tensor x = Numbers({kExamples, 4, 5, 2}, f32, 1);
  for (DType dtype : {i32, i64})
    for (int axis : {0, 1, 2}) {
      // In range, some negative, some equal.
      const Tensor indices = cast(Numbers({kExamples, 2, 3}, f64, 5) * 0.7, dtype);
      cases.push_back({"take", [axis](const Tensors& in) { return take(in[0], in[1], axis); }, {x, indices}});
      cases.push_back(
          {"take", [axis](const Tensors& in) { return take(in[0], in[1], axis); }, {x, indices(ellipsis, 0, 0)}});
      Shape added{4, 5, 2};
      added[axis] = 3;
      added.insert(axis, 2);
      added.insert(0, kExamples);
      cases.push_back({"index_add",
                       [axis](const Tensors& in) { return index_add(in[0], in[1], in[2], axis); },
                       {x, indices, Numbers(added, f32, 3)}});
    }
  for (DType dtype : {i32, i64})
    cases.push_back({"random_bits",
                     [dtype](const Tensors& in) { return random::bits(random::Key(in[0]), {2, 37}, dtype); },
                     {tensor(std::vector<std::int64_t>{7, -3, 0x123456789ABCDEF})}});
  cases.push_back({"normal",
                   [](const Tensors& in) { return random::normal(random::fold_in(random::Key(in[0]), in[1]), {5}); },
                   {tensor(std::vector<std::int64_t>{7, -3, 8}), tensor({0, 1, 2})}});
}

std::vector<VmapCase> VmapCases() {
  std::vector<VmapCase> cases;
  AddElementwise(cases);
  AddReductions(cases);
  AddMovement(cases);
  AddIndexing(cases);
  return cases;
}

// Calls f with the chosen inputs batched.
Tensor ByVmap(const VmapCase& c, unsigned chosen) {
  std::vector<int> axes;
  for (std::size_t i = 0; i < c.examples.size(); ++i) axes.push_back(chosen >> i & 1u ? 0 : not_batched);
  // One argument per input, so that each has an axis of its own.
  const auto f = c.f;
  const auto axis = [&](std::size_t i) { return axes[i]; };
  const auto input = [&](std::size_t i) { return axes[i] == 0 ? c.examples[i] : c.examples[i](0); };
  switch (c.examples.size()) {
    case 1:
      return vmap([&](const Tensor& a) { return f({a}); }, {.in_axes = {axis(0)}})(input(0));
    case 2:
      return vmap([&](const Tensor& a, const Tensor& b) { return f({a, b}); }, {.in_axes = {axis(0), axis(1)}})(
          input(0), input(1));
    default:
      return vmap([&](const Tensor& a, const Tensor& b, const Tensor& d) { return f({a, b, d}); },
                  {.in_axes = {axis(0), axis(1), axis(2)}})(input(0), input(1), input(2));
  }
}

Tensor ByLoop(const VmapCase& c, unsigned chosen) {
  Tensors results;
  for (int n = 0; n < kExamples; ++n) {
    Tensors inputs;
    for (std::size_t i = 0; i < c.examples.size(); ++i) inputs.push_back(c.examples[i](chosen >> i & 1u ? n : 0));
    results.push_back(c.f(inputs));
  }
  return stack(results);
}

TEST(Vmap, HasTheBitsOfALoop) {
  for (const VmapCase& c : VmapCases()) {
    for (unsigned chosen = 1; chosen < 1u << c.examples.size(); ++chosen) {
      SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())) + ", batched " + std::to_string(chosen));
      EXPECT_SAME(ByVmap(c, chosen), ByLoop(c, chosen));
    }
  }
}

TEST(Vmap, TracedHasTheBitsOfALoop) {
  for (const VmapCase& c : VmapCases()) {
    SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())));
    const unsigned all = (1u << c.examples.size()) - 1;
    const function traced{[&](const Tensors& in) { return ByVmap({c.name, c.f, in}, all); }};
    EXPECT_SAME(traced(c.examples), ByLoop(c, all));
  }
}

// The inner level's examples are a tensor of the outer level.
TEST(Vmap, OfVmapHasTheBitsOfTwoLoops) {
  for (const VmapCase& c : VmapCases()) {
    if (c.examples[0].rank() > 6) continue;
    SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())));
    Tensors twice;
    for (const Tensor& t : c.examples) twice.push_back(stack({t, flip(t, 0)}));
    const unsigned all = (1u << c.examples.size()) - 1;
    // The first input batched twice, the others by the outer or by the inner level alone.
    for (const bool inner_only : {false, true}) {
      const auto outer = [&](const Tensors& in) { return ByVmap({c.name, c.f, in}, inner_only ? 1 : all); };
      const Tensor got = vmap(outer)(twice);
      Tensors wanted;
      for (int n = 0; n < 2; ++n) {
        Tensors inputs;
        for (const Tensor& t : twice) inputs.push_back(t(n));
        wanted.push_back(ByLoop({c.name, c.f, inputs}, inner_only ? 1 : all));
      }
      EXPECT_SAME(got, stack(wanted));
    }
  }
}

TEST(Vmap, EveryOpHasARuleOrAReason) {
  std::set<std::string> covered;
  for (const VmapCase& c : VmapCases()) covered.insert(c.name);
  int reasons = 0;
  for (int i = 0; i < kOpCount; ++i) {
    const BatchingRule rule = FindBatchingRule(static_cast<Op>(i));
    EXPECT_NE(rule.apply == nullptr, rule.none == nullptr) << kOpInfo[i].name;
    reasons += rule.none != nullptr;
    if (rule.apply) EXPECT_TRUE(covered.contains(kOpInfo[i].name)) << kOpInfo[i].name << " has no case";
  }
  EXPECT_EQ(reasons, 3);  // constant, iota, write_variable
}

TEST(Vmap, Axes) {
  const Tensor x = Numbers({2, 3, 4}, f32, 0), y = Numbers({4, 3}, f32, 1);
  const auto f = [](const Tensor& a, const Tensor& b) { return a * b; };
  // Examples along axis 1 of both.
  Tensors rows;
  const auto g = [](const Tensor& a, const Tensor& b) { return sum(a, 0) * b; };
  for (int n = 0; n < 3; ++n) rows.push_back(g(x(range(), n), y(range(), n)));
  EXPECT_SAME(vmap(g, {.in_axes = 1})(x, y), stack(rows));
  EXPECT_SAME(vmap(g, {.in_axes = {1, -1}, .out_axes = -1})(x, y), stack(rows, 1));
  EXPECT_SAME(vmap(f, {.in_axes = {0, not_batched}})(x, y.T()), stack({x(0) * y.T(), x(1) * y.T()}));
  const auto pair = [](const Tensor& a) { return std::pair{a * 2, ones({2})}; };
  const auto [twice, shared] = vmap(pair, {.out_axes = {1, not_batched}})(y);
  EXPECT_SAME(twice, y.T() * 2);
  EXPECT_SAME(shared, ones({2}));
  EXPECT_SAME(vmap(pair)(y).second, ones({4, 2}));
  EXPECT_SAME(vmap([](const Tensor& a, int k) { return a * k; }, {.in_axes = {0, not_batched}})(y, 3), y * 3);
}

TEST(Vmap, OfNoExamples) {
  EXPECT_SAME(vmap([](const Tensor& x) { return sum(exp(x)); })(zeros({0, 3})), zeros({0}));
  EXPECT_SAME(vmap([](const Tensor& x) { return matmul(x, x.T()); })(zeros({0, 2, 3})), zeros({0, 2, 2}));
}

TEST(Vmap, OfATracedFunction) {
  const function traced{[](const Tensor& x) { return sum(x * x) + x; }};
  const Tensor x = Numbers({3, 4}, f32, 0);
  EXPECT_SAME(vmap(traced)(x), stack({traced(x(0)), traced(x(1)), traced(x(2))}));
  // Made inside, with a batched tensor captured.
  const auto inside = [](const Tensor& a) {
    const function scaled{[&](const Tensor& b) { return a * b; }};
    return scaled(ones({4})) + scaled(a);
  };
  EXPECT_SAME(vmap(inside)(x), x + x * x);
}

TEST(Vmap, ReadsVariablesAndDoesNotWriteBatchedValues) {
  Variable v(tensor(2.0), "v");
  EXPECT_SAME(vmap([&](const Tensor& x) { return x * v; })(ones({3})), full({3}, 2.0));
  vmap([&](const Tensor& x) {
    v.assign_add(1.0);
    return x;
  })(ones({3}));
  EXPECT_SAME(v.value(), tensor(3.0));
  const auto writes = [&](const Tensor& x) {
    v.assign(x);
    return x;
  };
  const std::string wanted = "assign: the value differs between vmap's examples and variable v holds one";
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(writes)(ones({3})); }),
              AllOf(HasSubstr(wanted), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<ValueError>([&] { function{vmap(writes)}(ones({3})); }), HasSubstr(wanted));
  EXPECT_SAME(v.value(), tensor(3.0));
}

TEST(Vmap, DataOfAnExampleCannotBeLookedAt) {
  const auto item = [](const Tensor& x) { return (x * 2).item<float>() > 0 ? x : -x; };
  EXPECT_THAT(MessageOf<TraceError>([&] { vmap(item)(ones({3})); }),
              AllOf(HasSubstr("item: a value inside vmap stands for every example"), HasSubstr("made at"),
                    HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(
      MessageOf<TraceError>([&] { vmap([](const Tensor& x) { return to_string(x).empty() ? x : x; })(ones({3})); }),
      HasSubstr("print: a value inside vmap"));
  Tensor escaped;
  vmap([&](const Tensor& x) { return escaped = x * 2; })(ones({3}));
  EXPECT_THAT(MessageOf<TraceError>([&] { escaped + 1; }),
              AllOf(HasSubstr("was batched by vmap at"), HasSubstr("vmap_test.cc:")));
  const function traced{[](const Tensor& x) { return x + 1; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { traced(escaped); }), HasSubstr("was batched by vmap at"));
}

TEST(Vmap, MistakesHaveTheTextOfOneExample) {
  const auto f = [](const Tensor& x) { return reshape(x, {5}); };
  const std::string alone = MessageOf<ShapeError>([&] { f(ones({2, 3})); });
  EXPECT_THAT(alone, HasSubstr("[2,3]"));
  EXPECT_EQ(MessageOf<ShapeError>([&] { vmap(f)(ones({4, 2, 3})); }), alone);
  EXPECT_EQ(MessageOf<ShapeError>([&] { function{vmap(f)}(ones({4, 2, 3})); }), alone);
}

// An index out of range of its own example would be in range among all of them.
TEST(Vmap, IndicesOutOfRangeRaise) {
  const Tensor x = ones({2, 3}), y = ones({2, 2}), bad = tensor({{0, 3}, {0, 0}}), negative = tensor({{0, 0}, {-4, 0}});
  const auto taken = [](const Tensor& a, const Tensor& b) { return take(a, b); };
  const auto added = [](const Tensor& a, const Tensor& b, const Tensor& c) { return index_add(a, b, c); };
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(taken)(x, bad); }),
              AllOf(HasSubstr("take: index 3 is out of range for size 3"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(taken)(x, negative); }),
              HasSubstr("index -4 is out of range for size 3"));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(added)(x, bad, y); }),
              AllOf(HasSubstr("index_add: index 3 is out of range for size 3"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { function{vmap(added)}(x, negative, y); }),
              HasSubstr("index_add: index -4 is out of range for size 3"));
}

TEST(Vmap, ChecksItsArguments) {
  const auto f = [](const Tensor& x, const Tensor& y) { return x + y; };
  EXPECT_THAT(
      MessageOf<ShapeError>([&] { vmap(f)(ones({2}), ones({3})); }),
      AllOf(HasSubstr("argument 1 has 3 examples along axis 0, those before it 2"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(f, {.in_axes = 1})(ones({2}), ones({3})); }),
              HasSubstr("axis 1 is out of"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.in_axes = not_batched})(ones({2}), ones({2})); }),
              HasSubstr("no argument is batched"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.in_axes = {0}})(ones({2}), ones({2})); }),
              HasSubstr("in_axes has 1 axes for 2 arguments"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.out_axes = not_batched})(ones({2}), ones({2})); }),
              HasSubstr("differs between the examples"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f)(Tensor(), ones({2})); }), HasSubstr("empty"));
  EXPECT_THAT(MessageOf<ShapeError>(
                  [&] { vmap([](const Tensor& x) { return reshape(x, {1, 1, 1, 1, 1, 1, 1, 1}); })(ones({2})); }),
              HasSubstr("8"));
}

}  // namespace
}  // namespace duet
