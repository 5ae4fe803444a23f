// What a duet::function can do beside being called: signatures, structs, state, retraces, inspection, checks. The page
// docs/function.md explains these lines; each check below is also a test.
#include <duet/duet.h>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <string>

using duet::Dim, duet::dynamic, duet::f32, duet::function, duet::Inlining, duet::ones, duet::Spec, duet::Static,
    duet::Tensor, duet::Variable, duet::random::Key, duet::random::uniform;

struct Layer {
  Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

using Model = std::map<std::string, Layer>;

Tensor forward(const Model& model, const Tensor& x) {
  const Tensor h = tanh(matmul(x, model.at("in").weight) + model.at("in").bias);
  return matmul(h, model.at("out").weight) + model.at("out").bias;
}

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

int main() {
  // Structs and containers.
  const Model model{{"in", {ones({3, 4}), ones({4})}}, {"out", {ones({4, 2}), ones({2})}}};
  const function predict{forward, {.name = "predict", .argument_names = {"model", "x"}}};
  const Tensor y = predict(model, ones({5, 3}));
  check(same_bits(y, forward(model, ones({5, 3}))), "predict is forward");

  // Static values are part of the signature, numbers for tensors are not.
  const function power{[](const Tensor& x, Static<int> n) {
    Tensor result = x;
    for (int i = 1; i < n.value; ++i) result = result * x;
    return result;
  }};
  check(power(2.0, 3).item<float>() == 8 && power(3.0, 3).item<float>() == 27, "powers");
  check(power.stats().traces == 1, "one trace for both");

  // An input signature.
  const function scaled{[](const Tensor& x, const Tensor& scale) { return x * scale; },
                        {.name = "scaled", .input_signature = {Spec{f32, {dynamic, 3}, "x"}, Spec{f32, {}, "scale"}}}};
  scaled(ones({7, 3}), 2.0);
  try {
    scaled(ones({7, 4}), 2.0);
    return 1;
  } catch (const duet::SignatureError& error) {
    std::cout << error.what() << "\n\n";
  }

  // One trace for many sizes.
  const function standardize{[](const Tensor& x) {
    const Tensor centred = x - mean(x, 0);
    return centred / sqrt(sum(square(centred), 0) / (x.dim(0) - 1));
  }};
  for (const int n : {8, 16, 3, 100}) standardize(uniform(Key(n), {n, 4}));
  check(standardize.stats().traces == 2, "one trace for 8 rows, one for any number of them");
  std::cout << standardize.explain() << '\n';

  // 48 layers whose body is traced, optimised and compiled once.
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

  // A concrete function: traced without running, called without tracing.
  const auto concrete = scaled.concrete(Spec{f32, {8, 3}}, Spec{f32, {}});
  concrete(ones({8, 3}), 0.5);
  std::cout << concrete.signature() << '\n' << concrete.cost() << '\n' << concrete.memory() << '\n';
  std::cout << concrete.text("optimized") << '\n';

  // State made on the first call.
  Mean mean;
  const function running{&Mean::add, &mean};
  running(1.0f);
  check(running(2.0f).item<float>() == 1.5f, "the mean of 1 and 2");

  // Why something was traced again, and a scope in which nothing may be.
  power(ones({2}), 3);
  power(ones({2}), 4);
  std::cout << power.explain() << '\n';
  {
    const duet::NoNewTraces frozen;
    power(ones({2}), 4);
    try {
      power(ones({2}), 5);
      return 1;
    } catch (const duet::TraceError& error) {
      std::cout << error.what() << "\n\n";
    }
  }

  // The same bits in every mode, and where a NaN comes from.
  const duet::Verification verified = verify(predict, model, ones({5, 3}));
  std::cout << verified.text << '\n';
  check(verified.same, "the same bits");
  const auto entropy = [](const Tensor& p) { return -sum(p * log(p)); };
  const duet::NanReport nan = find_nan(entropy, duet::tensor({0.5, 0.5, 0.0}));
  std::cout << nan.text << '\n';
  check(nan.found && nan.op == "log", "log made it");
  std::cout << "all of it holds\n";
}
