// print and check: what happens on every call of a function, in the order of the program. docs/effects.md explains it.
#include <duet/duet.h>

#include <iostream>

using duet::function, duet::Tensor, duet::Variable;

int main() {
  // [watched]
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
  // [/watched]
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
}
