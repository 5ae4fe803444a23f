// What a duet::function can do beside being called: signatures, structs, state, retraces, inspection, checks. The page
// docs/function.md explains these lines; each check below is also a test.
#include <duet/duet.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using duet::Dim, duet::dynamic, duet::f32, duet::full, duet::function, duet::Inlining, duet::ones, duet::Spec,
    duet::Static, duet::Tensor, duet::Variable, duet::zeros, duet::random::Key, duet::random::uniform;

struct Layer {
  Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

using Model = std::map<std::string, Layer>;

Tensor forward(const Model& model, const Tensor& x) {
  const Tensor h = tanh(matmul(x, model.at("in").weight) + model.at("in").bias);
  return matmul(h, model.at("out").weight) + model.at("out").bias;
}

struct Terms {
  std::array<Tensor, 2> two;
  std::vector<Tensor> more;
  std::optional<Tensor> scale;
  std::string reduction;
};
DUET_STRUCT(Terms, two, more, scale, reduction)

std::pair<Tensor, std::optional<Tensor>> total(const Terms& terms) {
  Tensor all = terms.two[0] + terms.two[1];
  for (const Tensor& term : terms.more) all = all + term;
  if (terms.scale) all = all * *terms.scale;
  if (terms.reduction == "none") return {all, std::nullopt};
  return {sum(all), all};
}

Tensor shift(const Tensor& x) { return x + 1; }
Tensor shift(const Tensor& x, const Tensor& by) { return x + by; }

struct Mean {
  std::optional<Variable> total, count;
  Tensor add(const Tensor& x) {
    if (!total) {
      total.emplace(0.0f, "total");
      count.emplace(0.0f, "count");
    }
    total->assign_add(x);
    count->assign_add(1.0f);
    return *total / *count;
  }
};

void check(bool holds, const char* what) {
  if (holds) return;
  std::cerr << what << " does not hold\n";
  std::exit(1);
}

// Structs and containers.
void arguments() {
  const Model model{{"in", {ones({3, 4}), ones({4})}}, {"out", {ones({4, 2}), ones({2})}}};
  const function predict{forward, {.name = "predict", .argument_names = {"model", "x"}}};
  const Tensor y = predict(model, ones({5, 3}));
  check(same_bits(y, forward(model, ones({5, 3}))), "predict is forward");

  const function add{total};
  const auto [reduced, all] = add({{ones({2}), ones({2})}, {ones({2})}, full({}, 0.5f), "sum"});
  check(reduced.item<float>() == 3 && all->dim(0) == 2, "six halves");
  add({{ones({2}), ones({2})}, {}, std::nullopt, "none"});
  check(add.stats().traces == 2, "another list, no scale, another text: another trace");

  // Static values are part of the signature, numbers for tensors are not.
  const function power{[](const Tensor& x, Static<int> n) {
    Tensor result = x;
    for (int i = 1; i < n.value; ++i) result = result * x;
    return result;
  }};
  check(power(2.0, 3).item<float>() == 8 && power(3.0, 3).item<float>() == 27, "powers");
  check(power.stats().traces == 1, "one trace for both");
}

void callables() {
  using Unary = function<Tensor(const Tensor&)>;
  const Unary one_of_two{shift}, generic{[](const auto& x) { return x * x; }};
  const std::map<std::string, Unary> by_name{{"shift", one_of_two}, {"square", generic}};
  check(by_name.at("square")(3.0).item<float>() == 9, "functions in a map");
  by_name.at("shift")(1.0);
  one_of_two(2.0);
  check(one_of_two.stats().traces == 1, "the one in the map is a copy: they share their traces");
}

void signatures() {
  const function scaled{[](const Tensor& x, const Tensor& scale) { return x * scale; },
                        {.name = "scaled", .input_signature = {Spec{f32, {dynamic, 3}, "x"}, Spec{f32, {}, "scale"}}}};
  scaled(ones({7, 3}), 2.0);
  try {
    scaled(ones({7, 4}), 2.0);
    check(false, "7 by 4 is refused");
  } catch (const duet::SignatureError& error) {
    std::cout << error.what() << "\n\n";
  }

  // A concrete function: traced without running, called without tracing.
  const auto concrete = scaled.concrete(Spec{f32, {8, 3}}, Spec{f32, {}});
  concrete(ones({8, 3}), 0.5);
  std::cout << concrete.signature() << '\n' << concrete.cost() << '\n' << concrete.memory() << '\n';
  std::cout << concrete.text("optimized") << '\n';
}

// One trace for many sizes.
void sizes() {
  const function standardize{[](const Tensor& x) {
                               const Tensor centred = x - mean(x, 0);
                               return centred / sqrt(sum(square(centred), 0) / (x.dim(0) - 1));
                             },
                             {.name = "standardize"}};
  for (const int n : {8, 16, 3, 100}) standardize(uniform(Key(n), {n, 4}));
  check(standardize.stats().traces == 2, "one trace for 8 rows, one for any number of them");
  std::cout << standardize.explain() << '\n';
}

// 48 layers whose body is traced, optimised and compiled once.
void nested() {
  const function layer{[](const Tensor& x, const Tensor& w) { return x + tanh(matmul(x, w)); },
                       {.name = "layer", .inlining = Inlining::never}};
  const function network{[&](const Tensor& x, const Tensor& weights) {
                           Tensor h = x;
                           for (int i = 0; i < 48; ++i) h = layer(h, weights(i));
                           return h;
                         },
                         {.name = "network"}};
  const Tensor input = uniform(Key(1), {5, 8}), weights = uniform(Key(2), {48, 8, 8}) * 0.1;
  check(verify(network, input, weights).same, "the same bits as without sharing");
  std::cout << network.stats().code_bytes << " bytes of code for 48 layers\n\n";
}

void state() {
  Tensor weight = full({3}, 2.0f);
  Variable bias(zeros({3}), "bias");
  const float rate = 0.5f;
  const function linear{[&](const Tensor& x) {
                          const Tensor scaled = rate * x * weight;
                          return scaled + bias;
                        },
                        {.name = "linear"}};
  linear(ones({3}));
  weight = zeros({3});     // not seen: linear has the weight that was there when it was traced
  bias.assign(ones({3}));  // seen
  check(linear(ones({3}))(0).item<float>() == 2, "0.5 * 1 * 2 + 1");
  std::cout << linear.explain() << '\n';

  // State made on the first call.
  Mean mean;
  const function running{&Mean::add, &mean};
  running(1.0f);
  check(running(2.0f).item<float>() == 1.5f, "the mean of 1 and 2");
}

// Why something was traced again, and a scope in which nothing may be.
void retraces() {
  const function power{[](const Tensor& x, Static<int> n) { return x * n.value; }, {.name = "power"}};
  power(ones({2}), 3);
  power(ones({2}), 4);
  std::cout << power.explain() << '\n';
  for (int n = 5; n < 9; ++n) power(ones({2}), n);
  {
    const duet::NoNewTraces frozen;
    power(ones({2}), 4);
    try {
      power(ones({2}), 9);
      check(false, "a ninth power is refused");
    } catch (const duet::TraceError& error) {
      std::cout << error.what() << "\n\n";
    }
  }

  const function small{[](const Tensor& x) { return exp(x); },
                       {.name = "small", .reduce_retracing = false, .max_traces = 2}};
  for (int n = 2; n < 12; ++n) small(ones({n}));
  check(small.stats().traces == 10 && small.stats().evictions == 8, "two traces are kept");
}

// The same bits in every mode, and where a NaN comes from.
void checks() {
  const Model model{{"in", {ones({3, 4}), ones({4})}}, {"out", {ones({4, 2}), ones({2})}}};
  const duet::Verification verified = verify(forward, model, ones({5, 3}));
  std::cout << verified.text << '\n';
  check(verified.same, "the same bits");
  const auto entropy = [](const Tensor& p) { return -sum(p * log(p)); };
  const duet::NanReport nan = find_nan(entropy, duet::tensor({0.5, 0.5, 0.0}));
  std::cout << nan.text << '\n';
  check(nan.found && nan.op == "log", "log made it");
}

void threads() {
  const function shared{[](const Tensor& x) { return tanh(x) * 2; }};
  std::vector<std::thread> workers;
  for (int i = 0; i < 8; ++i) workers.emplace_back([&] { shared(ones({4})); });
  for (std::thread& worker : workers) worker.join();
  check(shared.stats().traces == 1, "seven wait for the trace of one");
}

void mistakes() {
  const function repeat{[](const Tensor& x, Static<int> n) {
    if (n.value < 0) throw std::invalid_argument("n is negative");
    return x * n.value;
  }};
  try {
    repeat(1.0, -1);
  } catch (const std::invalid_argument&) {
    check(repeat.stats().traces == 0, "nothing was traced");
  }

  Tensor kept;
  const function leaks{[&](const Tensor& x) {
    kept = x * 2;
    return x;
  }};
  leaks(1.0);
  try {
    kept + 1;
    check(false, "an escaped value is refused");
  } catch (const duet::TraceError& error) {
    std::cout << error.what() << "\n\n";
  }
}

int main() {
  arguments();
  callables();
  signatures();
  sizes();
  nested();
  state();
  retraces();
  checks();
  threads();
  mistakes();
  std::cout << "all of it holds\n";
}
