// What functions take and return: structs, maps, optionals, strings, variables, nested at will and empty; and that the
// same program gives the same bits plainly, evaluated and natively.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace duet {

struct Layer {
  Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

struct Model {
  std::map<std::string, Layer> layers;
  std::optional<Tensor> scale;
  Variable count;
  std::string activation;
  Static<int> times;
};
DUET_STRUCT(Model, layers, scale, count, activation, times)

struct Nothing {};
DUET_STRUCT(Nothing)

struct Sixteen {
  Tensor a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
DUET_STRUCT(Sixteen, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)

struct Swapped {
  Tensor first, second;
};
DUET_STRUCT(Swapped, second, first)

namespace {

using testing::HasSubstr;

Tensor Forward(const Model& model, const Tensor& x) {
  Tensor h = x;
  for (int i = 0; i < model.times.value; ++i) {
    for (const auto& [name, layer] : model.layers) h = matmul(h, layer.weight) + layer.bias;
    if (model.activation == "tanh") h = tanh(h);
  }
  if (model.scale) h = h * *model.scale;
  Variable(model.count).assign_add(1);
  return h + model.count;
}

Model MakeModel() {
  const Layer first{iota({4, 4}, 0, f32) * 0.01, iota({4}, 0, f32) + 1};
  const Layer second{iota({4, 4}, 1, f32) * 0.02, ones({4})};
  return {{{"first", first}, {"second", second}}, full({}, 0.5f), Variable(0.0f, "count"), "tanh", 2};
}

TEST(FunctionTree, StructsMapsOptionalsStringsAndVariables) {
  const function f{Forward, {.name = "forward", .argument_names = {"model", "x"}}};
  const Tensor x = iota({3, 4}, 0, f32) * 0.1;
  for (const bool compiled : {false, true}) {
    Model model = MakeModel(), plain = MakeModel();
    if (compiled) f.compile(model, x);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    EXPECT_EQ(model.count.value().item<float>(), 3);
    model.scale.reset();
    plain.scale.reset();
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    model.activation = plain.activation = "none";
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    model.times = plain.times = 1;
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    model.layers.erase("first");
    plain.layers.erase("first");
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    model.layers["third"] = plain.layers["third"] = MakeModel().layers["first"];
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
    model.layers.clear();
    plain.layers.clear();
    EXPECT_TRUE(same_bits(f(model, x), Forward(plain, x)));
  }
  const std::string text = f.explain();
  EXPECT_THAT(text, HasSubstr("forward(model.layers.first.weight: f32[4,4], model.layers.first.bias: f32[4], "));
  EXPECT_THAT(text, HasSubstr("argument model.scale holds: 1 value -> 0 values"));
  EXPECT_THAT(text, HasSubstr("argument model.activation: \"tanh\" -> \"none\""));
  EXPECT_THAT(text, HasSubstr("argument model.times: 2 -> 1"));
  EXPECT_THAT(text, HasSubstr("argument model.layers holds: 2 entries -> 1 entry"));
  EXPECT_THAT(text, HasSubstr("argument model.layers[\"third\"].weight: new -> f32[4,4]"));
}

// The same numbers of entries and tensors, under other keys.
TEST(FunctionTree, KeysAreCompared) {
  using Map = std::map<std::string, Tensor>;
  const function f{[](const Map& map) {
    Tensor total = zeros({});
    for (const auto& [key, value] : map) total = total * 10 + value * static_cast<float>(key.size());
    return total;
  }};
  const Tensor one = full({}, 1.0f), two = full({}, 2.0f);
  EXPECT_EQ(f({{"a", one}, {"bb", two}}).item<float>(), 14);
  EXPECT_EQ(f({{"a", one}, {"b", two}}).item<float>(), 12);
  EXPECT_EQ(f({{"ab", one}, {"b", two}}).item<float>(), 22);
  EXPECT_EQ(f({}).item<float>(), 0);
  EXPECT_EQ(f.stats().traces, 4);
  EXPECT_EQ(f({{"a", two}, {"bb", one}}).item<float>(), 22);
  EXPECT_EQ(f.stats().traces, 4);

  enum class Slot { kLow = -1, kHigh = 7 };
  const function g{[](const std::map<int, Tensor>& ints, const std::map<Slot, Tensor>& slots) {
    return ints.at(3) - slots.at(Slot::kHigh) + slots.at(Slot::kLow) * 0;
  }};
  EXPECT_EQ(g({{3, two}, {-5, one}}, {{Slot::kHigh, one}, {Slot::kLow, two}}).item<float>(), 1);
}

TEST(FunctionTree, EverythingIsAResult) {
  const Model model = MakeModel();
  const function f{[](const Model& m, const Tensor& x) {
    Model changed = m;
    changed.layers["new"] = {x, x * 2};
    changed.layers["first"].bias = m.layers.at("first").bias + 1;
    changed.scale.reset();
    Variable(changed.count).assign_add(x(0));
    changed.activation += "!";
    return std::tuple(changed, std::optional<Tensor>(x + 1), std::optional<Layer>(), std::map<int, Tensor>(),
                      std::vector<Layer>{{x, x}}, Nothing());
  }};
  const Tensor x = iota({3}, 0, f32) + 5;
  for (int i = 0; i < 3; ++i) {
    const auto [changed, set, unset, map, list, nothing] = f(model, x);
    EXPECT_EQ(changed.layers.size(), 3u);
    EXPECT_TRUE(same_bits(changed.layers.at("new").bias, x * 2));
    EXPECT_TRUE(same_bits(changed.layers.at("first").bias, model.layers.at("first").bias + 1));
    EXPECT_TRUE(same_bits(changed.layers.at("second").weight, model.layers.at("second").weight));
    EXPECT_FALSE(changed.scale.has_value());
    EXPECT_EQ(changed.activation, "tanh!");
    EXPECT_EQ(changed.times.value, 2);
    EXPECT_EQ(changed.count.body(), model.count.body());
    EXPECT_EQ(model.count.value().item<float>(), 5 * (i + 1));
    EXPECT_TRUE(same_bits(set.value(), x + 1));
    EXPECT_FALSE(unset.has_value());
    EXPECT_TRUE(map.empty());
    EXPECT_TRUE(same_bits(list.at(0).weight, x));
    f.compile(model, x);
  }
  EXPECT_EQ(f.stats().traces, 1);
}

TEST(FunctionTree, SixteenFieldsKeepTheirOrder) {
  const function f{[](const Sixteen& s) {
    Sixteen r = s;
    r.a = s.p - s.o;
    r.p = s.a * 100 + s.b * 10 + s.c;
    return r;
  }};
  const auto number = [](float x) { return full({}, x); };
  const Sixteen s{number(1), number(2),  number(3),  number(4),  number(5),  number(6),  number(7),  number(8),
                  number(9), number(10), number(11), number(12), number(13), number(14), number(15), number(17)};
  const Sixteen r = f(s);
  EXPECT_EQ(r.a.item<float>(), 2);
  EXPECT_EQ(r.p.item<float>(), 123);
  EXPECT_EQ(r.h.item<float>(), 8);
}

TEST(FunctionTree, EmptyArguments) {
  const function f{[](const Nothing&, const std::vector<Layer>& layers,
                      const std::map<std::string, Variable>& variables, const std::tuple<>&) {
    Tensor total = ones({});
    for (const Layer& layer : layers) total = total + layer.bias;
    for (const auto& [name, variable] : variables) total = total + variable;
    return total;
  }};
  EXPECT_EQ(f({}, {}, {}, {}).item<float>(), 1);
  EXPECT_EQ(f({}, {{ones({}), ones({})}}, {{"v", Variable(5.0f)}}, {}).item<float>(), 7);
}

TEST(FunctionTree, VariablesInContainers) {
  const Variable a(1.0f, "a"), b(2.0f, "b");
  using Map = std::map<std::string, Variable>;
  const function f{[](const Map& map) {
    for (const auto& [name, variable] : map) Variable(variable).assign_add(10.0f);
    return map.begin()->second.value();
  }};
  EXPECT_EQ(f({{"x", a}, {"y", b}}).item<float>(), 11);
  EXPECT_EQ(f({{"x", b}, {"y", a}}).item<float>(), 22);
  EXPECT_EQ(f({{"x", a}, {"y", a}}).item<float>(), 41);  // the same one twice
  EXPECT_EQ(f.stats().traces, 3);
}

TEST(FunctionTree, ControlFlowCarriesThem) {
  using State = std::map<std::string, Layer>;
  const auto body = [](const State& start, const Tensor& n) {
    const State end = fori_loop(
        0, n,
        [](const Tensor&, const State& s) {
          State next = s;
          next.at("a").bias = s.at("a").bias + s.at("b").weight;
          return next;
        },
        start);
    return cond(
        sum(end.at("a").bias) > 10, [&] { return std::optional<Layer>(end.at("a")); },
        [&] { return std::optional<Layer>(end.at("b")); });
  };
  const function f{body};
  const State start{{"a", {ones({2}), zeros({2})}}, {"b", {full({2}, 2.0f), ones({2})}}};
  for (const bool compiled : {false, true}) {
    if (compiled) f.compile(start, 1);
    for (const int n : {1, 5}) {
      const auto expected = body(start, tensor(n));
      const auto got = f(start, n);
      EXPECT_TRUE(same_bits(got->weight, expected->weight));
      EXPECT_TRUE(same_bits(got->bias, expected->bias));
    }
  }
}

TEST(FunctionTree, FieldsAreListedInOrder) {
  const function f{[](const Swapped& s) { return s.first - s.second; }};
  try {
    f({ones({}), zeros({})});
    FAIL() << "nothing was thrown";
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("list the fields in the order of their declaration: first is too late"));
  }
}

}  // namespace
}  // namespace duet
