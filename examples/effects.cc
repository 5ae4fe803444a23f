// print, check and host_call: what happens on every call of a function, in the order of the program. docs/effects.md
// explains it.
#include <duet/duet.h>

#include <deque>
#include <iostream>
#include <stdexcept>
#include <utility>

using duet::f32, duet::function, duet::i64, duet::Spec, duet::Tensor, duet::Variable;

namespace {

// A solver that is not made of ops, and what its derivative is.
Tensor cube_root(const Tensor& x) {
  const auto solve = [](const Tensor& t) {
    return duet::host_call([](const Tensor& value) { return duet::exp(duet::log(value) / 3); }, Spec{f32, t.shape()},
                           t);
  };
  return duet::custom_gradient(solve, [=](const Tensor& t, const Tensor& dy) {
    const Tensor root = solve(t);
    return dy / (3 * root * root);
  })(x);
}

void train() {
  std::deque<float> stream{3, 5, 4};
  const auto next = [&] {
    if (stream.empty()) throw std::out_of_range("the stream is dry");
    const float value = stream.front();
    stream.pop_front();
    return std::pair{duet::tensor(value), duet::tensor(stream.size(), i64)};
  };
  Variable mean(0.0f, "mean");
  function follow{[&](const Tensor& steps) {
    return duet::fori_loop(
        0, steps,
        [&](const Tensor& i, const Tensor&) {
          const auto [value, left] = duet::host_call(next, {Spec{f32}, Spec{i64}});
          mean.assign_add((value - mean) / (i + 1));
          duet::host_call([](const Tensor& m, const Tensor& n) { std::cout << m << ", " << n << " to come\n"; }, {},
                          mean, left);
          return mean.value();
        },
        0.0f);
  }};
  follow.compile(2);
  follow(2);
  try {
    follow(2);
  } catch (const std::out_of_range& error) {
    std::cout << error.what() << ": mean " << mean.value() << std::endl;
  }
}

}  // namespace

int main() {
  Variable calls(0, "calls");
  function halve{[&](const Tensor& x) {
    calls.assign_add(1);
    duet::print("call {}: x is {}", calls, x);
    duet::check(all(x > 0), "x must be positive");
    return duet::while_loop([](const Tensor& y) { return sum(y) > 1; },
                            [](const Tensor& y) {
                              duet::print("  {} is too much", sum(y));
                              return y * 0.5;
                            },
                            x);
  }};
  const Tensor x = duet::tensor({1.0f, 2.0f});
  halve(x);
  halve.compile(x);
  std::cout << halve(x) << std::endl;
  try {
    halve(-x);
  } catch (const duet::CheckError& error) {
    std::cout << error.what() << std::endl;
  }
  std::cout << "calls: " << calls.value() << ", native: " << halve.stats().native_calls << std::endl;
  train();
  const Tensor eight = duet::tensor({8.0f});
  std::cout << function{duet::grad([](const Tensor& t) { return sum(cube_root(t)); })}(eight) << std::endl;
}
